//! The result of a run as clients see it: the end of the run, and around it the id, the time and the output.

use crate::domain::run::id::RunId;
use crate::domain::run::output::Output;
use crate::domain::timestamp::Timestamp;
use bytes::Bytes;
use docle_protocol::{RunDetails, RunReport, RunStatus, RunUsage, Truncated};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A finished run.
#[derive(Debug, Clone)]
pub struct RunResult {
    pub id: RunId,
    pub created_at: Timestamp,
    pub status: RunStatus,
    pub exit_code: i32,
    /// Wall clock of the program, in milliseconds.
    pub duration_ms: f64,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    /// A program. Its output is not here: it came before, in pieces.
    Program(RunReport),
    /// A script, as the JSON of its result.
    Script(Bytes),
}

/// The report of a run whose sandbox failed and reported nothing itself.
pub fn sandbox_failed() -> RunReport {
    let (truncated, usage, details) = (Truncated::default(), RunUsage::default(), RunDetails::default());
    RunReport { status: RunStatus::System, exit_code: 1, signal: None, truncated, usage, details }
}

impl RunResult {
    /// The result of a program.
    pub fn from_report(id: RunId, created_at: Timestamp, report: RunReport) -> Self {
        let RunReport { status, exit_code, usage, .. } = report;
        Self { id, created_at, status, exit_code, duration_ms: usage.duration_ms, content: Content::Program(report) }
    }

    /// The result of a script, by putting fields around the report's own text; `None` where the text is no report.
    pub fn from_script(id: RunId, created_at: Timestamp, report: &RawValue) -> Option<Self> {
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
        let Ending { status, exit_code, usage } = serde_json::from_str(report.get()).ok()?;
        let ok = is_ok(status, exit_code);
        let fields = report.get().strip_prefix('{')?.strip_suffix('}')?;
        let json = format!(r#"{{"id":"{id}","ok":{ok},{fields},"createdAt":"{created_at}"}}"#);
        let content = Content::Script(json.into());
        Some(Self { id, created_at, status, exit_code, duration_ms: usage.duration_ms, content })
    }

    /// The result of a script that is read again, as JSON.
    pub fn stored_script(id: RunId, created_at: Timestamp, (status, exit_code): (RunStatus, i32), json: Bytes) -> Self {
        Self { id, created_at, status, exit_code, duration_ms: 0.0, content: Content::Script(json) }
    }

    /// The processor time of a program, in milliseconds. If nothing has measured it, the program may have used all the time that
    /// has passed.
    pub fn cpu_ms(&self) -> f64 {
        match &self.content {
            Content::Program(report) if report.usage.cpu_ms > 0.0 => report.usage.cpu_ms,
            Content::Program(report) => report.usage.duration_ms,
            Content::Script(_) => 0.0,
        }
    }

    /// Bytes that a program has sent over the network.
    pub fn egress_bytes(&self) -> u64 {
        match &self.content {
            Content::Program(report) => report.usage.egress_bytes,
            Content::Script(_) => 0,
        }
    }

    /// The report of a program; `None` for a script.
    pub fn report(&self) -> Option<&RunReport> {
        match &self.content {
            Content::Program(report) => Some(report),
            Content::Script(_) => None,
        }
    }

    /// The result of a script as JSON; `None` for a program, whose output is elsewhere.
    pub fn script(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Program(_) => None,
            Content::Script(json) => Some(json),
        }
    }

    /// The result as one JSON object: the body of `POST /api/run` and `GET /api/run/:id`. A script has its own output.
    pub fn json(&self, output: &Output) -> Bytes {
        match &self.content {
            Content::Script(json) => json.clone(),
            Content::Program(report) => {
                let (verdict, ending) = parts(report);
                let (stdout, stderr) = (encode(&output.stdout), encode(&output.stderr));
                let Self { id, created_at, .. } = self;
                format!(
                    r#"{{"id":"{id}",{verdict},"stdout":{stdout},"stderr":{stderr},{ending},"createdAt":"{created_at}"}}"#
                )
                .into()
            }
        }
    }

    /// The result without output, as one JSON object.
    pub fn without_output(&self) -> Bytes {
        match &self.content {
            Content::Script(json) => json.clone(),
            Content::Program(report) => {
                let (verdict, ending) = parts(report);
                let Self { id, created_at, .. } = self;
                format!(r#"{{"id":"{id}",{verdict},{ending},"createdAt":"{created_at}"}}"#).into()
            }
        }
    }

    /// The members of the result of a program that are unknown until its end, without braces.
    pub fn ending(&self) -> String {
        match &self.content {
            Content::Script(_) => String::new(),
            Content::Program(report) => {
                let (verdict, ending) = parts(report);
                format!("{verdict},{ending}")
            }
        }
    }
}

/// The members before the output, and those after it.
fn parts(report: &RunReport) -> (String, String) {
    let RunReport { status, exit_code, signal, truncated, usage, details } = report;
    let (ok, status) = (is_ok(*status, *exit_code), status.name());
    let verdict = format!(r#""ok":{ok},"status":"{status}","exitCode":{exit_code},"signal":{}"#, encode(signal));
    let details = encode(details);
    let details = match &details[1..details.len() - 1] {
        "" => String::new(),
        fields => format!(",{fields}"),
    };
    (verdict, format!(r#""truncated":{},"usage":{}{details}"#, encode(truncated), encode(usage)))
}

fn is_ok(status: RunStatus, exit_code: i32) -> bool {
    exit_code == 0 && status == RunStatus::Success
}

fn encode(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("text, numbers and names always encode")
}

/// A JSON object of which `fields`, each ending in a comma, are the first.
pub fn with_fields_before(object: &[u8], fields: &str) -> Bytes {
    [b"{", fields.as_bytes(), object.strip_prefix(b"{").unwrap_or(object)].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use docle_protocol::{RunUsage, Truncated};
    use serde_json::Value;

    fn report(status: RunStatus, exit_code: i32) -> RunReport {
        RunReport {
            status,
            exit_code,
            signal: None,
            truncated: Truncated { stdout: false, stderr: true },
            usage: RunUsage {
                cpu_ms: 1.5,
                mem_mb: 9.25,
                duration_ms: 12.0,
                queue_ms: 0.5,
                install_ms: 0.0,
                blocked_connections: 0,
                egress_bytes: 0,
            },
            details: RunDetails::default(),
        }
    }

    #[test]
    fn result_format_unchanged() {
        let id = RunId::parse("550e8400-e29b-41d4-a716-446655440000").unwrap();
        let result = RunResult::from_report(id, Timestamp(0), report(RunStatus::Error, 3));
        let json = result.json(&Output { stdout: "é\n".into(), stderr: String::new() });
        let expected = concat!(
            r#"{"id":"550e8400-e29b-41d4-a716-446655440000","ok":false,"status":"error","exitCode":3,"signal":null,"#,
            r#""stdout":"é\n","stderr":"","truncated":{"stdout":false,"stderr":true},"#,
            r#""usage":{"cpuMs":1.5,"memMB":9.25,"durationMs":12.0,"queueMs":0.5,"installMs":0.0,"blockedConnections":0},"#,
            r#""createdAt":"1970-01-01T00:00:00.000Z"}"#,
        );
        assert_eq!(json, expected);
        let complete = with_fields_before(&json, r#""type":"complete","#);
        assert_eq!(complete, expected.replacen('{', r#"{"type":"complete","#, 1));
        let without = expected.replace(r#""stdout":"é\n","stderr":"","#, "");
        assert_eq!(result.without_output(), without);
        let streamed = format!(
            r#"{{"id":"{id}","createdAt":"{}","stdout":"é\n","stderr":"",{}}}"#,
            result.created_at,
            result.ending()
        );
        let value = |json: &[u8]| serde_json::from_slice::<Value>(json).unwrap();
        assert_eq!(value(streamed.as_bytes()), value(&json));
        assert_eq!(serde_json::from_slice::<RunReport>(&json).unwrap(), report(RunStatus::Error, 3));

        let details = RunDetails { hint: Some("h".into()), artifacts: Some(vec![]), ..RunDetails::default() };
        let report = RunReport { details, ..report(RunStatus::Error, 3) };
        let detailed = RunResult::from_report(id, Timestamp(0), report);
        let expected = without.replace(r#","createdAt""#, r#","hint":"h","artifacts":[],"createdAt""#);
        assert_eq!(detailed.without_output(), expected);
    }

    #[test]
    fn only_a_success_with_exit_code_zero_is_ok() {
        let id = RunId::from_random([0; 16]);
        for status in RunStatus::ALL {
            for exit_code in [0, 1] {
                let ok = format!(r#""ok":{},"#, status == RunStatus::Success && exit_code == 0);
                let json = format!(r#"{{"status":"{}","exitCode":{exit_code}}}"#, status.name());
                let script = RunResult::from_script(id, Timestamp(0), &RawValue::from_string(json).unwrap()).unwrap();
                let program = RunResult::from_report(id, Timestamp(0), report(status, exit_code));
                for result in [script, program] {
                    assert!(String::from_utf8_lossy(&result.json(&Output::default())).contains(&ok));
                }
            }
        }
    }
}
