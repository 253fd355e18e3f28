//! The shapes of what this API takes and gives.
//!
//! A shape is a list of fields: `name` and a type, which is `string`, `integer`, `number`, `boolean`, `object`, `time`,
//! `any` or `@Name` for another shape. `[]` before it makes an array; `?` behind it what may be absent from a request and
//! null in an answer, `~` what may be absent from an answer. The name `...` stands for all fields of the shape that is
//! its type.

use crate::http::openapi::script_shapes::SCRIPT_SHAPES;

/// A name and a type.
pub type Field = (&'static str, &'static str);

/// A shape as it is written below.
pub type Fields = &'static [Field];

/// Every shape by its name, with what it includes.
pub fn all() -> impl Iterator<Item = (&'static str, Vec<Field>)> {
    written().map(|(name, fields)| (*name, with_included(fields)))
}

fn written() -> impl Iterator<Item = &'static (&'static str, Fields)> {
    SHAPES.iter().chain(SCRIPT_SHAPES)
}

fn with_included(fields: Fields) -> Vec<Field> {
    let included = |kind: &str| match written().find(|(name, _)| kind.strip_prefix('@') == Some(name)) {
        Some((_, fields)) => with_included(fields),
        None => panic!("{kind} is no shape"),
    };
    fields.iter().flat_map(|&(name, kind)| if name == "..." { included(kind) } else { vec![(name, kind)] }).collect()
}

/// The shapes of scripts are in [`super::script_shapes`]; these are all others.
const SHAPES: &[(&str, Fields)] = &[
    (
        "RunRequest",
        &[
            ("tier", "string?"),
            ("lang", "string"),
            ("code", "string?"),
            ("context", "any?"),
            ("allowedAPIs", "[]string?"),
            ("files", "[]@SourceFile?"),
            ("entrypoint", "string?"),
            ("packages", "@Packages?"),
            ("stdin", "string?"),
            ("args", "[]string?"),
            ("env", "object?"),
            ("policy", "@Policy?"),
            ("userContext", "@UserContext?"),
        ],
    ),
    ("RoomSettings", &[("name", "string?"), ("ttlSeconds", "integer?")]),
    (
        "CreatedRoom",
        &[
            ("id", "string"),
            ("url", "string"),
            ("websocket", "string"),
            ("yjs", "string"),
            ("token", "string"),
            ("role", "string"),
            ("expires_at", "time"),
        ],
    ),
    ("ListedRoom", &[("id", "string"), ("created_at", "time")]),
    ("RoomPage", &[("rooms", "[]@ListedRoom"), ("next_cursor", "string?")]),
    ("RoomTokenSettings", &[("role", "string"), ("name", "string?"), ("ttlSeconds", "integer?")]),
    ("RoomToken", &[("token", "string"), ("role", "string"), ("expires_at", "time")]),
    ("RoomProgram", &[("code", "string?"), ("language", "string?")]),
    (
        "RoomRun",
        &[
            ("success", "boolean"),
            ("output", "string"),
            ("error", "string"),
            ("exitCode", "integer"),
            ("result", "@RunResult"),
        ],
    ),
    (
        "RoomState",
        &[
            ("code", "string"),
            ("lang", "string?"),
            ("users", "[]@RoomUser"),
            ("lastUpdate", "integer"),
            ("rev", "integer"),
            ("entrypoint", "string?"),
            ("packages", "[]string"),
            ("files", "object~"),
            ("result", "@RunResult~"),
        ],
    ),
    ("RoomUser", &[("id", "string"), ("name", "string"), ("color", "string"), ("role", "string")]),
    ("SourceFile", &[("path", "string"), ("content", "string")]),
    ("Packages", &[("packages", "[]string")]),
    (
        "Policy",
        &[
            ("timeoutMs", "integer?"),
            ("memoryMB", "integer?"),
            ("maxOutputBytes", "integer?"),
            ("allowNetwork", "boolean?"),
            ("allowedHosts", "[]string?"),
        ],
    ),
    (
        "UserContext",
        &[("id", "string"), ("email", "string?"), ("name", "string?"), ("tier", "string?"), ("metadata", "object?")],
    ),
    (
        "RunResult",
        &[
            ("id", "string"),
            ("ok", "boolean"),
            ("status", "string"),
            ("exitCode", "integer"),
            ("signal", "string?"),
            ("stdout", "string"),
            ("stderr", "string"),
            ("truncated", "@Truncated"),
            ("usage", "@RunUsage"),
            ("createdAt", "time"),
        ],
    ),
    ("StoredRun", &[("...", "@RunResult"), ("input", "@RunInput~")]),
    ("Truncated", &[("stdout", "boolean"), ("stderr", "boolean")]),
    (
        "RunUsage",
        &[
            ("cpuMs", "number"),
            ("memMB", "number"),
            ("durationMs", "number"),
            ("queueMs", "number"),
            ("installMs", "number"),
            ("blockedConnections", "integer"),
        ],
    ),
    (
        "RunInput",
        &[
            ("code", "string~"),
            ("files", "[]@SourceFile~"),
            ("lang", "string"),
            ("entrypoint", "string"),
            ("packages", "[]string"),
            ("stdin", "string"),
            ("args", "[]string"),
            ("envNames", "[]string"),
            ("policy", "@UsedPolicy"),
            ("truncated", "boolean"),
        ],
    ),
    (
        "UsedPolicy",
        &[
            ("timeoutMs", "integer"),
            ("memoryMB", "integer"),
            ("maxOutputBytes", "integer"),
            ("allowNetwork", "boolean"),
            ("allowedHosts", "[]string"),
        ],
    ),
    ("LinkRequest", &[("email", "string")]),
    ("Link", &[("token", "string")]),
    ("Message", &[("message", "string")]),
    ("Account", &[("id", "string"), ("email", "string"), ("created_at", "time"), ("session_id", "string")]),
    (
        "AccountExport",
        &[
            ("account", "@Account"),
            ("sessions", "[]@Session"),
            ("projects", "[]@ExportedProject"),
            ("events", "[]@Event"),
        ],
    ),
    (
        "ExportedProject",
        &[("project", "@Project"), ("apiKeys", "[]@Key"), ("history", "[]@UsageRun"), ("next_cursor", "string?")],
    ),
    (
        "Session",
        &[
            ("id", "string"),
            ("current", "boolean"),
            ("created_at", "time"),
            ("last_used_at", "time"),
            ("expires_at", "time"),
            ("ip_address", "string?"),
            ("user_agent", "string?"),
        ],
    ),
    ("SessionPage", &[("sessions", "[]@Session"), ("next_cursor", "string?")]),
    (
        "Event",
        &[
            ("id", "string"),
            ("action", "string"),
            ("subject", "string"),
            ("project_id", "string?"),
            ("created_at", "time"),
            ("ip_address", "string?"),
            ("user_agent", "string?"),
        ],
    ),
    ("EventPage", &[("events", "[]@Event"), ("next_cursor", "string?")]),
    (
        "ProjectSettings",
        &[
            ("name", "string"),
            ("storeIp", "boolean?"),
            ("privateResults", "boolean?"),
            ("isolates", "@IsolateSettings?"),
        ],
    ),
    (
        "ProjectChange",
        &[
            ("name", "string?"),
            ("storeIp", "boolean?"),
            ("privateResults", "boolean?"),
            ("isolates", "@IsolateSettings?"),
        ],
    ),
    (
        "Project",
        &[
            ("id", "string"),
            ("name", "string"),
            ("store_ip", "boolean"),
            ("private_results", "boolean"),
            ("isolates", "@UsedIsolateSettings"),
            ("created_at", "time"),
        ],
    ),
    ("ProjectPage", &[("projects", "[]@Project"), ("next_cursor", "string?")]),
    (
        "KeySettings",
        &[
            ("name", "string?"),
            ("allowedDomains", "[]string?"),
            ("rateLimitPerMinute", "integer?"),
            ("expiresAt", "time?"),
        ],
    ),
    ("CreatedKey", &[("key", "string"), ("id", "string")]),
    ("Rotation", &[("overlapSeconds", "integer?")]),
    ("RotatedKey", &[("key", "string"), ("id", "string"), ("previous", "@EndingKey")]),
    ("EndingKey", &[("id", "string"), ("expires_at", "time")]),
    (
        "Key",
        &[
            ("id", "string"),
            ("name", "string"),
            ("key_prefix", "string"),
            ("allowed_domains", "[]string"),
            ("rate_limit_per_minute", "integer"),
            ("last_used_at", "time?"),
            ("is_active", "integer"),
            ("expires_at", "time?"),
            ("revoked_at", "time?"),
            ("created_at", "time"),
        ],
    ),
    ("KeyPage", &[("apiKeys", "[]@Key"), ("next_cursor", "string?")]),
    (
        "Usage",
        &[
            ("total_runs", "integer"),
            ("python_runs", "integer"),
            ("nodejs_runs", "integer"),
            ("success_rate", "number"),
            ("history", "[]@UsageRun"),
            ("next_cursor", "string?"),
            ("languages", "object"),
            ("statuses", "object"),
            ("duration_ms", "@Percentiles"),
            ("interval", "string"),
            ("series", "[]@Stretch"),
            ("api_keys", "[]@KeyCount"),
            ("end_users", "[]@EndUserCount"),
        ],
    ),
    (
        "UsageRun",
        &[
            ("id", "string"),
            ("language", "string"),
            ("code_snippet", "string"),
            ("status", "string"),
            ("exit_code", "integer"),
            ("execution_time_ms", "integer"),
            ("created_at", "time"),
            ("api_key_id", "string"),
            ("user_context", "@UserContext?"),
            ("ip_address", "string?"),
        ],
    ),
    ("RunPage", &[("history", "[]@UsageRun"), ("next_cursor", "string?")]),
    ("Percentiles", &[("p50", "integer?"), ("p95", "integer?")]),
    ("Stretch", &[("start", "time"), ("runs", "integer"), ("successes", "integer")]),
    ("KeyCount", &[("id", "string"), ("name", "string?"), ("runs", "integer")]),
    ("EndUserCount", &[("id", "string"), ("runs", "integer"), ("last_run_at", "time")]),
    ("Deletion", &[("deleted_runs", "integer"), ("complete", "boolean")]),
    ("Outbox", &[("messages", "[]@Mail")]),
    (
        "Mail",
        &[("to", "string"), ("subject", "string"), ("text", "string"), ("html", "string"), ("created_at", "time")],
    ),
    ("Index", &[("name", "string"), ("version", "string"), ("links", "object")]),
    ("Anything", &[]),
    ("FieldError", &[("field", "string"), ("message", "string")]),
];
