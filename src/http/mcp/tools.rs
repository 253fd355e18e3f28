//! What the tools are called, take and return. The build makes their schemas of the API's own.

use serde_json::Value;

/// The list of tools as JSON, in a fixed order.
const LIST: &str = include_str!(concat!(env!("OUT_DIR"), "/mcp_tools.json"));

/// A tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    RunCode,
    RunTests,
    GetRun,
    CancelRun,
    ListLanguages,
    CreateSandbox,
    ListSandboxes,
    Exec,
    RunCell,
    ReadFile,
    WriteFile,
    ListFiles,
    Snapshot,
    Restore,
    ExposePort,
    DeleteSandbox,
}

impl Tool {
    /// Every tool.
    pub const ALL: [Self; 16] = [
        Self::RunCode,
        Self::RunTests,
        Self::GetRun,
        Self::CancelRun,
        Self::ListLanguages,
        Self::CreateSandbox,
        Self::ListSandboxes,
        Self::Exec,
        Self::RunCell,
        Self::ReadFile,
        Self::WriteFile,
        Self::ListFiles,
        Self::Snapshot,
        Self::Restore,
        Self::ExposePort,
        Self::DeleteSandbox,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RunCode => "run_code",
            Self::RunTests => "run_tests",
            Self::GetRun => "get_run",
            Self::CancelRun => "cancel_run",
            Self::ListLanguages => "list_languages",
            Self::CreateSandbox => "create_sandbox",
            Self::ListSandboxes => "list_sandboxes",
            Self::Exec => "exec",
            Self::RunCell => "run_cell",
            Self::ReadFile => "read_file",
            Self::WriteFile => "write_file",
            Self::ListFiles => "list_files",
            Self::Snapshot => "snapshot",
            Self::Restore => "restore",
            Self::ExposePort => "expose_port",
            Self::DeleteSandbox => "delete_sandbox",
        }
    }

    /// The tool with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// Its arguments that are parts of a path, or are called otherwise in the API. It needs all of them.
    pub const fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::GetRun | Self::CancelRun => &["id"],
            Self::Exec | Self::RunCell | Self::Snapshot | Self::ExposePort | Self::DeleteSandbox => &["sandbox"],
            Self::ReadFile | Self::ListFiles => &["sandbox", "path"],
            Self::WriteFile => &["sandbox", "path", "content"],
            Self::Restore => &["sandbox", "snapshot"],
            Self::RunCode | Self::RunTests | Self::ListLanguages | Self::CreateSandbox | Self::ListSandboxes => &[],
        }
    }

    /// Its arguments that are fields of the body of its operation.
    pub const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::RunCode => &[
                "lang",
                "code",
                "files",
                "repo",
                "entrypoint",
                "stdin",
                "args",
                "env",
                "packages",
                "compile",
                "policy",
                "artifacts",
            ],
            Self::RunTests => &[
                "lang",
                "code",
                "files",
                "entrypoint",
                "packages",
                "compile",
                "policy",
                "tests",
                "checker",
                "stopOnFailure",
            ],
            Self::CreateSandbox => &["key", "name", "language", "env", "runtime_config"],
            Self::Exec => &["command", "argv", "cwd", "env", "session", "stdin", "timeoutMs"],
            Self::RunCell => &["code", "language", "env", "timeoutMs"],
            Self::WriteFile => &["encoding"],
            Self::ListFiles => &["recursive"],
            Self::Snapshot => &["name"],
            Self::Restore => &["paths"],
            Self::ExposePort => &["port", "name", "public"],
            Self::GetRun
            | Self::CancelRun
            | Self::ListLanguages
            | Self::ListSandboxes
            | Self::ReadFile
            | Self::DeleteSandbox => &[],
        }
    }
}

/// The list of tools.
pub fn list() -> Value {
    serde_json::from_str(LIST).expect("the build writes JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn the_list_has_every_tool_with_closed_schemas() {
        let list = list();
        let names: Vec<_> = list.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert_eq!(names, Tool::ALL.map(Tool::name));
        for (tool, known) in list.as_array().unwrap().iter().zip(Tool::ALL) {
            let described: BTreeSet<_> =
                tool["inputSchema"]["properties"].as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(described, known.parameters().iter().chain(known.fields()).copied().collect());
            assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
            assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{tool}");
            assert!(tool["inputSchema"].get("required").is_none_or(Value::is_array), "{tool}");
            let text = tool.to_string();
            assert!(!text.contains("#/components/"), "{tool}");
            for (_, name) in text.match_indices("#/$defs/").map(|(at, mark)| (at, &text[at + mark.len()..])) {
                let name = name.split('"').next().unwrap();
                let has = |schema: &str| tool[schema]["$defs"][name].is_object();
                assert!(has("inputSchema") || has("outputSchema"), "{name}");
            }
        }
        assert_eq!(list[0]["inputSchema"]["required"], json!(["lang"]));
        let write = list.as_array().unwrap().iter().find(|tool| tool["name"] == "write_file").unwrap();
        assert_eq!(write["inputSchema"]["required"], json!(["content", "path", "sandbox"]));
    }
}
