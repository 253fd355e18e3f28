//! The end of a run: its status and its usage.

pub use docle_api::compile::CompileResult;
pub use docle_api::repositories::{FetchedRepository, RepositoryError};
pub use docle_api::run_details::{Artifact, ArtifactError, NetworkReport, PolicyLimit, RunDetails};
pub use docle_api::runs::{RunStatus, RunUsage, Truncated};
use serde::{Deserialize, Serialize};

/// The report of a run. Its output comes before, in events: all of it up to the end of the program, also when the runner ended
/// it. A limit may cut a stream inside a character.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReport {
    pub status: RunStatus,
    /// The exit code of the program; 124 after a timeout, 128 + the signal's number after a signal.
    pub exit_code: i32,
    /// The name of the signal that ended the program, for example `SIGSEGV`.
    pub signal: Option<String>,
    pub truncated: Truncated,
    pub usage: RunUsage,
    #[serde(flatten)]
    pub details: RunDetails,
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
            truncated: Truncated { stdout: true, stderr: false },
            usage: RunUsage {
                cpu_ms: 1.25,
                mem_mb: 9.5,
                duration_ms: 12.0,
                queue_ms: 0.5,
                install_ms: 0.0,
                blocked_connections: 2,
                egress_bytes: 300,
            },
            details: RunDetails {
                limit: Some(PolicyLimit::CpuMs),
                network: Some(Box::new(NetworkReport { refused: vec!["a.com:443".into()] })),
                repo: Some(Box::new(FetchedRepository {
                    url: "https://a.org/b".into(),
                    reference: Some("main".into()),
                    subdir: Some("c".into()),
                    commit: Some("d".into()),
                    error: Some(RepositoryError::TooLarge),
                })),
                compile: Some(Box::new(CompileResult {
                    stdout: "o".into(),
                    stderr: "e".into(),
                    exit_code: 0,
                    duration_ms: 1.5,
                    cpu_ms: 1.25,
                })),
                hint: Some("h".into()),
                artifacts: Some(vec![Artifact {
                    name: "a.png".into(),
                    size: 3,
                    mime_type: "image/png".into(),
                    sha256: Some("00".into()),
                    url: Some("/u".into()),
                    base64: None,
                    error: Some(ArtifactError::TooLargeToInline),
                }]),
                artifacts_omitted: Some(1),
            },
        };
        let wire = json!({
            "status": "timeout",
            "exitCode": 124,
            "signal": "SIGKILL",
            "truncated": { "stdout": true, "stderr": false },
            "usage": { "cpuMs": 1.25, "memMB": 9.5, "durationMs": 12.0, "queueMs": 0.5, "installMs": 0.0, "blockedConnections": 2, "egressBytes": 300 },
            "limit": "cpuMs",
            "network": { "refused": ["a.com:443"] },
            "repo": { "url": "https://a.org/b", "ref": "main", "subdir": "c", "commit": "d", "error": "too_large" },
            "compile": { "stdout": "o", "stderr": "e", "exitCode": 0, "durationMs": 1.5, "cpuMs": 1.25 },
            "hint": "h",
            "artifacts": [{ "name": "a.png", "size": 3, "mimeType": "image/png", "sha256": "00", "url": "/u", "error": "too_large_to_inline" }],
            "artifactsOmitted": 1,
        });
        assert_eq!(serde_json::to_value(&report).unwrap(), wire);
        assert_eq!(serde_json::from_value::<RunReport>(wire).unwrap(), report);
        let plain = serde_json::to_value(RunReport { details: RunDetails::default(), ..report }).unwrap();
        let fields =
            ["cpuMs", "exitCode", "signal", "status", "truncated", "usage"].map(|name| plain.get(name).is_some());
        assert_eq!((fields, plain.as_object().unwrap().len()), ([false, true, true, true, true, true], 5));
    }
}
