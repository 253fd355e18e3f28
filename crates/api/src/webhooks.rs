//! Webhooks: where the end of a run is reported, the secret that signs the reports, and how they were delivered.

use crate::time::Time;
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// Where the end of a detached run is reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Webhook {
    /// The URL that gets the report: `https`, port 443, and a host by its name.
    #[cfg_attr(
        feature = "schema",
        schemars(
            length(min = 1, max = MAX_WEBHOOK_URL_BYTES),
            extend("format" = "uri"),
            example = &"https://example.com/docle"
        )
    )]
    pub url: String,
    /// What is reported. The default is every event that there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_WEBHOOK_EVENTS)))]
    pub events: Option<Vec<WebhookEvent>>,
}

/// What a webhook reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(inline))]
pub enum WebhookEvent {
    /// A run has ended, however it did.
    #[serde(rename = "run.completed")]
    RunCompleted,
}

impl WebhookEvent {
    /// Every event.
    pub const ALL: [Self; 1] = [Self::RunCompleted];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RunCompleted => "run.completed",
        }
    }
}

/// The secret that signs the webhooks of a project. No other response shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct CreatedWebhookSecret {
    /// The secret, as libraries of Standard Webhooks take it.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^whsec_[0-9A-Za-z+/]{43}=$")))]
    pub secret: String,
    /// When it was made.
    pub created_at: Time,
    /// Until when the secret before it signs as well; null if there was none.
    pub previous_until: Option<Time>,
}

/// The state of the webhooks of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct WebhookSecret {
    /// When the secret was made; null if the project has none.
    pub created_at: Option<Time>,
    /// Until when the secret before it signs as well; null if none does.
    pub previous_until: Option<Time>,
    /// Since when nothing is delivered, because every attempt of seven days failed; null while webhooks are delivered.
    pub disabled_at: Option<Time>,
}

/// One report, and how it was delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct WebhookDelivery {
    /// The header `webhook-id` of each attempt.
    pub id: String,
    /// The run that it is about.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    pub run_id: String,
    /// What it reports.
    pub event: WebhookEvent,
    /// The host of the URL. The rest of the URL is not shown, because it may have secrets of the receiver.
    #[cfg_attr(feature = "schema", schemars(example = &"example.com"))]
    pub host: String,
    /// What has become of it.
    pub state: WebhookState,
    /// Why it was dropped; null unless it was.
    pub reason: Option<WebhookDrop>,
    /// When the run ended.
    pub created_at: Time,
    /// When the next attempt is made; null if none is.
    pub next_attempt_at: Option<Time>,
    /// What has happened, the first attempt first.
    pub attempts: Vec<WebhookAttempt>,
}

/// What has become of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(inline))]
#[serde(rename_all = "snake_case")]
pub enum WebhookState {
    /// An attempt is to come.
    Pending,
    /// The receiver has accepted it.
    Delivered,
    /// Every attempt of a day failed.
    Failed,
    /// It could not be sent, or was not to be sent any more.
    Dropped,
}

/// Why a report was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(inline))]
#[serde(rename_all = "snake_case")]
pub enum WebhookDrop {
    /// The project has no secret any more, so nothing can be signed.
    NoSecret,
    /// The webhooks of the project are switched off.
    Disabled,
    /// The result of the run was deleted.
    RunDeleted,
}

/// One request to a receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct WebhookAttempt {
    /// When it was made.
    pub at: Time,
    /// The status of the answer; null if there was none. Only a status from 200 to 299 accepts a report.
    pub status: Option<u16>,
    /// Why there was no answer; null if there was one.
    pub error: Option<WebhookError>,
}

/// Why a receiver gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(inline))]
#[serde(rename_all = "snake_case")]
pub enum WebhookError {
    /// It did not begin within ten seconds.
    Timeout,
    /// There was no connection, or it broke.
    Unreachable,
    /// The service ended meanwhile, or the attempt is in progress. The receiver may have got the report.
    Interrupted,
}

/// A page of the reports of a project, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct WebhookDeliveryPage {
    /// The reports.
    pub deliveries: Vec<WebhookDelivery>,
    /// The `cursor` of the next page; null on the last one.
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_named_as_they_are_written() {
        for event in WebhookEvent::ALL {
            assert_eq!(serde_json::to_value(event).unwrap(), event.name());
        }
    }
}
