//! Webhooks: the objects that deliver reports, the database of their secrets, and the way to receivers.

use crate::domain::account::email::Email;
use crate::domain::input::page::Page;
use crate::domain::timestamp::Timestamp;
use crate::domain::webhook::delivery::{Delivery, WebhookError};
use crate::domain::webhook::notice::RunNotice;
use crate::ports::error::PortError;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// The objects that deliver reports, one for each account.
#[async_trait(?Send)]
pub trait Webhooks {
    /// Stores a report, which is delivered from then on. It may be repeated: a report is stored once. After an error it may be
    /// stored.
    async fn enqueue(&self, notice: &RunNotice) -> Result<(), PortError>;
    /// A part of the reports of a project, the newest first.
    async fn deliveries(&self, account: &str, project_id: &str, page: &Page) -> Result<Vec<Delivery>, PortError>;
    /// Forgets that attempts of a project have failed, because it has a new secret. It may be repeated.
    async fn resume(&self, account: &str, project_id: &str) -> Result<(), PortError>;
    /// Deletes reports, also those that are on their way. It may be repeated.
    async fn erase(&self, account: &str, reports: &ReportsOf) -> Result<(), PortError>;
}

/// Which reports are deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReportsOf {
    Project(String),
    #[serde(rename_all = "camelCase")]
    EndUser {
        project_id: String,
        end_user_id: String,
    },
}

/// The secrets of a project as the database has them: encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSecrets {
    pub sealed: String,
    pub created_at: Timestamp,
    /// The secret before it, and until when that one signs.
    pub previous: Option<(String, Timestamp)>,
    /// Since when nothing is delivered.
    pub disabled_at: Option<Timestamp>,
    /// Whether the account is suspended. Nothing of it is delivered meanwhile.
    pub is_suspended: bool,
}

/// Whom to tell that webhooks are switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectOwner {
    pub email: Email,
    pub project_name: String,
}

/// What an object that delivers reports asks of the database.
#[async_trait(?Send)]
pub trait WebhookLedger {
    /// The secrets of a project; `None` if it has none, or is gone.
    async fn secrets(&self, project_id: &str) -> Result<Option<StoredSecrets>, PortError>;
    /// Switches the webhooks of a project off, unless its secret was made after `at`, and gives its owner; `None` if they stay on.
    /// It may be repeated.
    async fn disable(&self, project_id: &str, at: Timestamp) -> Result<Option<ProjectOwner>, PortError>;
}

/// One request to a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRequest {
    pub url: String,
    pub id: String,
    /// Seconds since 1970.
    pub at_seconds: i64,
    pub signatures: String,
    pub body: String,
}

/// The way to receivers.
#[async_trait(?Send)]
pub trait ReportSender {
    /// Sends a report, and gives the status of the answer as soon as it begins. Nothing more of the answer is read, and a
    /// redirection is not followed. Dropping the future aborts the request.
    ///
    /// # Errors
    /// There was no answer. The receiver may have got the report.
    async fn send(&self, request: &ReportRequest) -> Result<u16, WebhookError>;
}
