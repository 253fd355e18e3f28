//! What is submitted to the log of a project when a run has ended: its usage, and its record when that is small.

use crate::domain::run::draft::RunDraft;
use crate::domain::run::id::RunId;
use crate::domain::run::record::{self, StoredOutput};
use crate::domain::run::result::RunResult;
use crate::domain::usage;
use serde::Deserialize;

/// Records of scripts up to this size are kept by the log; larger ones are kept in KV. Records of runs are small, because
/// what is large of them is stored apart. Most records have one or two kilobytes.
pub const MAX_RESULT_BYTES: usize = 8 * 1_024;

/// A finished run on its way to the log of its project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedRun {
    pub id: RunId,
    /// See [`crate::domain::usage::encode`].
    pub usage: String,
    /// See [`crate::domain::run::record::encode`]; `None` when KV has it.
    pub record: Option<String>,
}

impl FinishedRun {
    /// A run with its draft. `artifacts` is one more than the highest index of a file that it has handed back.
    ///
    /// # Errors
    /// The record cannot be encoded.
    pub fn of(
        draft: &RunDraft,
        result: &RunResult,
        output: &StoredOutput,
        artifacts: u32,
    ) -> Result<Self, serde_json::Error> {
        let record = record::encode_run(&draft.owner, draft.token.as_deref(), draft, result, output, artifacts)?;
        let usage = usage::encode(&draft.owner, draft, result, draft.ip.as_deref(), draft.token.as_deref());
        Ok(Self { id: draft.id, usage, record: Some(record) })
    }

    /// As one line: the id, the usage and the record, with tabs between them.
    pub fn to_line(&self) -> String {
        // In JSON a control character can only stand between two tokens, where a blank means the same.
        let line = [&self.id.to_string(), &self.usage, self.record.as_deref().unwrap_or_default()]
            .map(|part| part.replace(['\n', '\r', '\t'], " "));
        line.join("\t")
    }

    /// The runs as lines.
    pub fn to_lines(runs: &[Self]) -> String {
        runs.iter().map(Self::to_line).collect::<Vec<_>>().join("\n")
    }

    /// The project of the run, which its usage names.
    pub fn project_id(&self) -> Option<String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Usage {
            project_id: String,
        }
        serde_json::from_str::<Usage>(&self.usage).ok().map(|usage| usage.project_id)
    }

    /// The runs on the lines of a text; `None` when one is unreadable.
    pub fn from_lines(text: &str) -> Option<Vec<Self>> {
        text.lines().map(Self::from_line).collect()
    }

    /// What [`Self::to_line`] wrote.
    pub fn from_line(line: &str) -> Option<Self> {
        let mut parts = line.split('\t');
        let (id, usage, record) = (RunId::parse(parts.next()?)?, parts.next()?.to_owned(), parts.next()?);
        Some(Self { id, usage, record: (!record.is_empty()).then(|| record.to_owned()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finished_run_format_unchanged() {
        let id = RunId::from_random([0; 16]);
        for (record, line) in [
            (None, format!("{id}\t{{\"a\": 1}}\t")),
            (Some(r#"{"b":"\\t\\n"}"#.to_owned()), format!("{id}\t{{\"a\": 1}}\t{{\"b\":\"\\\\t\\\\n\"}}")),
        ] {
            let finished = FinishedRun { id, usage: r#"{"a": 1}"#.into(), record };
            assert_eq!(finished.to_line(), line);
            assert_eq!(FinishedRun::from_line(&line), Some(finished));
        }
    }

    #[test]
    fn json_with_line_breaks_stays_one_line_of_the_same_meaning() {
        let finished = FinishedRun {
            id: RunId::from_random([0; 16]),
            usage: "{}".into(),
            record: Some("{\n\t\"a\":\r\n1}".into()),
        };
        let read = FinishedRun::from_line(&finished.to_line()).unwrap();
        assert_eq!(read.record.as_deref(), Some("{  \"a\":  1}"));
    }

    #[test]
    fn a_line_that_is_no_finished_run_is_refused() {
        for wrong in ["", "{}", "x\t{}\t", "550e8400-e29b-41d4-a716-446655440000\t{}"] {
            assert_eq!(FinishedRun::from_line(wrong), None, "{wrong:?}");
        }
    }
}
