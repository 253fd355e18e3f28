//! The shapes of what is asked and answered about scripts in isolates, in the notation of [`super::shapes`].

use crate::http::openapi::shapes::Fields;

/// Every one of them by its name.
pub const SCRIPT_SHAPES: &[(&str, Fields)] = &[
    (
        "ScriptRequest",
        &[
            ("code", "string"),
            ("language", "string?"),
            ("context", "any?"),
            ("config", "@ScriptConfig?"),
            ("userContext", "@UserContext?"),
        ],
    ),
    ("ScriptConfig", &[("timeout", "integer?"), ("allowedAPIs", "[]string?"), ("allowedDomains", "[]string?")]),
    (
        "ScriptResult",
        &[
            ("id", "string"),
            ("ok", "boolean"),
            ("success", "boolean"),
            ("status", "string"),
            ("result", "any"),
            ("logs", "[]@LogEntry"),
            ("error", "@ScriptError?"),
            ("executionTime", "number"),
            ("exitCode", "integer"),
            ("signal", "string?"),
            ("stdout", "string"),
            ("stderr", "string"),
            ("truncated", "@Truncated"),
            ("usage", "@ScriptUsage"),
            ("createdAt", "time"),
        ],
    ),
    ("Execution", &[("...", "@ScriptResult"), ("input", "@ScriptInput")]),
    (
        "ScriptInput",
        &[
            ("tier", "string"),
            ("code", "string"),
            ("language", "string"),
            ("context", "any"),
            ("config", "@UsedConfig"),
            ("truncated", "boolean"),
        ],
    ),
    ("UsedConfig", &[("timeout", "integer"), ("allowedAPIs", "[]string"), ("allowedDomains", "[]string?")]),
    ("LogEntry", &[("level", "string"), ("message", "string"), ("timeMs", "number")]),
    (
        "ScriptError",
        &[
            ("name", "string"),
            ("message", "string"),
            ("stack", "string?"),
            ("line", "integer?"),
            ("column", "integer?"),
        ],
    ),
    (
        "ScriptUsage",
        &[
            ("cpuMs", "number?"),
            ("memMB", "number?"),
            ("durationMs", "number"),
            ("queueMs", "number"),
            ("installMs", "number"),
            ("blockedConnections", "integer"),
        ],
    ),
    ("Script", &[("code", "string"), ("language", "string?")]),
    ("Validation", &[("valid", "boolean"), ("errors", "[]@Finding")]),
    (
        "Finding",
        &[
            ("rule", "string"),
            ("message", "string"),
            ("line", "integer"),
            ("column", "integer"),
            ("endLine", "integer"),
            ("endColumn", "integer"),
        ],
    ),
    (
        "ListedExecution",
        &[
            ("id", "string"),
            ("language", "string"),
            ("status", "string"),
            ("success", "boolean"),
            ("executionTime", "integer"),
            ("snippet", "string"),
            ("createdAt", "time"),
        ],
    ),
    ("ExecutionPage", &[("executions", "[]@ListedExecution"), ("next_cursor", "string?")]),
    ("Languages", &[("languages", "[]@Language")]),
    ("Language", &[("id", "string"), ("name", "string"), ("tier", "string"), ("versions", "object")]),
    ("Docs", &[("runtimeApis", "[]@RuntimeApi"), ("limits", "[]@Limit"), ("example", "string")]),
    ("RuntimeApi", &[("name", "string"), ("signature", "string"), ("description", "string"), ("example", "string")]),
    ("Limit", &[("name", "string"), ("value", "string")]),
    ("IsolateSettings", &[("allowedDomains", "[]string?"), ("database", "string?")]),
    ("UsedIsolateSettings", &[("allowed_domains", "[]string?"), ("database", "string?")]),
];
