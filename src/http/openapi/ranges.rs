//! What values may be, in the words of JSON Schema, from the constants that validation itself uses.

use crate::domain::account::email;
use crate::domain::input::page;
use crate::domain::key::allowed_domain::MAX_DOMAINS;
use crate::domain::key::settings::{
    DEFAULT_OVERLAP_SECONDS, DEFAULT_RATE_LIMIT, MAX_NAME_CHARS, OVERLAP_SECONDS, RATE_LIMIT,
};
use crate::http::routes::scripts::execute::OFFSET;
use docle_protocol::isolate::{self, RuntimeApi, ScriptLanguage};
use docle_protocol::limits::*;
use docle_protocol::{Language, RunStatus};
use serde_json::{Value, json};
use std::ops::RangeInclusive;

/// What a shape's field may be beyond its type; null where the type says everything. Lengths that are checked in bytes
/// are told in characters, of which there are never more.
pub fn range(shape: &str, field: &str) -> Value {
    match (shape, field) {
        ("RunRequest", "code" | "stdin") | ("SourceFile", "content") => json!({ "maxLength": MAX_BODY_BYTES }),
        ("RunRequest", "lang") => json!({ "enum": ["python", "node", "javascript", "typescript"] }),
        ("RunInput", "lang") => json!({ "enum": Language::ALL.map(Language::name) }),
        ("RunRequest", "tier") => json!({ "enum": ["run", "isolate"], "default": "run" }),
        ("RunRequest" | "ScriptConfig", "allowedAPIs") => {
            json!({ "items": { "type": "string", "enum": RuntimeApi::ALL.map(RuntimeApi::name) } })
        }
        ("ScriptRequest", "code") => json!({ "maxLength": isolate::MAX_CODE_BYTES }),
        ("ScriptRequest" | "Script", "language") => {
            json!({ "enum": ScriptLanguage::ALL.map(ScriptLanguage::name), "default": "javascript" })
        }
        ("ScriptConfig", "timeout") => between(&isolate::TIMEOUT_MS, Some(isolate::DEFAULT_TIMEOUT_MS)),
        ("ScriptConfig" | "IsolateSettings", "allowedDomains") => json!({ "maxItems": isolate::MAX_ALLOWED_DOMAINS }),
        ("ScriptResult" | "Execution", "id") => json!({ "format": "uuid" }),
        ("ScriptResult" | "Execution" | "ListedExecution", "status") => {
            json!({ "enum": RunStatus::ALL.map(RunStatus::name) })
        }
        ("LogEntry", "level") => json!({ "enum": ["debug", "log", "info", "warn", "error"] }),
        ("query", "offset") => json!({ "minimum": OFFSET.start(), "maximum": OFFSET.end(), "default": 0 }),
        ("RunRequest", "files") => json!({ "minItems": 1, "maxItems": MAX_FILES }),
        ("RunRequest", "entrypoint") | ("SourceFile", "path") => json!({ "minLength": 1, "maxLength": MAX_PATH_BYTES }),
        ("RunRequest", "args") => {
            json!({ "maxItems": MAX_ARGS, "items": { "type": "string", "maxLength": MAX_ARG_BYTES } })
        }
        ("RunRequest", "env") => json!({
            "maxProperties": MAX_ENV,
            "propertyNames": { "pattern": "^[^=\\x00]+$" },
            "additionalProperties": { "type": "string", "maxLength": MAX_ARG_BYTES },
        }),
        ("Packages", "packages") => {
            json!({ "maxItems": MAX_PACKAGES, "items": { "type": "string", "maxLength": MAX_PACKAGE_BYTES } })
        }
        ("Policy", "timeoutMs") => between(&TIMEOUT_MS, Some(DEFAULT_TIMEOUT_MS)),
        ("Policy", "memoryMB") => between(&MEMORY_MB, Some(DEFAULT_MEMORY_MB)),
        ("Policy", "maxOutputBytes") => between(&MAX_OUTPUT_BYTES, Some(DEFAULT_MAX_OUTPUT_BYTES)),
        ("Policy", "allowNetwork") => json!({ "default": false }),
        ("Policy", "allowedHosts") => json!({ "maxItems": MAX_ALLOWED_HOSTS }),
        ("UsedPolicy", "timeoutMs") => between(&TIMEOUT_MS, None),
        ("UsedPolicy", "memoryMB") => between(&MEMORY_MB, None),
        ("UsedPolicy", "maxOutputBytes") => between(&MAX_OUTPUT_BYTES, None),
        ("UserContext", "id") => json!({ "minLength": 1 }),
        ("UserContext", "tier") => json!({ "enum": ["free", "pro", "enterprise"] }),
        ("RunResult" | "StoredRun" | "UsageRun", "status") => json!({ "enum": RunStatus::ALL.map(RunStatus::name) }),
        ("RunResult" | "StoredRun" | "UsageRun", "id") => json!({ "format": "uuid" }),
        ("UsageRun", "language") => json!({ "enum": ["python", "node", "javascript", "typescript"] }),
        ("RunUsage", _) | ("UsageRun", "execution_time_ms") => json!({ "minimum": 0 }),
        ("LinkRequest", "email") => json!({ "format": "email", "maxLength": email::MAX_BYTES }),
        ("Link", "token") => json!({ "pattern": "^[0-9a-f]{64}$" }),
        ("ProjectSettings" | "ProjectChange" | "KeySettings", "name") => {
            json!({ "minLength": 1, "maxLength": MAX_NAME_CHARS, "pattern": "^[^\\x00-\\x1f\\x7f]*$" })
        }
        ("KeySettings", "allowedDomains") => json!({ "maxItems": MAX_DOMAINS }),
        ("KeySettings", "rateLimitPerMinute") => between(&RATE_LIMIT, Some(DEFAULT_RATE_LIMIT)),
        ("Rotation", "overlapSeconds") => between(&OVERLAP_SECONDS, Some(DEFAULT_OVERLAP_SECONDS)),
        ("CreatedKey" | "RotatedKey", "key") => json!({ "pattern": "^sk_live_[0-9a-f]{48}$" }),
        ("Key", "is_active") => json!({ "enum": [0, 1] }),
        ("Usage", "success_rate") => json!({ "minimum": 0, "maximum": 100 }),
        ("Usage", "languages" | "statuses") => {
            json!({ "additionalProperties": { "type": "integer", "minimum": 0 } })
        }
        ("Usage", "interval") | ("query", "interval") => json!({ "enum": ["hour", "day"] }),
        ("Index", "links") => json!({ "additionalProperties": { "type": "string" } }),
        ("query", "limit") => between(&page::LIMIT, Some(page::DEFAULT_LIMIT)),
        _ => Value::Null,
    }
}

fn between(range: &RangeInclusive<u32>, default: Option<u32>) -> Value {
    let mut schema = json!({ "minimum": range.start(), "maximum": range.end() });
    if let Some(default) = default {
        schema["default"] = json!(default);
    }
    schema
}
