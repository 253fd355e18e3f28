//! What is passed on of a run whose end is to be reported: never its input, its output or its result.

use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
pub use docle_api::webhooks::WebhookEvent;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where the end of a run is reported. It accompanies the draft of the run.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Receiver {
    /// The URL. Its path and its query may have secrets of the receiver.
    pub url: String,
    pub host: String,
    /// The user to whom the project belonged when the run was started. The object of this account delivers the report.
    pub account: String,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Receiver").field("host", &self.host).finish_non_exhaustive()
    }
}

/// The end of a run that is to be reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunNotice {
    pub run_id: RunId,
    pub project_id: String,
    pub event: WebhookEvent,
    pub to: Receiver,
    /// The end user of the run, with whose runs the report is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_user_id: Option<String>,
    /// When the run ended.
    pub at: Timestamp,
}

impl RunNotice {
    /// The id of the message. It is the same for every attempt, and for a notice that is passed on twice.
    pub fn id(&self) -> String {
        let event = match self.event {
            WebhookEvent::RunCompleted => "completed",
        };
        format!("msg_{}_{event}", self.run_id)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use serde_json::json;

    /// The notice of a run of `proj_1`, which ended at `at`.
    pub fn notice(number: u8, host: &str, at: i64) -> RunNotice {
        let mut bytes = [number; 16];
        bytes[..6].fill(0);
        let to = Receiver { url: format!("https://{host}/h?t=s"), host: host.to_owned(), account: "user_1".to_owned() };
        RunNotice {
            run_id: RunId::from_random(bytes),
            project_id: "proj_1".to_owned(),
            event: WebhookEvent::RunCompleted,
            to,
            end_user_id: None,
            at: Timestamp(at),
        }
    }

    #[test]
    fn run_notice_format_unchanged() {
        let notice = RunNotice { end_user_id: Some("u".into()), ..notice(1, "a.com", 5) };
        let expected = json!({
            "runId": notice.run_id, "projectId": "proj_1", "event": "run.completed",
            "to": { "url": "https://a.com/h?t=s", "host": "a.com", "account": "user_1" }, "endUserId": "u", "at": 5,
        });
        assert_eq!(serde_json::to_value(&notice).unwrap(), expected);
        assert_eq!(serde_json::from_value::<RunNotice>(expected).unwrap(), notice);
        assert_eq!(notice.id(), format!("msg_{}_completed", notice.run_id));
        assert!(!format!("{notice:?}").contains("t=s"), "a URL may have secrets");
    }
}
