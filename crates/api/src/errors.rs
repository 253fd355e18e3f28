//! Errors: codes that programs act on, and the problem bodies that hold them (RFC 9457).

use crate::repositories::RepositoryError;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Makes the enumeration of the codes and the table of what is known of each.
macro_rules! error_codes {
    ($($variant:ident = $name:literal, $status:literal, $title:literal, $description:literal;)+) => {
        /// What went wrong, for programs. The status of the response follows from it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(JsonSchema), schemars(inline))]
        pub enum ErrorCode {
            $(#[doc = $description] #[serde(rename = $name)] $variant,)+
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The code on the wire.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The HTTP status of a response with it.
            pub const fn status(self) -> u16 {
                match self {
                    $(Self::$variant => $status,)+
                }
            }

            /// What went wrong, in two or three words.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)+
                }
            }

            /// What it means and what a client can do, in sentences.
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$variant => $description,)+
                }
            }
        }
    };
}

error_codes! {
    InvalidJson = "invalid_json", 400, "Invalid JSON", "The body is not JSON; the message says where.";
    InvalidRequest = "invalid_request", 400, "Invalid request",
        "Fields are wrong, missing or unknown; `errors` has all of them.";
    IncompleteBody = "incomplete_body", 400, "Incomplete body",
        "The connection ended before the body did. Nothing was run; send it again.";
    BodyTooLarge = "body_too_large", 413, "Body too large", "The body is larger than this operation takes.";
    ApiKeyRequired = "api_key_required", 401, "API key required",
        "There is no `Authorization: Bearer` with an API key. `signup_url` is where to get one.";
    InvalidApiKey = "invalid_api_key", 401, "Invalid API key",
        "The key is misspelled, was never made, has ended, or was revoked.";
    InvalidToken = "invalid_token", 401, "Invalid token",
        "The run token has ended, or this deployment has not made it. Get a new one.";
    TokenNotEnough = "token_not_enough", 403, "Token not enough",
        "A run token runs programs and does nothing else, and one for a publishable key detaches none and sends no batches. Use the API key.";
    SessionRequired = "session_required", 401, "Sign-in required",
        "There is no session cookie, or its session has ended.";
    ForeignOrigin = "foreign_origin", 403, "Foreign origin",
        "A page of another site sent this, and the session cookie is for the service's own pages.";
    UnsupportedMediaType = "unsupported_media_type", 415, "Unsupported media type",
        "The body has to be JSON and say so: `Content-Type: application/json`.";
    TooManyRequests = "too_many_requests", 429, "Too many requests",
        "Too many login links, new accounts, or requests without a valid API key came from this network, or too many new \
         accounts have this mail domain or mailbox. Try again after `retry_after` seconds.";
    InvalidLink = "invalid_link", 410, "Invalid link",
        "The login link has expired, was used before, or never was. Ask for a new one.";
    AuthorizationPending = "authorization_pending", 400, "Authorization pending",
        "The user has not yet allowed the program. Ask again after `interval` seconds.";
    SlowDown = "slow_down", 400, "Slow down", "The program asks too often. Wait `interval` seconds between two questions.";
    AccessDenied = "access_denied", 400, "Access denied", "The user has refused the program.";
    ExpiredToken = "expired_token", 400, "Device code expired",
        "The device code has expired, was used before, or never was. Begin a new login.";
    SessionNotFound = "session_not_found", 404, "Session not found", "The account has no session with this id.";
    DomainNotAllowed = "domain_not_allowed", 403, "Domain not allowed",
        "The key is for pages of the domains that it lists, and this call comes from another page or from none.";
    RateLimitExceeded = "rate_limit_exceeded", 429, "Rate limit exceeded",
        "The key has had its calls of the last minute. `reset_at` and `Retry-After` say when there is room for the next.";
    QuotaExceeded = "quota_exceeded", 429, "Quota exceeded",
        "The account has used up a quota, which `quota` names. It has room again at `reset_at`, or when a run ends. \
         `GET /api/account/usage` lists all quotas.";
    QuotaFull = "quota_full", 403, "Quota full",
        "The account has as many of this as it may; `quota` says what. Delete some, or ask the operator of the service. \
         `GET /api/account/usage` lists all quotas.";
    AccountSuspended = "account_suspended", 403, "Account suspended",
        "The operator of the service has suspended the account. Its keys and sessions are refused.";
    ProjectNotFound = "project_not_found", 404, "Project not found", "The account has no project with this id.";
    KeyNotFound = "key_not_found", 404, "API key not found", "The account has no API key with this id.";
    KeyRevoked = "key_revoked", 409, "API key revoked", "The key was revoked, which is for good. Make a new one.";
    KeyRotated = "key_rotated", 409, "API key rotated",
        "The key has a successor already, which `successor_id` names. A key is rotated once.";
    KeyExpired = "key_expired", 409, "API key expired", "The key has expired, and so would its successor. Make a new one.";
    RoomNotFound = "room_not_found", 404, "Room not found",
        "There is no room with this id, or it is another project's.";
    RoomTokenRequired = "room_token_required", 401, "Room token required",
        "The room is a project's, and the call brings no token for it, or one that has ended.";
    RoomRoleTooLow = "room_role_too_low", 403, "Role too low",
        "The token's role does not include this; `detail` says which one does.";
    RoomBusy = "room_busy", 409, "Room busy",
        "A program runs in this room already. It ends by its time limit at the latest; then try again.";
    TooManyRooms = "too_many_rooms", 409, "Too many rooms",
        "The project has 500 rooms. Delete one with `DELETE /api/rooms/:id`; `GET /api/rooms` lists them.";
    JudgeNotFound = "judge_not_found", 404, "Judge not found",
        "There is no judge with this id, or it is another project's.";
    TooManyJudges = "too_many_judges", 409, "Too many judges",
        "The project has 100 judges. Delete one with `DELETE /api/judges/:id`; `GET /api/projects/:id/judges` lists them.";
    SandboxNotFound = "sandbox_not_found", 404, "Sandbox not found",
        "There is no sandbox with this id or key, or it is another project's.";
    TooManySandboxes = "too_many_sandboxes", 409, "Too many sandboxes",
        "The project has 500 sandboxes. Delete one with `DELETE /api/v1/sandboxes/:id`; `GET /api/v1/sandboxes` lists them.";
    SnapshotNotFound = "snapshot_not_found", 404, "Snapshot not found",
        "The sandbox has no snapshot with this id.";
    TooManySnapshots = "too_many_snapshots", 409, "Too many snapshots",
        "The sandbox has 100 snapshots. Delete one with `DELETE /api/v1/sandboxes/:id/snapshots/:snapshot`; `GET \
         /api/v1/sandboxes/:id/snapshots` lists them.";
    NotABranch = "not_a_branch", 409, "Not a branch",
        "Neither sandbox is a branch of the other, so nothing says what each has changed. `POST /api/v1/sandboxes/:id/branch` makes \
         a branch.";
    SandboxUnavailable = "sandbox_unavailable", 503, "Sandbox unavailable",
        "The sandbox cannot be started now: no runner answers, all places for sandboxes that are awake are taken, or its files \
         cannot be read. Nothing was executed; try again after `Retry-After`.";
    SandboxInterrupted = "sandbox_interrupted", 502, "Sandbox interrupted",
        "The machine of the sandbox was lost while the call was in progress, and whether it was carried out is unknown. The next \
         call starts the sandbox with the files that were saved last.";
    ContextNotFound = "context_not_found", 404, "Context not found",
        "The sandbox has no such context. Contexts end when the sandbox sleeps or its machine is made anew, and what they held is \
         lost. Make another one with `POST /api/v1/sandboxes/:id/contexts`.";
    TooManyContexts = "too_many_contexts", 409, "Too many contexts",
        "The sandbox has 16 contexts. Delete one with `DELETE /api/v1/sandboxes/:id/contexts/:context`.";
    FileNotFound = "file_not_found", 404, "File not found", "The sandbox has no file or directory with this path.";
    FileExists = "file_exists", 409, "File exists", "There is a file or directory with this path already.";
    IsDirectory = "is_directory", 409, "Is a directory", "The path is a directory, and the operation is for files.";
    NotADirectory = "not_a_directory", 409, "Not a directory", "The path, or a part of it, is not a directory.";
    DirectoryNotEmpty = "directory_not_empty", 409, "Directory not empty",
        "The directory has entries. `recursive` deletes it with everything in it.";
    DiskFull = "disk_full", 422, "Disk full",
        "The files of the sandbox take all that `runtime_config.diskMB` allows. Delete some.";
    FileRefused = "file_refused", 422, "File refused",
        "The sandbox cannot do this with the file; `detail` says why.";
    RepositoryRefused = "repository_refused", 422, "Repository not checked out",
        "The repository cannot be checked out; `repository_error` names the reason, and `detail` says what to change. Nothing was written.";
    ProcessNotFound = "process_not_found", 404, "Process not found",
        "The sandbox has no process with this id. Processes end when a sandbox sleeps.";
    ProcessEnded = "process_ended", 409, "Process has ended",
        "The process has ended, so nothing can be sent to it. `GET …/processes/:process` says how it ended.";
    StdinClosed = "stdin_closed", 409, "Standard input is closed",
        "The standard input of the process is closed, or not read by it. Start the process with `stdin: true`.";
    TooManyProcesses = "too_many_processes", 409, "Too many processes",
        "128 processes run in the background of the sandbox, the most that may. End some.";
    SandboxSessionNotFound = "sandbox_session_not_found", 404, "Session of the sandbox not found",
        "The sandbox has no session with this id.";
    SandboxSessionExists = "sandbox_session_exists", 409, "Session of the sandbox exists",
        "The sandbox has a session with this id already. Delete it first, or use it.";
    TooManySandboxSessions = "too_many_sandbox_sessions", 409, "Too many sessions of the sandbox",
        "The sandbox has 64 sessions, the most that it may have. Delete one.";
    PortNotFound = "port_not_found", 404, "Port not exposed",
        "The sandbox does not expose this port. Expose it with `POST /api/v1/sandboxes/:id/ports`.";
    TooManyPorts = "too_many_ports", 409, "Too many ports",
        "The sandbox exposes 64 ports, the most that it may. Delete one with `DELETE /api/v1/sandboxes/:id/ports/:port`.";
    PreviewsUnavailable = "previews_unavailable", 501, "No preview host",
        "This deployment has no host for the URLs of ports. Its operator sets `PREVIEW_HOST`.";
    PreviewNotFound = "preview_not_found", 404, "Nothing here",
        "At the URL of a port: no sandbox exposes a port there, or its token is another one.";
    PreviewStarting = "preview_starting", 503, "Sandbox is starting",
        "At the URL of a port: the sandbox was asleep, and starts now. Try again after `Retry-After`; its servers must be started \
         again, too.";
    PortNotListening = "port_not_listening", 502, "Nothing listens",
        "At the URL of a port: nothing in the sandbox listens on it.";
    PortNoAnswer = "port_no_answer", 502, "No answer",
        "At the URL of a port: what listens on it closed the connection, did not answer in two minutes, or does not speak HTTP/1.1.";
    TooManyConnections = "too_many_connections", 503, "Too many connections",
        "At the URL of a port: 256 connections to the sandbox are open, the most that may be.";
    UpgradeRequired = "upgrade_required", 426, "Upgrade required", "This address is a WebSocket: connect with one.";
    NotFound = "not_found", 404, "Not found", "There is nothing at this path.";
    RunNotFound = "run_not_found", 404, "Run not found",
        "No run has this id, or it ended more than 7 days ago, or it is private to its project.";
    ArtifactNotFound = "artifact_not_found", 404, "File not found",
        "The link was not made by this service, or has expired, or its file was deleted.";
    RunEnded = "run_ended", 409, "Run has ended",
        "The run ended before the call that cancels it; `detail` says how. `GET /api/run/:id` has its result.";
    MethodNotAllowed = "method_not_allowed", 405, "Method not allowed",
        "The path exists for other methods; `Allow` lists them.";
    IdempotencyKeyReused = "idempotency_key_reused", 422, "Idempotency key reused",
        "This `Idempotency-Key` was used with another body within 24 hours. Use a new key for a new run.";
    IdempotencyInDoubt = "idempotency_in_doubt", 409, "First run in doubt",
        "The first run with this `Idempotency-Key` was interrupted, and whether it finished is unknown. A new key runs it \
         again.";
    IdempotentRunDeleted = "idempotent_run_deleted", 410, "First run deleted",
        "The run with this `Idempotency-Key` has ended, and its result was deleted. A new key runs it again.";
    IdempotencyKeysFull = "idempotency_keys_full", 503, "Too many idempotency keys",
        "The project has used too many idempotency keys in the last 24 hours. Nothing was run; send the request without a key, or \
         try again later.";
    RunnerBusy = "runner_busy", 503, "Runner busy",
        "All slots are taken, and the run waited 10 seconds for one. It did not start; try again after `Retry-After`.";
    QueueFull = "queue_full", 429, "Queue full",
        "So many runs of the project wait for a slot, or are detached, that no more may. The run did not start; try again after \
         `Retry-After`.";
    RunnerUnavailable = "runner_unavailable", 503, "Runner unavailable",
        "No runner answers. The run did not start; try again after `Retry-After`. Only a call with an `Idempotency-Key` \
         may have started one: repeat it with the same key.";
    LanguageUnavailable = "language_unavailable", 503, "Language unavailable",
        "The language is not installed here, or not yet: `GET /languages` lists those that are. The run did not start.";
    TerminalUnavailable = "terminal_unavailable", 503, "Terminal unavailable",
        "The machine of the runner has no terminals for programs. The run did not start; leave `tty` out.";
    RunnerMismatch = "runner_mismatch", 502, "Runner mismatch",
        "The runner is of another release, as may happen for a moment during an update. The run did not start; try again.";
    IsolatesUnavailable = "isolates_unavailable", 503, "Isolate tier unavailable",
        "This deployment has no isolate tier. `POST /api/run` takes programs.";
    ServiceUnavailable = "service_unavailable", 503, "Service unavailable",
        "A part of the service does not answer. Try again after `Retry-After`.";
    Internal = "internal", 500, "Internal error", "A fault of the service. Report the `requestId`.";
}

/// A response that is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Problem {
    /// The address of the code's description.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uri-reference"), example = &"/docs/errors#invalid_request"))]
    pub kind: String,
    /// What went wrong, in two or three words.
    pub title: String,
    /// The HTTP status of the response.
    pub status: u16,
    /// What went wrong, in sentences for people.
    pub detail: String,
    /// The path that was called.
    pub instance: String,
    /// The same as `title`.
    pub error: String,
    /// The same as `detail`.
    pub message: String,
    /// What went wrong, for programs.
    pub code: ErrorCode,
    /// The id of the request, as in `X-Request-Id`.
    #[serde(rename = "requestId")]
    pub request_id: String,
    /// With `invalid_request`: every field that is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Members that only some codes have.
    #[serde(flatten)]
    pub members: Box<Members>,
}

/// Members of a problem that only some codes have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Members {
    /// With `api_key_required`: where to sign up and get a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signup_url: Option<String>,
    /// With `authorization_pending`, `slow_down`, `access_denied` and `expired_token`: the code again, where RFC 8628 has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// With `key_rotated`: the id of the key that replaces this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor_id: Option<String>,
    /// With `too_many_requests`: seconds until a login link may be asked for again, as in `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<i64>,
    /// With `quota_exceeded` and `quota_full`: the name of the quota.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<String>,
    /// With `repository_refused`: the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_error: Option<RepositoryError>,
    /// With `rate_limit_exceeded`: calls a minute. With `quota_exceeded` and `quota_full`: the limit of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// With `rate_limit_exceeded`: calls that are left, 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u32>,
    /// With `rate_limit_exceeded`: when there is room for the next call, in milliseconds since 1970. With `quota_exceeded`: when a
    /// quota that is counted by the day begins anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_at: Option<i64>,
}

/// One thing that is wrong with a request: where it is, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct FieldError {
    /// The path of the field as a person would write it in JavaScript, for example `files[2].path`; empty for the body.
    #[cfg_attr(feature = "schema", schemars(example = &"policy.timeoutMs"))]
    pub field: String,
    /// A clause that reads on from the field's name: `must be …`.
    #[cfg_attr(feature = "schema", schemars(example = &"must be an integer from 100 to 300000, got 99"))]
    pub message: String,
}

/// Long enough to recognise one's own value, short enough for an error message.
const MAX_SHOWN_CHARS: usize = 60;

/// `text`, cut to a length that suits a message.
pub fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
