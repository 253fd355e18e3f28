//! What a receiver of a webhook gets.

use crate::runs::RunResult;
use crate::time::Time;
use crate::webhooks::WebhookEvent;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a receiver gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct WebhookMessage {
    /// What is reported.
    #[serde(rename = "type")]
    pub event: WebhookEvent,
    /// When the service recorded the end of the run.
    pub timestamp: Time,
    /// The result of the run.
    pub data: ReportedRun,
}

/// The result of a run without its input, and with at most 64 KiB of each output stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct ReportedRun {
    #[serde(flatten)]
    pub result: RunResult,
    /// Which streams are longer than here. `GET /api/run/:id` has all of them.
    pub shortened: Shortened,
}

/// Which streams are longer than in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Shortened {
    /// Standard output is.
    pub stdout: bool,
    /// Standard error is.
    pub stderr: bool,
}
