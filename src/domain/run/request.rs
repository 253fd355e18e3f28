//! What `POST /api/run` may say: the body's fields, their ranges and defaults, and the job they make.

use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::{Reader, shown};
use crate::domain::run::artifacts;
use crate::domain::run::client_message::read_size;
use crate::domain::run::id::RunId;
use crate::domain::run::program::{Program, read_language, read_program_in, read_user};
use crate::domain::run::user_context::{self, UserContext};
use crate::domain::webhook;
use crate::domain::webhook::url::WebhookUrl;
use docle_api::compile::CompileRequest;
use docle_api::repositories::Repository;
use docle_api::terminals::TerminalSize;
use docle_api::webhooks::Webhook;
use docle_api::{fields, limits, runs};
use docle_languages::Tier;
use docle_protocol::{Artifacts, RunJob};
use serde_json::Value;
use std::collections::BTreeMap;

/// Fields of the calls that ask for several runs.
const OF_OTHER_CALLS: [(&str, &str); 5] = [
    ("tests", "POST /api/run/judge"),
    ("checker", "POST /api/run/judge"),
    ("interactor", "POST /api/run/judge"),
    ("inputs", "POST /api/run/batch"),
    ("runs", "POST /api/run/batch"),
];

/// A request that can be run as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    pub job: RunJob,
    /// The request sent `code`, not `files`: the job's one file is that code.
    pub sent_code: bool,
    pub user_context: Option<UserContext>,
    /// Whether the caller does not wait for the run.
    pub detach: bool,
    /// How long it waits for a slot, if it is detached and says so.
    pub queue_timeout_ms: Option<u32>,
    /// Where its end is reported.
    pub webhook: Option<WebhookUrl>,
    /// What a client of a foreign protocol has said beside what the runner reads. It is kept with the input.
    pub submission: Option<Value>,
}

/// What a program gets when it is started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProgramInput {
    pub stdin: String,
    pub args: Vec<String>,
    pub env: BTreeMap<String, String>,
}

/// A run that has no id yet.
#[derive(Debug, Clone, PartialEq)]
pub struct UnnamedRun {
    pub program: Program,
    pub input: ProgramInput,
    pub artifacts: Option<Artifacts>,
    pub detach: bool,
    pub queue_timeout_ms: Option<u32>,
    pub webhook: Option<WebhookUrl>,
    /// The size of its terminal.
    pub tty: Option<TerminalSize>,
}

impl UnnamedRun {
    /// The run with its id.
    pub fn with_id(self, id: RunId) -> RunRequest {
        let Self { program, input, artifacts, detach, queue_timeout_ms, webhook, tty } = self;
        let mut request = RunRequest::new(program, id, input);
        request.job.artifacts = artifacts;
        request.job.tty = tty;
        request.detach = detach;
        request.queue_timeout_ms = queue_timeout_ms;
        request.webhook = webhook;
        request
    }
}

impl RunRequest {
    /// The run of `program` with `input`.
    pub fn new(program: Program, id: RunId, input: ProgramInput) -> Self {
        let Program { language, files, repo, entrypoint, sent_code, packages, compile, limits, network, user_context } =
            program;
        let ProgramInput { stdin, args, env } = input;
        let job = RunJob {
            id: id.to_string(),
            language,
            files,
            repo,
            entrypoint,
            inputs: Vec::new(),
            stdin,
            interactive: false,
            tty: None,
            args,
            env,
            packages,
            compile,
            cell: None,
            share: None,
            limits,
            network,
            artifacts: None,
            kept: false,
            attached: Vec::new(),
        };
        Self { job, sent_code, user_context, detach: false, queue_timeout_ms: None, webhook: None, submission: None }
    }
}

/// Reads the body of `POST /api/run`. `max_timeout_ms` is this deployment's highest `policy.timeoutMs`.
///
/// # Errors
/// Everything that is wrong with it, not only the first.
pub fn parse(body: Value, id: RunId, max_timeout_ms: u32) -> Result<RunRequest, Vec<FieldError>> {
    parse_with(body, id, |fields| read(fields, max_timeout_ms))
}

/// Reads the first message of an interactive run.
///
/// # Errors
/// As for [`parse`].
pub fn parse_interactive(body: Value, id: RunId, max_timeout_ms: u32) -> Result<RunRequest, Vec<FieldError>> {
    parse_with(body, id, |mut fields| {
        let tty = fields.object("tty", fields::of::<TerminalSize>()).and_then(|mut size| read_size(&mut size));
        let run = read(fields, max_timeout_ms)?;
        Some(UnnamedRun { tty, ..run })
    })
}

fn parse_with(
    mut body: Value,
    id: RunId,
    read: impl FnOnce(Reader<'_>) -> Option<UnnamedRun>,
) -> Result<RunRequest, Vec<FieldError>> {
    let mut problems = Problems::default();
    for (field, place) in OF_OTHER_CALLS {
        if body.as_object_mut().and_then(|body| body.remove(field)).is_some_and(|value| !value.is_null()) {
            problems.add_misspelt(field.to_owned(), format!("is a field of {place}: send the whole body there"));
        }
    }
    let request = Reader::open_with(body, String::new(), known(), &inside(), &mut problems).and_then(read);
    problems.conclude(request.map(|run| run.with_id(id)))
}

/// The fields of a run.
pub fn known() -> &'static [&'static str] {
    fields::of::<runs::RunRequest>()
}

/// The objects inside a run. An unknown `timeout` probably means `policy.timeoutMs`.
pub fn inside() -> [(&'static str, &'static [&'static str]); 5] {
    [
        ("policy", fields::of::<runs::Policy>()),
        ("compile", fields::of::<CompileRequest>()),
        ("userContext", user_context::known()),
        ("webhook", fields::of::<Webhook>()),
        ("repo", fields::of::<Repository>()),
    ]
}

/// Reads a run without terminal.
pub fn read(mut fields: Reader<'_>, max_timeout_ms: u32) -> Option<UnnamedRun> {
    let tier = fields.value("tier");
    let is_script = tier.as_ref().is_some_and(|tier| tier == Tier::Isolate.name());
    if is_script {
        fields.note("tier", "must be \"run\" here: run a script with POST /execute, or with POST /api/run");
    } else if tier.is_some_and(|tier| tier != Tier::Run.name()) {
        fields.note("tier", "must be \"run\" or \"isolate\"");
    }
    let language = if is_script { None } else { read_language(&mut fields) };
    let program = read_program_in(&mut fields, language, max_timeout_ms);
    let input = read_input(&mut fields);
    let artifacts = read_artifacts(&mut fields);
    let detach = read_detach(&mut fields, artifacts.as_ref());
    let queue_timeout_ms = fields.integer("queueTimeoutMs", &limits::QUEUE_TIMEOUT_MS);
    if queue_timeout_ms.is_some() && !detach {
        fields.note("queueTimeoutMs", "needs detach: a run that is waited for has a few seconds to get a slot");
    }
    let has_token = |program: &Program| program.repo.as_ref().is_some_and(|repo| repo.token.is_some());
    if detach && program.as_ref().is_some_and(has_token) {
        let way_out =
            "is not available with detach, because a detached run is stored until it has ended: leave one of them out";
        fields.note("repo.token", way_out);
    }
    let webhook = webhook::request::read(&mut fields, detach);
    if fields.value("tty").is_some() {
        let way_out =
            "is only for interactive runs: open a WebSocket at GET /api/run, and send this body as its first message";
        fields.note("tty", way_out);
    }
    let user_context = read_user(&mut fields);
    Some(UnnamedRun {
        program: program?.for_user(user_context),
        input,
        artifacts,
        detach,
        queue_timeout_ms,
        webhook,
        tty: None,
    })
}

/// Reads `stdin`, `args` and `env`.
pub fn read_input(fields: &mut Reader<'_>) -> ProgramInput {
    let stdin = fields.string("stdin").unwrap_or_default();
    let (args, env) = read_args_and_env(fields);
    ProgramInput { stdin, args, env }
}

/// Reads `artifacts` and `artifactsInline`.
fn read_artifacts(fields: &mut Reader<'_>) -> Option<Artifacts> {
    let texts = fields.strings("artifacts", limits::MAX_ARTIFACT_PATTERNS);
    let inline = fields.boolean("artifactsInline").unwrap_or(false);
    let Some(texts) = texts.filter(|texts| !texts.is_empty()) else {
        if inline {
            fields.note("artifactsInline", "needs artifacts such as [\"out/*.png\"]");
        }
        return None;
    };
    let mut patterns = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match artifacts::parse_pattern(text) {
            Ok(pattern) => patterns.push(pattern),
            Err(clause) => fields.note(&format!("artifacts[{index}]"), format!("{clause}; got \"{}\"", shown(text))),
        }
    }
    Some(Artifacts { patterns, inline })
}

/// Reads `detach`.
fn read_detach(fields: &mut Reader<'_>, artifacts: Option<&Artifacts>) -> bool {
    let detach = fields.boolean("detach").unwrap_or(false);
    if detach && artifacts.is_some_and(|artifacts| artifacts.inline) {
        let message = "must not be true with detach: only an answer to the call itself can contain files; leave it out";
        fields.note("artifactsInline", message);
    }
    detach
}

/// Both become C strings of one `execve` call, which is what their limits are about.
fn read_args_and_env(fields: &mut Reader<'_>) -> (Vec<String>, BTreeMap<String, String>) {
    let args = fields.strings("args", limits::MAX_ARGS).unwrap_or_default();
    let mut total = 0;
    for (index, arg) in args.iter().enumerate() {
        total += arg.len();
        if let Some(clause) = wrong_c_string(arg, arg.len()) {
            fields.note(&format!("args[{index}]"), clause);
        }
    }
    let env = read_env(fields, total);
    (args, env)
}

/// Reads `env`; `total` bytes are those of the arguments beside it.
pub fn read_env(fields: &mut Reader<'_>, mut total: usize) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    let sent = match fields.value("env") {
        None => serde_json::Map::new(),
        Some(Value::Object(sent)) => sent,
        Some(_) => {
            fields.note("env", "must be an object of strings such as { \"NAME\": \"value\" }");
            return env;
        }
    };
    if sent.len() > limits::MAX_ENV {
        fields.note("env", format!("may have at most {} entries, got {}", limits::MAX_ENV, sent.len()));
    }
    for (name, value) in sent {
        let at = format!("env.{}", shown(&name));
        if name.is_empty() || name.contains(['=', '\0']) {
            let message =
                "has a variable with the name {}: a name must not be empty, and must have no \"=\" and no NUL";
            fields.note("env", message.replace("{}", &Value::from(shown(&name)).to_string()));
        } else if value.is_null() {
            // As for every optional field: a variable that is null is not set.
        } else if let Value::String(value) = value {
            total += name.len() + 1 + value.len();
            match wrong_c_string(&value, name.len() + 1 + value.len()) {
                Some(clause) => fields.note(&at, clause),
                None => drop(env.insert(name, value)),
            }
        } else {
            fields.note(&at, format!("must be a string, got {}", shown(&value.to_string())));
        }
    }
    if total > limits::MAX_ARGS_AND_ENV_BYTES {
        fields.note(
            "env",
            format!("and args must have at most {} bytes in all, got {total}", limits::MAX_ARGS_AND_ENV_BYTES),
        );
    }
    env
}

/// What is wrong with a text that becomes a C string of so many bytes.
pub fn wrong_c_string(text: &str, size: usize) -> Option<String> {
    if text.contains('\0') {
        return Some("must not contain NUL".to_owned());
    }
    (size > limits::MAX_ARG_BYTES).then(|| format!("must have at most {} bytes, got {size}", limits::MAX_ARG_BYTES))
}

#[cfg(test)]
mod tests;
