//! What is kept of a run for seven days: the result, and for its project the input, too.

use crate::domain::run::output::Output;
use crate::domain::run::repository;
use crate::domain::run::request::RunRequest;
use crate::domain::run::result::RunResult;
use crate::domain::run::tier::Tier;
use crate::domain::run::user_context::UserContext;
use crate::domain::timestamp::Timestamp;
use crate::domain::usage_log::name::LogId;
use bytes::Bytes;
use docle_api::repositories::UsedRepository;
use docle_protocol::job::FileEncoding;
use docle_protocol::{Compile, Limits, Network, RunJob, RunLanguage, SourceFile, Stream, TerminalSize};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// The largest value that KV stores: 25 MiB.
pub const MAX_RECORD_BYTES: usize = 25 * 1_024 * 1_024;

/// Whose run it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    pub project_id: String,
    /// Names the log that keeps the project's runs.
    pub log_id: LogId,
    pub key_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a, I> {
    v: u8,
    project_id: &'a str,
    key_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    created_at: String,
    result: &'a RawValue,
    input: I,
    user_context: &'a Option<UserContext>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunks: Option<Chunks>,
    /// Files that the run has handed back: those with an index below this number may be stored.
    #[serde(skip_serializing_if = "is_zero")]
    artifacts: u32,
}

const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How many chunks of each output stream are stored apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunks {
    pub stdout: u32,
    pub stderr: u32,
}

impl Chunks {
    /// The chunks of one stream.
    pub fn of(&mut self, stream: Stream) -> &mut u32 {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }
}

/// Where the output of a finished run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredOutput {
    /// In the record.
    Inline(Output),
    /// Apart, in chunks.
    Apart(Chunks),
}

/// The request with every default filled in. Of environment variables only the names are kept: their values are where
/// callers put passwords.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Input<'a> {
    #[serde(flatten)]
    source: Source<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repo: Option<UsedRepository>,
    lang: RunLanguage,
    entrypoint: &'a str,
    packages: &'a [String],
    stdin: &'a str,
    /// The size of the terminal at the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    tty: Option<TerminalSize>,
    args: &'a [String],
    env_names: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compile: Option<&'a Compile>,
    policy: Policy<'a>,
    /// The source and the standard input were too large to keep, or some of the files.
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    submission: Option<&'a Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Source<'a> {
    Code(&'a str),
    Files(&'a [SourceFile]),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Policy<'a> {
    #[serde(flatten)]
    limits: Limits,
    allow_network: bool,
    allowed_hosts: &'a [String],
}

/// What is remembered of a request, whatever it asked to run.
pub trait Recordable {
    /// Where it is run.
    fn tier(&self) -> Tier;
    /// The language, as statistics name it.
    fn language(&self) -> &str;
    /// The source of what was started.
    fn source(&self) -> &str;
    /// For whom it was run.
    fn user_context(&self) -> &Option<UserContext>;
    /// The request with every default filled in, and without its content where there is no room for it.
    fn input(&self, keep_content: bool) -> impl Serialize;
}

impl Recordable for RunRequest {
    fn tier(&self) -> Tier {
        Tier::Run
    }

    fn language(&self) -> &str {
        self.job.language.name()
    }

    fn source(&self) -> &str {
        let entrypoint = self.job.files.iter().find(|file| file.path == self.job.entrypoint);
        let is_text = |file: &&SourceFile| file.encoding == FileEncoding::Utf8;
        entrypoint.filter(is_text).map_or("", |file| &file.content)
    }

    fn user_context(&self) -> &Option<UserContext> {
        &self.user_context
    }

    fn input(&self, keep_content: bool) -> impl Serialize {
        input(&self.job, self.sent_code, self.submission.as_ref(), keep_content)
    }
}

/// The record of a finished run. What of it is large is stored apart, so a record has some 20 KiB at most.
///
/// `token` is the id of the run token that started it; `artifacts` is one more than the highest index of a file that it has handed
/// back.
pub fn encode_run(
    owner: &Owner,
    token: Option<&str>,
    request: &impl Recordable,
    result: &RunResult,
    output: &StoredOutput,
    artifacts: u32,
) -> Result<String, serde_json::Error> {
    let (json, chunks) = match output {
        StoredOutput::Inline(output) => (result.json(output), None),
        StoredOutput::Apart(chunks) => (result.without_output(), Some(*chunks)),
    };
    serde_json::to_string(&Record {
        v: 1,
        project_id: &owner.project_id,
        key_id: &owner.key_id,
        token,
        created_at: result.created_at.to_string(),
        result: serde_json::from_slice(&json)?,
        input: request.input(true),
        user_context: request.user_context(),
        chunks,
        artifacts,
    })
}

/// The record of a finished script, at most [`MAX_RECORD_BYTES`] long: where that is too little, the input's content goes
/// first and then the end of the output, and both are marked.
pub fn encode(
    owner: &Owner,
    created_at: Timestamp,
    request: &impl Recordable,
    result: &Bytes,
) -> Result<String, serde_json::Error> {
    encode_within(MAX_RECORD_BYTES, owner, created_at, request, result)
}

fn encode_within(
    max_bytes: usize,
    owner: &Owner,
    created_at: Timestamp,
    request: &impl Recordable,
    result: &Bytes,
) -> Result<String, serde_json::Error> {
    let write = |result: &[u8], keep_content: bool| {
        serde_json::to_string(&Record {
            v: 1,
            project_id: &owner.project_id,
            key_id: &owner.key_id,
            token: None,
            created_at: created_at.to_string(),
            result: serde_json::from_slice(result)?,
            input: request.input(keep_content),
            user_context: request.user_context(),
            chunks: None,
            artifacts: 0,
        })
    };
    let mut record = write(result, true)?;
    if record.len() > max_bytes {
        record = write(result, false)?;
    }
    let mut kept_chars = max_bytes / 4;
    while record.len() > max_bytes && kept_chars > 0 {
        record = write(&with_output_cut(result, kept_chars)?, false)?;
        kept_chars /= 2;
    }
    Ok(record)
}

fn input<'a>(job: &'a RunJob, sent_code: bool, submission: Option<&'a Value>, keep_content: bool) -> Input<'a> {
    let (allow_network, allowed_hosts) = match &job.network {
        Network::None => (false, &[][..]),
        Network::Public => (true, &[][..]),
        Network::Hosts { hosts } => (true, &hosts[..]),
    };
    Input {
        source: match (&job.files[..], sent_code) {
            ([file], true) if keep_content => Source::Code(&file.content),
            (files, false) if keep_content => Source::Files(files),
            (_, true) => Source::Code(""),
            (_, false) => Source::Files(&[]),
        },
        repo: job.repo.as_ref().map(repository::used),
        lang: job.language,
        entrypoint: &job.entrypoint,
        packages: &job.packages,
        stdin: if keep_content { &job.stdin } else { "" },
        tty: job.tty,
        args: &job.args,
        env_names: job.env.keys().map(String::as_str).collect(),
        compile: job.compile.as_ref(),
        policy: Policy { limits: job.limits, allow_network, allowed_hosts },
        truncated: !keep_content || !job.attached.is_empty(),
        submission,
    }
}

/// The result with at most `max_chars` of each stream.
fn with_output_cut(result: &[u8], max_chars: usize) -> Result<Vec<u8>, serde_json::Error> {
    let mut result: Value = serde_json::from_slice(result)?;
    for stream in ["stdout", "stderr"] {
        let Some(text) = result[stream].as_str() else { continue };
        if let Some((end, _)) = text.char_indices().nth(max_chars) {
            result[stream] = Value::from(&text[..end]);
            result["truncated"][stream] = Value::from(true);
        }
    }
    serde_json::to_vec(&result)
}

/// A record as it is read: the parts that are answered stay as they were written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredRun<'a> {
    /// The id of the run token that started it.
    #[serde(default)]
    pub token: Option<String>,
    #[serde(borrow)]
    pub result: &'a RawValue,
    /// `null` if the input is stored apart.
    #[serde(borrow)]
    pub input: &'a RawValue,
    /// `None` if the output is in the result.
    #[serde(default)]
    pub chunks: Option<Chunks>,
    /// Files with an index below this number may be stored.
    #[serde(default)]
    pub artifacts: u32,
}

impl StoredRun<'_> {
    /// Whether the input is stored apart.
    pub fn has_input_apart(&self) -> bool {
        self.input.get() == "null"
    }

    /// What is stored apart of a run; `None` if nothing is.
    pub fn apart(&self) -> Option<Apart> {
        let apart =
            Apart { input: self.has_input_apart(), chunks: self.chunks.unwrap_or_default(), artifacts: self.artifacts };
        (apart != Apart::default()).then_some(apart)
    }
}

/// What is stored of a run beside its record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Apart {
    pub input: bool,
    pub chunks: Chunks,
    /// Files in the bucket that the run has handed back have an index below this number.
    #[serde(skip_serializing_if = "is_zero")]
    pub artifacts: u32,
}

/// What is stored apart of the run with this record; `None` if nothing is, or the record is unreadable.
pub fn apart(record: &[u8]) -> Option<Apart> {
    serde_json::from_slice::<StoredRun<'_>>(record).ok()?.apart()
}

/// What KV has of a run, and R2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InKv {
    /// Whether KV has the record itself.
    #[serde(default)]
    pub record: bool,
    #[serde(flatten)]
    pub apart: Apart,
}

#[cfg(test)]
mod tests;
