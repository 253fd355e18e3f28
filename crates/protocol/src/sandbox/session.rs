//! Sessions of a sandbox: shells whose working directory, variables and functions last from command to command.
//!
//! A command whose `ExecJob` names a session is executed by the shell of that session, after those that came before. The shell is
//! started by the first command, and anew by the next one after it has ended. `DELETE` [`session_path`] ends it and the terminal
//! of the same name with everything that they have started: 204, or `unknown_session` if there is neither.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Sessions that a sandbox may have.
pub const MAX_SESSIONS: usize = 64;

/// One session.
pub fn session_path(id: &str, session: &str) -> String {
    format!("/v1/sandboxes/{id}/sessions/{session}")
}

/// The session of a command, and how its shell is started where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExecSession {
    /// Letters, digits, `-` and `_`, at most 64.
    pub id: String,
    /// Where the shell starts; an empty one, and one that cannot be entered, is `/workspace`.
    pub cwd: String,
    /// Variables of the shell beside those of the sandbox.
    pub env: BTreeMap<String, String>,
    /// Whether a command was executed in the session before. If its shell is new then, the report says `restarted`.
    pub is_used: bool,
}

/// What became of the session of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionReport {
    /// The shell of earlier commands had ended, and nothing of what they had set was there any more.
    pub restarted: bool,
    /// The shell has ended with this command.
    pub ended: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn session_format_unchanged() {
        let session = ExecSession { id: "s".into(), cwd: String::new(), env: BTreeMap::new(), is_used: true };
        let wire = json!({ "id": "s", "cwd": "", "env": {}, "isUsed": true });
        assert_eq!(serde_json::to_value(&session).unwrap(), wire);
        let report = SessionReport { restarted: true, ended: false };
        assert_eq!(serde_json::to_value(report).unwrap(), json!({ "restarted": true, "ended": false }));
        assert_eq!(session_path("sbx_a", "s"), "/v1/sandboxes/sbx_a/sessions/s");
    }
}
