//! The response of the runner: the status, the output and the usage of one run.

use serde::{Deserialize, Serialize};

/// The report of a run. `stdout` and `stderr` contain the output up to the end of the program, also when the runner ended it.
/// Invalid UTF-8 is replaced, and truncation never splits a character.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReport {
    pub status: RunStatus,
    /// The exit code of the program; 124 after a timeout, 128 + the signal's number after a signal.
    pub exit_code: i32,
    /// The name of the signal that ended the program, for example `SIGSEGV`.
    pub signal: Option<String>,
    pub stdout: String,
    pub stderr: String,
    pub truncated: Truncated,
    pub usage: Usage,
}

/// The reason for the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Exit code 0.
    Success,
    /// Any other exit code.
    Error,
    /// The program exceeded `timeoutMs`.
    Timeout,
    /// The process tree and its files exceeded `memoryMB`.
    Memory,
    /// An output stream exceeded `maxOutputBytes`.
    Output,
    /// A signal for another reason than a limit: a crash, a signal from the program itself, a client that disconnected.
    Killed,
    /// The installation of packages failed. The program did not start.
    InstallFailed,
    /// The runner failed. The program did not cause it.
    System,
}

impl RunStatus {
    /// Every status.
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

/// The output streams that `maxOutputBytes` truncated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Truncated {
    pub stdout: bool,
    pub stderr: bool,
}

/// The resources that a run used. Times are in milliseconds with two decimals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// User and system CPU time of the process tree.
    pub cpu_ms: f64,
    /// Peak memory of the process tree, in MiB with two decimals.
    #[serde(rename = "memMB")]
    pub mem_mb: f64,
    /// Wall-clock time from the start of the program to the end of its last process.
    pub duration_ms: f64,
    /// Wall-clock time in the queue for a slot.
    pub queue_ms: f64,
    /// Wall-clock time of the installation of packages; 0 when they were cached.
    pub install_ms: f64,
    /// Connections that the network policy blocked.
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
    fn names_are_those_of_the_wire() {
        for status in RunStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), json!(status.name()));
        }
    }
}
