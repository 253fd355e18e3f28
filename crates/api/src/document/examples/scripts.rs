//! Examples of scripts and executions.

use crate::document::example::{Example, RUN_ID, text, time};
use crate::executions::{Execution, ExecutionPage, ListedExecution, ScriptInput, UsedConfig};
use crate::runs::{RunStatus, Truncated};
use crate::scripts::*;
use docle_languages::ScriptLanguage;
use serde_json::json;

const CODE: &str = "console.log(`Hello ${context.user}`)\nreturn 1 + 1";

impl Example for ScriptRequest {
    const NAME: &'static str = "script";

    fn example() -> Self {
        Self {
            code: text(CODE),
            language: Some(ScriptLanguage::default_one()),
            context: Some(json!({ "user": "john" })),
            config: Some(ScriptConfig { timeout: Some(5_000), ..ScriptConfig::default() }),
            user_context: None,
        }
    }
}

impl Example for IsolateRunRequest {
    const NAME: &'static str = "script";

    fn example() -> Self {
        Self {
            tier: IsolateTier::Isolate,
            code: text("enum Size { S, M, L }\nreturn Size[context.size]"),
            lang: ScriptLanguage::named("typescript"),
            context: Some(json!({ "size": 1 })),
            policy: None,
            allowed_apis: Some(vec![RuntimeApi::Console]),
            user_context: None,
        }
    }
}

impl Example for Script {
    const NAME: &'static str = "script";

    fn example() -> Self {
        Self { code: text("const fs = require(\"fs\")"), language: None }
    }
}

impl Example for Validation {
    const NAME: &'static str = "diagnostic";

    fn example() -> Self {
        let diagnostic = Diagnostic {
            rule: text("require"),
            message: text("Scripts have no require: use api() for requests."),
            line: 1,
            column: 12,
            end_line: 1,
            end_column: 19,
        };
        Self { valid: false, errors: vec![diagnostic] }
    }
}

impl Example for ScriptResult {
    const NAME: &'static str = "scriptResult";

    fn example() -> Self {
        Self {
            id: text(RUN_ID),
            ok: true,
            success: true,
            status: RunStatus::Success,
            result: json!(2),
            logs: vec![LogEntry { level: LogLevel::Log, message: text("Hello john"), time_ms: 0.4 }],
            error: None,
            execution_time: 1.5,
            exit_code: 0,
            signal: None,
            stdout: text("Hello john\n"),
            stderr: String::new(),
            truncated: Truncated::default(),
            usage: ScriptUsage { duration_ms: 1.5, ..ScriptUsage::default() },
            created_at: time(),
        }
    }
}

impl Example for Execution {
    const NAME: &'static str = "execution";

    fn example() -> Self {
        let config = UsedConfig { timeout: 5_000, allowed_apis: RuntimeApi::ALL.to_vec(), allowed_domains: None };
        let input = ScriptInput {
            tier: text("isolate"),
            code: text(CODE),
            language: ScriptLanguage::default_one(),
            context: json!({ "user": "john" }),
            config,
            truncated: false,
        };
        Self { result: ScriptResult::example(), input }
    }
}

impl Example for ExecutionPage {
    const NAME: &'static str = "executions";

    fn example() -> Self {
        let listed = ListedExecution {
            id: text(RUN_ID),
            language: text("javascript"),
            status: text("success"),
            success: true,
            execution_time: 2,
            snippet: text(CODE),
            created_at: time(),
        };
        Self { executions: vec![listed], next_cursor: None }
    }
}
