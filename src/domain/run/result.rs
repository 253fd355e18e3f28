//! The result of a run as clients see it: the runner's report with the run's name, verdict and time around it.

use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use bytes::Bytes;
use docle_protocol::{RunReport, RunStatus};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A finished run. Its JSON is made once, by putting fields around the report's own text: output is copied, never
/// decoded and encoded again.
#[derive(Debug, Clone)]
pub struct RunResult {
    pub id: RunId,
    pub created_at: Timestamp,
    pub status: RunStatus,
    pub exit_code: i32,
    /// Wall clock of the program, in milliseconds.
    pub duration_ms: f64,
    json: Bytes,
}

impl RunResult {
    /// The result that a runner's report makes; `None` where the text is no report.
    pub fn from_report_json(id: RunId, created_at: Timestamp, report: &RawValue) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Ending {
            status: RunStatus,
            exit_code: i32,
            #[serde(default)]
            usage: Duration,
        }
        #[derive(Deserialize, Default)]
        #[serde(rename_all = "camelCase", default)]
        struct Duration {
            duration_ms: f64,
        }
        let ending: Ending = serde_json::from_str(report.get()).ok()?;
        let ok = ending.exit_code == 0 && ending.status == RunStatus::Success;
        let fields = report.get().strip_prefix('{')?.strip_suffix('}')?;
        let json = format!(r#"{{"id":"{id}","ok":{ok},{fields},"createdAt":"{created_at}"}}"#);
        let Ending { status, exit_code, usage } = ending;
        Some(Self { id, created_at, status, exit_code, duration_ms: usage.duration_ms, json: json.into() })
    }

    /// The result that a report of our own makes.
    pub fn from_report(id: RunId, created_at: Timestamp, report: &RunReport) -> Self {
        let json = serde_json::value::to_raw_value(report).expect("a report is plain data, which always encodes");
        Self::from_report_json(id, created_at, &json).expect("an encoded report is a report")
    }

    /// The body of `POST /api/run` and `GET /api/run/:id`.
    pub fn json(&self) -> &Bytes {
        &self.json
    }
}

/// A JSON object of which `fields`, each ending in a comma, are the first.
pub fn with_fields_before(object: &[u8], fields: &str) -> Bytes {
    [b"{", fields.as_bytes(), object.strip_prefix(b"{").unwrap_or(object)].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use docle_protocol::{RunUsage, Truncated};

    #[test]
    fn result_format_unchanged() {
        let report = RunReport {
            status: RunStatus::Error,
            exit_code: 3,
            signal: None,
            stdout: "é\n".into(),
            stderr: String::new(),
            truncated: Truncated { stdout: false, stderr: true },
            usage: RunUsage {
                cpu_ms: 1.5,
                mem_mb: 9.25,
                duration_ms: 12.0,
                queue_ms: 0.5,
                install_ms: 0.0,
                blocked_connections: 0,
            },
        };
        let id = RunId::parse("550e8400-e29b-41d4-a716-446655440000").unwrap();
        let result = RunResult::from_report(id, Timestamp(0), &report);
        let expected = concat!(
            r#"{"id":"550e8400-e29b-41d4-a716-446655440000","ok":false,"status":"error","exitCode":3,"signal":null,"#,
            r#""stdout":"é\n","stderr":"","truncated":{"stdout":false,"stderr":true},"#,
            r#""usage":{"cpuMs":1.5,"memMB":9.25,"durationMs":12.0,"queueMs":0.5,"installMs":0.0,"blockedConnections":0},"#,
            r#""createdAt":"1970-01-01T00:00:00.000Z"}"#,
        );
        assert_eq!(result.json(), expected);
        let complete = with_fields_before(result.json(), r#""type":"complete","#);
        assert_eq!(complete, expected.replacen('{', r#"{"type":"complete","#, 1));
    }

    #[test]
    fn only_a_success_with_exit_code_zero_is_ok() {
        let id = RunId::from_random([0; 16]);
        for status in RunStatus::ALL {
            for exit_code in [0, 1] {
                let json = format!(r#"{{"status":"{}","exitCode":{exit_code}}}"#, status.name());
                let result =
                    RunResult::from_report_json(id, Timestamp(0), &RawValue::from_string(json).unwrap()).unwrap();
                let ok = status == RunStatus::Success && exit_code == 0;
                assert!(String::from_utf8_lossy(result.json()).contains(&format!(r#""ok":{ok},"#)));
            }
        }
    }
}
