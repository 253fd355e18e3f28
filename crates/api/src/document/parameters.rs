//! Parameters of operations: in the path, in the query, in headers.

use crate::limits::*;
use crate::pending_runs::PendingStatus;
use crate::runs::RunStatus;
use crate::sandbox_processes::ProcessStatus;
use crate::usage::Interval;
use serde_json::{Value, json};

/// A parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// `id` in the path: of a run, an execution, a session, a project, a key or a room.
    Id(&'static str),
    /// `run` in the path.
    Run,
    ArtifactName,
    Signature,
    Limit,
    Cursor,
    Offset,
    Interval,
    LinkToken,
    EndUser,
    Project,
    Key,
    Status,
    Language,
    User,
    From,
    To,
    ProjectId,
    FilePath,
    DirectoryPath,
    Recursive,
    Hidden,
    SearchText,
    IsRegex,
    SearchLimit,
    Process,
    Session,
    TerminalSession,
    Cols,
    Rows,
    ViewerMode,
    Port,
    ProcessStatus,
    LogPosition,
    Forget,
    LastLogEventId,
    Context,
    Snapshot,
    OtherSnapshot,
    RoomName,
    RoomEvents,
    IdempotencyKey,
    LastEventId,
    RequestId,
}

impl Parameter {
    /// Those that are described once.
    pub const SHARED: [Self; 4] = [Self::Limit, Self::Cursor, Self::IdempotencyKey, Self::RequestId];

    /// The name among the shared ones.
    const fn shared_name(self) -> Option<&'static str> {
        match self {
            Self::Limit => Some("limit"),
            Self::Cursor => Some("cursor"),
            Self::IdempotencyKey => Some("idempotencyKey"),
            Self::RequestId => Some("requestId"),
            _ => None,
        }
    }

    /// Every shared parameter by its name.
    pub fn shared() -> serde_json::Map<String, Value> {
        let shared = Self::SHARED.iter().filter_map(|one| Some((one.shared_name()?.to_owned(), one.description())));
        shared.collect()
    }

    /// What stands in an operation.
    pub fn described(self) -> Value {
        match self.shared_name() {
            Some(name) => json!({ "$ref": format!("#/components/parameters/{name}") }),
            None => self.description(),
        }
    }

    /// Its name and where it stands.
    pub const fn place(self) -> (&'static str, &'static str) {
        match self {
            Self::Id(_) => ("id", "path"),
            Self::Run => ("run", "path"),
            Self::ArtifactName => ("name", "path"),
            Self::Signature => ("sig", "query"),
            Self::Limit => ("limit", "query"),
            Self::Cursor => ("cursor", "query"),
            Self::Offset => ("offset", "query"),
            Self::Interval => ("interval", "query"),
            Self::LinkToken => ("token", "query"),
            Self::EndUser => ("id", "query"),
            Self::Project => ("project", "query"),
            Self::Key => ("key", "query"),
            Self::Status => ("status", "query"),
            Self::Language => ("language", "query"),
            Self::User => ("user", "query"),
            Self::From => ("from", "query"),
            Self::To => ("to", "query"),
            Self::ProjectId => ("project_id", "query"),
            Self::FilePath | Self::DirectoryPath => ("path", "query"),
            Self::Recursive => ("recursive", "query"),
            Self::Hidden => ("hidden", "query"),
            Self::SearchText => ("q", "query"),
            Self::IsRegex => ("regex", "query"),
            Self::SearchLimit => ("limit", "query"),
            Self::Process => ("process", "path"),
            Self::Session => ("session", "path"),
            Self::TerminalSession => ("session", "query"),
            Self::Cols => ("cols", "query"),
            Self::Rows => ("rows", "query"),
            Self::ViewerMode => ("mode", "query"),
            Self::Port => ("port", "path"),
            Self::ProcessStatus => ("status", "query"),
            Self::LogPosition => ("after", "query"),
            Self::Forget => ("forget", "query"),
            Self::LastLogEventId => ("Last-Event-ID", "header"),
            Self::Context => ("context", "path"),
            Self::Snapshot => ("snapshot", "path"),
            Self::OtherSnapshot => ("to", "query"),
            Self::RoomName => ("name", "query"),
            Self::RoomEvents => ("events", "query"),
            Self::IdempotencyKey => ("Idempotency-Key", "header"),
            Self::LastEventId => ("Last-Event-ID", "header"),
            Self::RequestId => ("X-Request-Id", "header"),
        }
    }

    fn description(self) -> Value {
        let (name, place) = self.place();
        let between = |range: &std::ops::RangeInclusive<u32>, default: u32| json!({ "type": "integer", "minimum": range.start(), "maximum": range.end(), "default": default });
        let (description, required, schema, example) = match self {
            Self::Id(what) => (what, true, json!({ "type": "string" }), None),
            Self::Limit => {
                ("How many items the page has.", false, between(&PAGE_LIMIT, DEFAULT_PAGE_LIMIT), Some(json!(10)))
            }
            Self::Run => ("The id of the run.", true, json!({ "type": "string" }), None),
            Self::ArtifactName => (
                "The name in the link: the index of the file, and letters of its name.",
                true,
                json!({ "type": "string" }),
                Some(json!("0-plot.png")),
            ),
            Self::Signature => ("The signature of the link.", true, json!({ "type": "string" }), None),
            Self::Snapshot => ("The id of the snapshot.", true, json!({ "type": "string" }), None),
            Self::OtherSnapshot => (
                "The snapshot to compare with; the files as they are now where it is absent.",
                false,
                json!({ "type": "string" }),
                None,
            ),
            Self::Cursor => ("The `next_cursor` of the page before.", false, json!({ "type": "string" }), None),
            Self::Offset => (
                "How many of the newest items to leave out. To go further back than that, follow `cursor`.",
                false,
                between(&OFFSET, *OFFSET.start()),
                Some(json!(0)),
            ),
            Self::Interval => (
                "How long each stretch of `series` is.",
                false,
                json!({ "type": "string", "enum": Interval::ALL.map(Interval::name), "default": Interval::default().name() }),
                Some(json!("hour")),
            ),
            Self::LinkToken => ("The token of the link.", true, json!({ "type": "string" }), None),
            Self::EndUser => (
                "The `userContext.id` of the end user.",
                true,
                json!({ "type": "string", "minLength": 1 }),
                Some(json!("user-123")),
            ),
            Self::Project => (
                "The id of the project. A session needs it; a key and a run token have one.",
                false,
                json!({ "type": "string" }),
                Some(json!("proj_9b1deb4d3b7d4bad9bdd")),
            ),
            Self::Key => (
                "Runs that were asked for with the key of this id.",
                false,
                json!({ "type": "string", "pattern": "^key_" }),
                Some(json!("key_9b1deb4d3b7d4bad9bdd")),
            ),
            Self::Status => {
                let pending = PendingStatus::ALL.iter().map(|status| status.name());
                let names: Vec<_> = pending.chain(RunStatus::ALL.iter().map(|status| status.name())).collect();
                (
                    "Runs that have not ended and do this, or that ended so.",
                    false,
                    json!({ "type": "string", "enum": names }),
                    Some(json!("timeout")),
                )
            }
            Self::Language => (
                "Runs in this language, by any of its names.",
                false,
                json!({ "type": "string" }),
                Some(json!("python")),
            ),
            Self::User => (
                "Runs for this `userContext.id`.",
                false,
                json!({ "type": "string", "minLength": 1 }),
                Some(json!("user-123")),
            ),
            Self::From => (
                "Runs that were asked for then or later: a time in ISO 8601, or milliseconds since 1970.",
                false,
                json!({ "type": "string" }),
                Some(json!("2026-01-31T00:00:00Z")),
            ),
            Self::To => (
                "Runs that were asked for before this time.",
                false,
                json!({ "type": "string" }),
                Some(json!("2026-02-01T00:00:00Z")),
            ),
            Self::ProjectId => (
                "The project, for a call with a session that names no id of a sandbox; that of the key otherwise.",
                false,
                json!({ "type": "string" }),
                Some(json!("proj_0f8fad5bd9cb469fa165")),
            ),
            Self::FilePath => (
                "The file, absolute or below `/workspace`.",
                true,
                json!({ "type": "string", "minLength": 1, "maxLength": MAX_SANDBOX_PATH_BYTES }),
                Some(json!("script.py")),
            ),
            Self::DirectoryPath => (
                "The file or directory, absolute or below `/workspace`.",
                false,
                json!({ "type": "string", "minLength": 1, "maxLength": MAX_SANDBOX_PATH_BYTES, "default": "." }),
                Some(json!("src")),
            ),
            Self::SearchText => (
                "What is looked for.",
                true,
                json!({ "type": "string", "minLength": 1, "maxLength": MAX_SEARCH_BYTES }),
                Some(json!("import numpy")),
            ),
            Self::IsRegex => (
                "Whether `q` is a regular expression. `(?i)` at its beginning ignores upper and lower case.",
                false,
                json!({ "type": "boolean", "default": false }),
                None,
            ),
            Self::SearchLimit => {
                ("How many results the response has.", false, between(&SEARCH_LIMIT, DEFAULT_SEARCH_LIMIT), None)
            }
            Self::Recursive => (
                "Whether what is in directories is meant, too.",
                false,
                json!({ "type": "boolean", "default": false }),
                None,
            ),
            Self::Hidden => (
                "Whether entries that begin with a dot are listed.",
                false,
                json!({ "type": "boolean", "default": true }),
                None,
            ),
            Self::Process => (
                "The id of the process, or its process id in the sandbox.",
                true,
                json!({ "type": "string" }),
                Some(json!("proc_0f8fad5bd9cb469fa1656f2c")),
            ),
            Self::Port => {
                ("The port.", true, json!({ "type": "integer", "minimum": 1, "maximum": 65_535 }), Some(json!(3_000)))
            }
            Self::TerminalSession => (
                "The session whose terminal it is: 1 to 64 letters, digits, `-` and `_`. Each has one of its own.",
                true,
                json!({ "type": "string", "minLength": 1, "maxLength": 64 }),
                Some(json!("main")),
            ),
            Self::Cols => (
                "Characters in a line that the client shows.",
                false,
                json!({ "type": "integer", "minimum": 1, "maximum": 1_000, "default": 80 }),
                None,
            ),
            Self::Rows => (
                "Lines that the client shows.",
                false,
                json!({ "type": "integer", "minimum": 1, "maximum": 1_000, "default": 24 }),
                None,
            ),
            Self::ViewerMode => (
                "`view` for a client that only watches: what it sends does nothing.",
                false,
                json!({ "type": "string", "enum": ["edit", "view"], "default": "edit" }),
                None,
            ),
            Self::Session => ("The id of the session.", true, json!({ "type": "string" }), Some(json!("build"))),
            Self::ProcessStatus => {
                let names = ProcessStatus::ALL.map(ProcessStatus::name);
                ("Processes that do this.", false, json!({ "type": "string", "enum": names }), Some(json!("running")))
            }
            Self::LogPosition => (
                "The position after which output is wanted.",
                false,
                json!({ "type": "integer", "minimum": 0, "default": 0 }),
                None,
            ),
            Self::Forget => {
                ("Whether it is taken from the list, too.", false, json!({ "type": "boolean", "default": false }), None)
            }
            Self::LastLogEventId => (
                "With `Accept: text/event-stream`: the id of the last event that the client has. The stream goes on after it.",
                false,
                json!({ "type": "string", "pattern": "^[0-9]+(-end)?$" }),
                Some(json!("4096")),
            ),
            Self::Context => (
                "The id of the context.",
                true,
                json!({ "type": "string" }),
                Some(json!("ctx_0f8fad5bd9cb469fa1656f2c")),
            ),
            Self::RoomName => {
                ("What the caller is called in an open room.", false, json!({ "type": "string" }), Some(json!("Ada")))
            }
            Self::RoomEvents => (
                "`1` sends a Yjs connection the events of runs, too.",
                false,
                json!({ "type": "string" }),
                Some(json!("1")),
            ),
            Self::IdempotencyKey => (
                "A name for this call, of visible ASCII characters. For 24 hours the same key with the same body answers with \
                 the first result.",
                false,
                json!({
                    "type": "string", "minLength": IDEMPOTENCY_KEY_CHARS.start(), "maxLength": IDEMPOTENCY_KEY_CHARS.end(),
                    "pattern": "^[\\x21-\\x7e]+$",
                }),
                Some(json!("order-1138")),
            ),
            Self::LastEventId => (
                "With `Accept: text/event-stream`: the id of the last event that the client has. The stream goes on after it.",
                false,
                json!({ "type": "string", "pattern": "^[0-9]+-[0-9]+(-end)?$" }),
                Some(json!("12-0")),
            ),
            Self::RequestId => (
                "An id for the request, of letters, digits, `_` and `-`. Another text is replaced.",
                false,
                json!({ "type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9_-]+$" }),
                None,
            ),
        };
        let mut described =
            json!({ "name": name, "in": place, "required": required, "description": description, "schema": schema });
        if let Some(example) = example {
            described["example"] = example;
        }
        described
    }
}
