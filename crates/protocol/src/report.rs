//! The answer: how one run ended, what it printed and what it used.

use serde::{Deserialize, Serialize};

/// How a run ended. `stdout` and `stderr` are what the program wrote up to its end, also when it was stopped;
/// invalid UTF-8 is replaced, and what was cut is cut on a character boundary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReport {
    pub status: RunStatus,
    /// The program's own exit code; 124 when the time was up, 128 + the signal's number when a signal ended it.
    pub exit_code: i32,
    /// The name of the signal that ended the program, for example `SIGSEGV`.
    pub signal: Option<String>,
    pub stdout: String,
    pub stderr: String,
    pub truncated: Truncated,
    pub usage: Usage,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Exit code 0.
    Success,
    /// Another exit code.
    Error,
    /// `timeoutMs` was up.
    Timeout,
    /// The process tree or its files needed more than `memoryMB`.
    Memory,
    /// A stream passed `maxOutputBytes`.
    Output,
    /// A signal that none of the limits above explains: a crash, a signal to itself, a caller who left.
    Killed,
    /// The packages could not be installed; the program did not start.
    InstallFailed,
    /// The runner failed; the program is not to blame.
    System,
}

impl RunStatus {
    /// Every status, for documents and tests.
    pub const ALL: [Self; 8] = [
        Self::Success,
        Self::Error,
        Self::Timeout,
        Self::Memory,
        Self::Output,
        Self::Killed,
        Self::InstallFailed,
        Self::System,
    ];

    /// The name on the wire and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Memory => "memory",
            Self::Output => "output",
            Self::Killed => "killed",
            Self::InstallFailed => "install_failed",
            Self::System => "system",
        }
    }
}

/// Which streams lost their end to `maxOutputBytes`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Truncated {
    pub stdout: bool,
    pub stderr: bool,
}

/// What a run used. Times are milliseconds with two decimals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// User and system time of the whole process tree.
    pub cpu_ms: f64,
    /// The most memory that the tree held at once, in MiB with two decimals.
    #[serde(rename = "memMB")]
    pub mem_mb: f64,
    /// Wall clock from the program's start to the end of its last process.
    pub duration_ms: f64,
    /// Wall clock spent waiting for a place.
    pub queue_ms: f64,
    /// Wall clock spent installing packages; 0 when they were there already.
    pub install_ms: f64,
    /// Connections that the network policy refused.
    pub blocked_connections: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn run_report_format_unchanged() {
        let report = RunReport {
            status: RunStatus::Timeout,
            exit_code: 124,
            signal: Some("SIGKILL".into()),
            stdout: "1\n".into(),
            stderr: String::new(),
            truncated: Truncated { stdout: true, stderr: false },
            usage: Usage {
                cpu_ms: 1.25,
                mem_mb: 9.5,
                duration_ms: 12.0,
                queue_ms: 0.5,
                install_ms: 0.0,
                blocked_connections: 2,
            },
        };
        let wire = json!({
            "status": "timeout",
            "exitCode": 124,
            "signal": "SIGKILL",
            "stdout": "1\n",
            "stderr": "",
            "truncated": { "stdout": true, "stderr": false },
            "usage": { "cpuMs": 1.25, "memMB": 9.5, "durationMs": 12.0, "queueMs": 0.5, "installMs": 0.0, "blockedConnections": 2 },
        });
        assert_eq!(serde_json::to_value(&report).unwrap(), wire);
        assert_eq!(serde_json::from_value::<RunReport>(wire).unwrap(), report);
    }

    #[test]
    fn statuses_are_named_as_they_are_written() {
        for status in RunStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), json!(status.name()));
        }
    }
}
