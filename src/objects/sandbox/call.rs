//! The calls of a Sandbox object.

use crate::domain::input::page::Page;
use crate::domain::sandbox::id::SandboxId;
use crate::domain::timestamp::Timestamp;
use crate::objects::call::ObjectCall;
use crate::ports::previews::{PreviewCall, TerminalCall};
use crate::ports::sandboxes::{ContentHead, SandboxRefusal};
use docle_protocol::sandbox::FileRequest;
use serde::{Deserialize, Serialize};

/// A call of a Sandbox object by a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SandboxCall {
    pub project_id: String,
    pub action: Action,
}

/// What a call asks for; [`crate::ports::sandboxes::Sandboxes`] documents what each does. What may be larger than a header is
/// in the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// The body is a `SandboxConfig`.
    Open,
    /// The body is a `ConfigChange`.
    Configure,
    /// The body is an `EnvRequest`, that of the answer a list of names.
    Env,
    /// The body of the answer is a `SandboxReport`.
    Report,
    /// The body is an `ExecJob`, that of the answer a stream of `ExecEvent` lines.
    #[serde(rename_all = "camelCase")]
    Exec {
        file_path: Option<String>,
    },
    /// The body is a `ContextAction`, that of the answer a list of `ContextState`.
    Contexts,
    /// The body is a `CellCall`, that of the answer a stream of `CellEvent` lines.
    Cell,
    /// The body of the answer is a list.
    Executions(Page),
    /// The body is a `ProcessRequest`, that of the answer a `ProcessResponse`.
    #[serde(rename_all = "camelCase")]
    Processes {
        may_repeat: bool,
    },
    /// The body is a `SessionRequest`, that of the answer a list.
    Sessions,
    /// The body is a `ProcessWatch`, that of the answer a stream of `ProcessEvent` lines.
    Watch,
    /// The body is a `PortsRequest`, that of the answer a `PortsAnswer`.
    Ports,
    /// Of no project. The body is that of the program's request, that of the answer the program's.
    Preview(PreviewCall),
    /// The answer is a WebSocket.
    Terminal(TerminalCall),
    /// The body of the answer is a `FileResponse`.
    Files(FileRequest),
    /// The body of the answer is the content.
    Read {
        path: String,
        range: Option<String>,
    },
    /// The body is the content, that of the answer a `FileResponse`.
    Write {
        path: String,
    },
    /// The body is a `CheckoutJob`, that of the answer `CheckedOut`.
    CheckOut,
    /// The body of the answer is an archive.
    Export {
        path: String,
    },
    /// The body is an archive, that of the answer a `FileResponse`.
    Import {
        path: String,
    },
    /// The body of the answer is an archive.
    ExportSnapshot {
        id: String,
    },
    /// The body is a `SnapshotRequest`, that of the answer a `SnapshotResponse`.
    Snapshots,
    Sleep,
    Wake,
    Delete,
}

/// What an answer tells beside its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    pub restored_from: Option<Timestamp>,
    /// With content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<ContentHead>,
}

impl ObjectCall for SandboxCall {
    type Refusal = SandboxRefusal;

    fn may_repeat(&self) -> bool {
        match &self.action {
            Action::Open
            | Action::Configure
            | Action::Env
            | Action::Report
            | Action::Executions(_)
            | Action::Read { .. }
            | Action::Export { .. }
            | Action::ExportSnapshot { .. }
            | Action::Ports
            | Action::Terminal(_)
            | Action::Watch
            | Action::Snapshots
            | Action::Sleep
            | Action::Wake
            | Action::Delete => true,
            Action::Processes { may_repeat } => *may_repeat,
            // A request without a body that changes nothing, by its method.
            Action::Preview(call) => !call.request.has_body && matches!(call.request.method.as_str(), "GET" | "HEAD"),
            Action::Files(request) => {
                matches!(request, FileRequest::Stat { .. } | FileRequest::List { .. } | FileRequest::Search { .. })
            }
            // The second creation would be refused.
            Action::Sessions => false,
            // A command would be executed twice, and a body comes once.
            Action::Exec { .. }
            | Action::Contexts
            | Action::Cell
            | Action::Write { .. }
            | Action::CheckOut
            | Action::Import { .. } => false,
        }
    }

    fn opens_socket(&self) -> bool {
        match &self.action {
            Action::Preview(call) => call.is_socket,
            action => matches!(action, Action::Terminal(_)),
        }
    }
}

const PREFIX: &str = "sandbox:";

/// The name of the object of a sandbox.
pub fn object_of_sandbox(id: &SandboxId) -> String {
    format!("{PREFIX}{id}")
}

/// The sandbox whose object has this name.
pub fn sandbox_of_object(object: &str) -> Option<SandboxId> {
    object.strip_prefix(PREFIX).and_then(SandboxId::parse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn call(action: Action) -> SandboxCall {
        SandboxCall { project_id: "proj_1".into(), action }
    }

    #[test]
    fn sandbox_object_name_unchanged() {
        let id = SandboxId::parse("sbx_aaaaaaaaaaaaaaaaaaaaaaaaaa").unwrap();
        assert_eq!(object_of_sandbox(&id), "sandbox:sbx_aaaaaaaaaaaaaaaaaaaaaaaaaa");
        assert_eq!(sandbox_of_object(&object_of_sandbox(&id)), Some(id));
        for other in ["", "sandbox:", "sandbox:sbx_a", "room:sbx_aaaaaaaaaaaaaaaaaaaaaaaaaa"] {
            assert_eq!(sandbox_of_object(other), None, "{other}");
        }
    }

    #[test]
    fn sandbox_call_format_unchanged() {
        let written = |action: Action| serde_json::to_value(call(action)).unwrap()["action"].clone();
        assert_eq!(
            serde_json::to_value(call(Action::Open)).unwrap(),
            json!({ "projectId": "proj_1", "action": "open" })
        );
        assert_eq!(written(Action::Report), json!("report"));
        assert_eq!(written(Action::Env), json!("env"));
        assert_eq!(written(Action::CheckOut), json!("checkOut"));
        assert_eq!(written(Action::Contexts), json!("contexts"));
        assert_eq!(written(Action::Cell), json!("cell"));
        assert_eq!(written(Action::Exec { file_path: Some("a".into()) }), json!({ "exec": { "filePath": "a" } }));
        let stat = FileRequest::Stat { path: "a".into() };
        assert_eq!(written(Action::Files(stat)), json!({ "files": { "op": "stat", "path": "a" } }));
        assert_eq!(written(Action::Sessions), json!("sessions"));
        assert_eq!(written(Action::Watch), json!("watch"));
        assert_eq!(written(Action::Processes { may_repeat: true }), json!({ "processes": { "mayRepeat": true } }));
        let read = Action::Read { path: "a".into(), range: None };
        assert_eq!(written(read), json!({ "read": { "path": "a", "range": null } }));
        assert_eq!(written(Action::Export { path: "a".into() }), json!({ "export": { "path": "a" } }));
        assert_eq!(written(Action::Import { path: "a".into() }), json!({ "import": { "path": "a" } }));
        assert_eq!(written(Action::ExportSnapshot { id: "a".into() }), json!({ "exportSnapshot": { "id": "a" } }));
        assert_eq!(written(Action::Executions(Page::first())), json!({ "executions": { "limit": 50, "after": null } }));
    }

    #[test]
    fn a_command_and_a_change_of_files_are_never_sent_twice() {
        let mkdir = FileRequest::Mkdir { path: "a".into(), recursive: false };
        let (write, import) = (Action::Write { path: "a".into() }, Action::Import { path: "a".into() });
        for action in [Action::Exec { file_path: None }, write, import, Action::Files(mkdir)] {
            assert!(!call(action).may_repeat());
        }
        assert!(call(Action::Files(FileRequest::Stat { path: "a".into() })).may_repeat());
    }
}
