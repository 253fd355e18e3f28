//! Accounts: signing in, sessions, what an account did, and everything that is kept of it.

use crate::judges::ListedJudge;
use crate::keys::Key;
use crate::projects::Project;
use crate::sandboxes::ListedSandbox;
use crate::time::Time;
use crate::usage::UsageRun;
use crate::webhooks::WebhookDelivery;
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// Whom to mail a login link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LinkRequest {
    /// The mail address. The first link makes the account.
    #[cfg_attr(
        feature = "schema",
        schemars(length(max = MAX_EMAIL_BYTES), extend("format" = "email"), example = &"ada@example.com")
    )]
    pub email: String,
    /// The page of the website that follows after signing in: a path with its query. Without it the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(
            regex(pattern = r"^/([!#-.0-;=?-\[\]-_a-~][!#-;=?-\[\]-_a-~]{0,998})?$"),
            example = &"/playground"
        )
    )]
    pub next: Option<String>,
}

/// A login link to redeem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The `token` of the link.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[0-9a-f]{64}$")))]
    pub token: String,
}

/// A sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Message {
    /// The sentence.
    pub message: String,
}

/// The account that is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Account {
    /// The id of the account.
    pub id: String,
    /// Its mail address.
    pub email: String,
    /// When the account was made.
    pub created_at: Time,
    /// The id of this session.
    pub session_id: String,
}

/// A session, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Session {
    /// The id of the session.
    pub id: String,
    /// Whether this call was made in it.
    pub current: bool,
    /// When it began.
    pub created_at: Time,
    /// When it was last used, to the day.
    pub last_used_at: Time,
    /// When it ends unless it is used.
    pub expires_at: Time,
    /// The network address that it began from; null where it is unknown.
    pub ip_address: Option<String>,
    /// The browser or program that it began in; null where it is unknown.
    pub user_agent: Option<String>,
}

/// A page of an account's sessions, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct SessionPage {
    /// The sessions.
    pub sessions: Vec<Session>,
    /// The `cursor` of the next page; null on the last one.
    pub next_cursor: Option<String>,
}

/// Something that an account did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Event {
    /// The id of the event.
    pub id: String,
    /// What was done: `signed_in`, `project_created`, `project_deleted`, `key_created`, `key_changed`, `key_rotated`,
    /// `key_revoked`, `webhook_secret_made` or `webhook_secret_deleted`.
    #[cfg_attr(feature = "schema", schemars(example = &"key_created"))]
    pub action: String,
    /// The id of what was acted on.
    pub subject: String,
    /// The project that it belongs to; null where it belongs to none.
    pub project_id: Option<String>,
    /// When it was done.
    pub created_at: Time,
    /// The network address that it was done from; null where it is unknown.
    pub ip_address: Option<String>,
    /// The browser or program that it was done in; null where it is unknown.
    pub user_agent: Option<String>,
}

/// A page of events, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct EventPage {
    /// The events.
    pub events: Vec<Event>,
    /// The `cursor` of the next page; null on the last one.
    pub next_cursor: Option<String>,
}

/// Everything that is kept of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct AccountExport {
    /// The account.
    pub account: Account,
    /// Its sessions.
    pub sessions: Vec<Session>,
    /// Its projects, with their keys and runs.
    pub projects: Vec<ExportedProject>,
    /// What it did.
    pub events: Vec<Event>,
}

/// A project with everything in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct ExportedProject {
    /// The project.
    pub project: Project,
    /// Its keys.
    #[serde(rename = "apiKeys")]
    pub api_keys: Vec<Key>,
    /// Its sandboxes, without their files.
    pub sandboxes: Vec<ListedSandbox>,
    /// Its judges, without their tests.
    pub judges: Vec<ListedJudge>,
    /// Its webhook deliveries of the last seven days.
    pub webhook_deliveries: Vec<WebhookDelivery>,
    /// Its newest 1,000 runs.
    pub history: Vec<UsageRun>,
    /// The `cursor` with which the project's usage goes on; null where these were all.
    pub next_cursor: Option<String>,
}

/// What the account may use, and what it uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct AccountUsage {
    /// Every quota.
    pub quotas: Vec<QuotaUsage>,
    /// Whether the operator of the service trusts the account. Then fewer quotas have a limit.
    pub trusted: bool,
}

/// One quota of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct QuotaUsage {
    /// The name of the quota.
    #[cfg_attr(feature = "schema", schemars(example = &"cpu_seconds"))]
    pub quota: String,
    /// How much of it is used. What a run in progress uses is counted when it has ended.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub used: f64,
    /// How much the account may use; null where nothing limits it.
    pub limit: Option<u64>,
    /// When it is counted from zero again; null where it has room when something is deleted or ends.
    pub resets_at: Option<Time>,
}
