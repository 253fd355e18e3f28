//! What the record and the usage of a run need beside its end. It accompanies the job to the object that reads the run.

use crate::domain::run::id::RunId;
use crate::domain::run::record::{MAX_RECORD_BYTES, Owner, Recordable};
use crate::domain::run::request::RunRequest;
use crate::domain::run::tier::Tier;
use crate::domain::run::user_context::UserContext;
use crate::domain::timestamp::Timestamp;
use crate::domain::usage::MAX_SNIPPET_CHARS;
use crate::domain::webhook::notice::{Receiver, RunNotice, WebhookEvent};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

/// An input up to this size accompanies the run, in bytes of JSON. A larger one is stored apart when the run starts, so
/// that the object does not hold it during the run.
pub const MAX_INLINE_INPUT_BYTES: usize = 4 * 1_024;

/// A run that is about to start.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunDraft {
    pub id: RunId,
    pub created_at: Timestamp,
    pub owner: Owner,
    /// The network address of the client, if the project stores it.
    pub ip: Option<String>,
    /// The id of the run token that the client has sent instead of a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    pub language: String,
    /// The beginning of the source.
    pub snippet: String,
    pub user_context: Option<UserContext>,
    /// The address of the service, for links to the files that the run hands back; `None` if it hands none back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The request with every default filled in; `None` if it is stored apart.
    pub input: Option<Box<RawValue>>,
    /// Where its end is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Receiver>,
    /// How long it waits for a slot, if it is detached and says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_timeout_ms: Option<u32>,
}

/// For whom a run is done, and when it was asked for.
pub struct Asked {
    pub id: RunId,
    pub created_at: Timestamp,
    pub owner: Owner,
    pub ip: Option<String>,
    /// The id of the client's run token.
    pub token: Option<String>,
    /// The address of the service, as the client knows it.
    pub base_url: String,
}

impl RunDraft {
    /// The draft of a run, and its input if that is to be stored apart.
    pub fn new(asked: Asked, request: &RunRequest) -> (Self, Option<Box<RawValue>>) {
        let Asked { id, created_at, owner, ip, token, base_url } = asked;
        let input = |keep_content| to_raw_value(&request.input(keep_content)).expect("an input is plain data");
        let mut whole = input(true);
        if whole.get().len() > MAX_RECORD_BYTES {
            whole = input(false);
        }
        let is_small = whole.get().len() <= MAX_INLINE_INPUT_BYTES;
        let (input, apart) = if is_small { (Some(whole), None) } else { (None, Some(whole)) };
        let draft = Self {
            id,
            created_at,
            owner,
            ip,
            token,
            language: request.language().to_owned(),
            snippet: request.source().chars().take(MAX_SNIPPET_CHARS).collect(),
            user_context: request.user_context.clone(),
            base_url: request.job.artifacts.is_some().then_some(base_url),
            input,
            webhook: None,
            queue_timeout_ms: None,
        };
        (draft, apart)
    }

    /// The notice of its end, which was at `at`; `None` if nobody asked for it.
    pub fn notice(&self, at: Timestamp) -> Option<RunNotice> {
        Some(RunNotice {
            run_id: self.id,
            project_id: self.owner.project_id.clone(),
            event: WebhookEvent::RunCompleted,
            to: self.webhook.clone()?,
            end_user_id: self.user_context.as_ref().map(|user| user.id.clone()),
            at,
        })
    }
}

impl Recordable for RunDraft {
    fn tier(&self) -> Tier {
        Tier::Run
    }

    fn language(&self) -> &str {
        &self.language
    }

    fn source(&self) -> &str {
        &self.snippet
    }

    fn user_context(&self) -> &Option<UserContext> {
        &self.user_context
    }

    fn input(&self, _keep_content: bool) -> impl Serialize {
        &self.input
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::run::output::Output;
    use crate::domain::run::record::{Apart, Chunks, StoredOutput, apart, encode_run};
    use crate::domain::run::request::parse;
    use crate::domain::run::result::RunResult;
    use crate::domain::usage_log::name::LogId;
    use docle_protocol::{RunDetails, RunReport, RunStatus, RunUsage, Truncated};
    use serde_json::{Value, json};

    fn draft(code: &str) -> (RunDraft, Option<Box<RawValue>>) {
        let id = RunId::from_random([0; 16]);
        let body = json!({ "code": code, "lang": "python", "userContext": { "id": "u" } });
        let owner = Owner { project_id: "proj_1".into(), log_id: LogId::default(), key_id: "key_1".into() };
        let asked = Asked {
            id,
            created_at: Timestamp(7),
            owner,
            ip: Some("10.0.0.1".into()),
            token: None,
            base_url: "https://a".into(),
        };
        RunDraft::new(asked, &parse(body, id, 300_000).unwrap())
    }

    #[test]
    fn run_draft_format_unchanged() {
        let (draft, apart) = draft("print(1)");
        assert!(apart.is_none());
        let written = serde_json::to_string(&draft).unwrap();
        let expected = json!({
            "id": draft.id, "createdAt": 7, "owner": { "projectId": "proj_1", "logId": "0000000000", "keyId": "key_1" },
            "ip": "10.0.0.1", "language": "python", "snippet": "print(1)", "userContext": { "id": "u" },
            "input": serde_json::from_str::<Value>(draft.input.as_ref().unwrap().get()).unwrap(),
        });
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), expected);
        let read: RunDraft = serde_json::from_str(&written).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), written);

        assert_eq!(draft.notice(Timestamp(9)), None);
        let webhook = Receiver { url: "https://a.com/h".into(), host: "a.com".into(), account: "user_1".into() };
        let reported = RunDraft { webhook: Some(webhook.clone()), ..draft };
        let written = serde_json::to_value(&reported).unwrap();
        assert_eq!(written["webhook"], json!({ "url": "https://a.com/h", "host": "a.com", "account": "user_1" }));
        let notice = reported.notice(Timestamp(9)).unwrap();
        assert_eq!((notice.to, notice.end_user_id.as_deref(), notice.at), (webhook, Some("u"), Timestamp(9)));
    }

    #[test]
    fn run_record_format_unchanged() {
        let (draft, _) = draft("print(1)");
        let (status, usage, truncated) = (RunStatus::Success, RunUsage::default(), Truncated::default());
        let report = RunReport { status, exit_code: 0, signal: None, truncated, usage, details: RunDetails::default() };
        let result = RunResult::from_report(draft.id, draft.created_at, report);
        let value = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
        let encoded = |draft: &RunDraft, output: &StoredOutput| {
            encode_run(&draft.owner, draft.token.as_deref(), draft, &result, output, 0).unwrap()
        };

        let output = Output { stdout: "1\n".into(), stderr: String::new() };
        let inline = encoded(&draft, &StoredOutput::Inline(output.clone()));
        let input = value(draft.input.as_ref().unwrap().get().as_bytes());
        let expected = json!({
            "v": 1, "projectId": "proj_1", "keyId": "key_1", "createdAt": "1970-01-01T00:00:00.007Z",
            "result": value(&result.json(&output)), "input": input, "userContext": { "id": "u" },
        });
        assert_eq!((value(inline.as_bytes()), apart(inline.as_bytes())), (expected, None));

        let (draft, chunks) = (RunDraft { input: None, ..draft }, Chunks { stdout: 2, stderr: 1 });
        let record = encoded(&draft, &StoredOutput::Apart(chunks));
        let expected = json!({
            "v": 1, "projectId": "proj_1", "keyId": "key_1", "createdAt": "1970-01-01T00:00:00.007Z",
            "result": value(&result.without_output()), "input": null, "userContext": { "id": "u" },
            "chunks": { "stdout": 2, "stderr": 1 },
        });
        let expected_apart = Some(Apart { input: true, chunks, artifacts: 0 });
        assert_eq!((value(record.as_bytes()), apart(record.as_bytes())), (expected, expected_apart));
    }

    #[test]
    fn a_large_input_is_stored_apart() {
        let (draft, apart) = draft(&"x".repeat(MAX_INLINE_INPUT_BYTES));
        assert!(draft.input.is_none() && apart.unwrap().get().contains("\"code\":\"xxx"));
        assert_eq!(draft.snippet.len(), MAX_SNIPPET_CHARS);
    }
}
