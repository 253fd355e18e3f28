//! Examples of the code interpreter.

use crate::contexts::*;
use crate::document::example::{Example, text, time};
use crate::sandbox_commands::{ExecStatus, ExecUsage};

const CONTEXT: &str = "ctx_0f8fad5bd9cb469fa1656f2c";

fn result() -> CodeResult {
    CodeResult { main: true, text: Some(text("45")), ..CodeResult::default() }
}

impl Example for ContextSettings {
    const NAME: &'static str = "context";

    fn example() -> Self {
        Self { language: Some(text("python")), ..Self::default() }
    }
}

impl Example for CodeContext {
    const NAME: &'static str = "context";

    fn example() -> Self {
        Self {
            id: text(CONTEXT),
            language: text("python"),
            cwd: text("/workspace"),
            running: false,
            execution_count: 0,
            start_ms: 61.3,
        }
    }
}

impl Example for ContextList {
    const NAME: &'static str = "contexts";

    fn example() -> Self {
        Self { contexts: vec![CodeContext::example()] }
    }
}

impl Example for CodeRequest {
    const NAME: &'static str = "cell";

    fn example() -> Self {
        Self { code: text("sum(range(10))"), ..Self::default() }
    }
}

impl Example for CodeRunRequest {
    const NAME: &'static str = "cell";

    fn example() -> Self {
        Self { code: text("sum(range(10))"), ..Self::default() }
    }
}

impl Example for CodeExecution {
    const NAME: &'static str = "result";

    fn example() -> Self {
        Self {
            id: text("exec_0f8fad5bd9cb469fa1656f2c"),
            context_id: text(CONTEXT),
            status: ExecStatus::Success,
            success: true,
            execution_count: 1,
            stdout: String::new(),
            stderr: String::new(),
            results: vec![result()],
            error: None,
            context_lost: false,
            start_ms: Some(61.3),
            timestamp: time(),
            duration_ms: 2.4,
            timed_out: false,
            truncated: CodeTruncated::default(),
            usage: ExecUsage { cpu_ms: 0.9, mem_mb: 20.3, duration_ms: 2.4 },
            restored_from: None,
        }
    }
}

impl Example for CodeStreamEvent {
    const NAME: &'static str = "event";

    fn example() -> Self {
        Self::Result { result: Box::new(result()), timestamp: time() }
    }
}
