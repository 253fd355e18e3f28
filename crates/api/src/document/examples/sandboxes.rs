//! Examples of sandboxes.

use crate::document::example::{Example, text, time};
use crate::runs::Truncated;
use crate::sandbox_commands::*;
use crate::sandbox_files::*;
use crate::sandboxes::*;
use docle_languages::RunLanguage;

const SANDBOX: &str = "sbx_k5mhqv3zt7bw2xn4rjd6pacyef";
const EXECUTION: &str = "exec_0f8fad5bd9cb469fa1656f2c";

fn listed() -> ListedSandbox {
    ListedSandbox {
        id: text(SANDBOX),
        project_id: text("proj_0f8fad5bd9cb469fa165"),
        key: Some(text("my-sandbox")),
        name: Some(text("My Python Sandbox")),
        description: Some(text("Testing AI scripts")),
        language: RunLanguage::named("python"),
        status: SandboxStatus::Running,
        created_at: time(),
        updated_at: time(),
        last_used_at: Some(time()),
    }
}

fn file() -> SandboxFile {
    SandboxFile {
        name: text("script.py"),
        path: text("/workspace/script.py"),
        path64: None,
        kind: FileType::File,
        size: 20,
        mode: text("0644"),
        modified_at: time(),
        target: None,
    }
}

fn usage() -> ExecUsage {
    ExecUsage { cpu_ms: 11.2, mem_mb: 9.5, duration_ms: 14.3 }
}

impl Example for SandboxSettings {
    const NAME: &'static str = "sandbox";

    fn example() -> Self {
        Self {
            name: Some(text("My Python Sandbox")),
            language: Some(text("python")),
            description: Some(text("Testing AI scripts")),
            ..Self::default()
        }
    }
}

impl Example for SearchResult {
    const NAME: &'static str = "matches";

    fn example() -> Self {
        let one = SearchMatch {
            path: text("/workspace/script.py"),
            path64: None,
            line: Some(1),
            column: Some(8),
            excerpt: Some(text("print(\"Hello World\")")),
        };
        Self { matches: vec![one], more: false }
    }
}

impl Example for CheckoutRequest {
    const NAME: &'static str = "repository";

    fn example() -> Self {
        let url = text("https://github.com/owner/name");
        Self { url, branch: Some(text("main")), reference: None, depth: None, dir: None, token: None }
    }
}

impl Example for CheckoutResult {
    const NAME: &'static str = "checkout";

    fn example() -> Self {
        Self {
            url: text("https://github.com/owner/name"),
            dir: text("/workspace/name"),
            commit: text("553c2077f0edc3d5dc5d17262f6aa498e69d6f8e"),
            branch: Some(text("main")),
        }
    }
}

impl Example for EnvChange {
    const NAME: &'static str = "variables";

    fn example() -> Self {
        Self { env: [(text("STAGE"), Some(text("test"))), (text("OLD"), None)].into() }
    }
}

impl Example for EnvNames {
    const NAME: &'static str = "names";

    fn example() -> Self {
        Self { env_names: vec![text("STAGE")] }
    }
}

impl Example for SandboxChange {
    const NAME: &'static str = "change";

    fn example() -> Self {
        let config = RuntimeConfig { sleep_after: Some(1_800), ..RuntimeConfig::default() };
        Self { name: Some(text("Renamed")), runtime_config: Some(config), ..Self::default() }
    }
}

impl Example for Sandbox {
    const NAME: &'static str = "sandbox";

    fn example() -> Self {
        let config = RuntimeConfig {
            memory_mb: Some(512),
            disk_mb: Some(1_024),
            network: Some(SandboxNetwork::Registries),
            allowed_hosts: Some(Vec::new()),
            sleep_after: Some(600),
            save_every_seconds: Some(60),
        };
        Self {
            listed: listed(),
            env_names: vec![text("API_URL")],
            runtime_config: config,
            saved_at: Some(time()),
            save_failing: None,
            restored_from: None,
        }
    }
}

impl Example for SandboxPage {
    const NAME: &'static str = "sandboxes";

    fn example() -> Self {
        Self { sandboxes: vec![listed()], next_cursor: None }
    }
}

impl Example for ExecRequest {
    const NAME: &'static str = "command";

    fn example() -> Self {
        Self { command: Some(text("echo hello")), ..Self::default() }
    }
}

impl Example for ExecResult {
    const NAME: &'static str = "result";

    fn example() -> Self {
        Self {
            id: text(EXECUTION),
            exit_code: 0,
            stdout: text("hello\n"),
            stderr: String::new(),
            success: true,
            status: ExecStatus::Success,
            command: text("echo hello"),
            timestamp: time(),
            duration_ms: 14.3,
            timed_out: false,
            signal: None,
            truncated: Truncated::default(),
            usage: usage(),
            session: None,
            restored_from: None,
        }
    }
}

impl Example for ExecStreamEvent {
    const NAME: &'static str = "event";

    fn example() -> Self {
        Self::Stdout { data: text("hello\n"), timestamp: time() }
    }
}

impl Example for ExecuteRequest {
    const NAME: &'static str = "file";

    fn example() -> Self {
        Self { file_path: text("main.py"), timeout: Some(30), ..Self::default() }
    }
}

impl Example for ExecuteResult {
    const NAME: &'static str = "result";

    fn example() -> Self {
        Self {
            id: text(EXECUTION),
            ok: true,
            status: ExecStatus::Success,
            run_exit_code: 0,
            signal: None,
            stdout: text("Hello World\n"),
            stderr: String::new(),
            truncated: Truncated::default(),
            usage: usage(),
            created_at: time(),
            file_path: text("main.py"),
            output: text("Hello World\n"),
            error: String::new(),
            exit_code: 0,
            duration_ms: 14.3,
            timestamp: time(),
            restored_from: None,
        }
    }
}

impl Example for ExecutionPage {
    const NAME: &'static str = "executions";

    fn example() -> Self {
        let execution = Execution {
            id: text(EXECUTION),
            command: text("python3 main.py"),
            file_path: Some(text("main.py")),
            status: ExecStatus::Success,
            exit_code: 0,
            output: text("Hello World\n"),
            error: String::new(),
            duration_ms: 14.3,
            timestamp: time(),
        };
        Self { executions: vec![execution], next_cursor: None }
    }
}

impl Example for FileOperation {
    const NAME: &'static str = "create";

    fn example() -> Self {
        Self {
            operation: FileAction::Create,
            file_path: text("script.py"),
            content: Some(text("print(\"Hello World\")")),
            encoding: None,
            new_path: None,
            recursive: None,
        }
    }
}

impl Example for FileOperationResult {
    const NAME: &'static str = "created";

    fn example() -> Self {
        Self {
            success: true,
            operation: FileAction::Create,
            file_path: text("script.py"),
            file: Some(file()),
            content: None,
            encoding: None,
            files: None,
            more: None,
        }
    }
}

impl Example for SandboxFile {
    const NAME: &'static str = "file";

    fn example() -> Self {
        file()
    }
}

impl Example for FileListing {
    const NAME: &'static str = "directory";

    fn example() -> Self {
        let directory = SandboxFile {
            name: text("workspace"),
            path: text("/workspace"),
            kind: FileType::Directory,
            mode: text("0755"),
            size: 60,
            ..file()
        };
        Self { entry: directory, entries: Some(vec![file()]), more: Some(false) }
    }
}

impl Example for MkdirRequest {
    const NAME: &'static str = "directory";

    fn example() -> Self {
        Self { path: text("src/lib"), recursive: Some(true) }
    }
}

impl Example for TransferRequest {
    const NAME: &'static str = "transfer";

    fn example() -> Self {
        Self { from: text("main.py"), to: text("src/main.py"), overwrite: None }
    }
}

impl Example for ChmodRequest {
    const NAME: &'static str = "mode";

    fn example() -> Self {
        Self { path: text("run.sh"), mode: text("755") }
    }
}
