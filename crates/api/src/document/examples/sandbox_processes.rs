//! Examples of processes of sandboxes.

use crate::document::example::{Example, text, time};
use crate::sandbox_processes::*;

const PROCESS: &str = "proc_0f8fad5bd9cb469fa1656f2c";

impl Example for ProcessStart {
    const NAME: &'static str = "process";

    fn example() -> Self {
        Self { command: Some(text("python3 -m http.server 8000")), name: Some(text("web")), ..Self::default() }
    }
}

impl Example for Process {
    const NAME: &'static str = "process";

    fn example() -> Self {
        Self {
            id: text(PROCESS),
            name: Some(text("web")),
            pid: 7,
            command: text("python3 -m http.server 8000"),
            cwd: text("/workspace"),
            status: ProcessStatus::Running,
            exit_code: None,
            signal: None,
            timed_out: false,
            stdin: false,
            started_at: time(),
            ended_at: None,
            log_bytes: 0,
            dropped_bytes: 0,
            usage: None,
        }
    }
}

impl Example for ProcessList {
    const NAME: &'static str = "processes";

    fn example() -> Self {
        Self { processes: vec![Process::example()] }
    }
}

impl Example for ProcessLogs {
    const NAME: &'static str = "logs";

    fn example() -> Self {
        let stdout = text("Serving HTTP on 0.0.0.0 port 8000 …\n");
        let position = stdout.len() as u64;
        Self { stdout, stderr: String::new(), dropped_bytes: 0, position, process: Process::example() }
    }
}

impl Example for ProcessLogEvent {
    const NAME: &'static str = "event";

    fn example() -> Self {
        Self::Stdout { data: text("Serving HTTP on 0.0.0.0 port 8000 …\n"), timestamp: time() }
    }
}

impl Example for ProcessInput {
    const NAME: &'static str = "input";

    fn example() -> Self {
        Self { data: Some(text("yes\n")), close: None }
    }
}

impl Example for ProcessSignal {
    const NAME: &'static str = "signal";

    fn example() -> Self {
        Self { signal: text("SIGINT") }
    }
}

impl Example for ProcessWait {
    const NAME: &'static str = "wait";

    fn example() -> Self {
        Self { port: Some(8_000), timeout_ms: Some(10_000), ..Self::default() }
    }
}

impl Example for WaitResult {
    const NAME: &'static str = "result";

    fn example() -> Self {
        Self { outcome: WaitOutcome::Listening, line: None, groups: None, process: Some(Process::example()) }
    }
}
