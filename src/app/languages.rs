//! Which languages programs may be written in, and in which versions.

use crate::app::context::App;
use crate::domain::run::draft::{Asked, RunDraft};
use crate::domain::run::events::{Line, read_line};
use crate::domain::run::id::RunId;
use crate::domain::run::record::Owner;
use crate::domain::run::request::RunRequest;
use crate::ports::event_reader::EventReader;
use crate::ports::{Level, PortError, RunAnswer, RunCall, RunMode};
use docle_api::languages::Language;
use docle_languages::{self as languages, RunLanguage, Tier};
use docle_protocol::{Limits, Network, RunEvent, RunJob, SourceFile};
use futures::future::{Either, select};
use serde_json::json;
use std::collections::BTreeMap;

/// The key in KV of the versions of the interpreters in containers.
const KEY: &str = "languages";
/// How long KV keeps the versions. The next deployment may have other ones.
const TTL_SECONDS: u64 = 24 * 60 * 60;
/// How long KV keeps a failure, so that clients cannot start containers again and again: the shortest time of KV.
const FAILURE_TTL_SECONDS: u64 = 60;
/// The project id of the container that reports the versions. No project has this id.
const PROJECT: &str = "languages";
/// How long the answer may take, in milliseconds; a container may have to start for it.
const PATIENCE_MS: u32 = 20_000;
/// How long the runner at `SANDBOX_URL` may take to report its versions, in milliseconds.
const HEALTH_MS: u32 = 2_000;

/// Every language of every tier that works here.
pub async fn list(app: &App) -> Vec<Language> {
    let versions = interpreters(app).await.unwrap_or_else(|error| {
        app.log_error("The interpreters could not be asked for their versions.", &error);
        BTreeMap::new()
    });
    let is_here =
        |language: &RunLanguage| language.runner().machine.is_some() || versions.contains_key(language.name());
    let of_runner = |language: RunLanguage| {
        let component = language.runner().component;
        let versions = versions.get(language.name()).map(|version| (component.to_owned(), version.clone()));
        describe(language.name(), Tier::Run, versions.into_iter().collect())
    };
    let mut languages: Vec<Language> = RunLanguage::all().filter(is_here).map(of_runner).collect();
    if let Some(isolates) = &app.isolates {
        match isolates.languages().await {
            Ok(scripts) => languages
                .extend(scripts.languages.into_iter().map(|(id, versions)| describe(&id, Tier::Isolate, versions))),
            Err(error) => app.log_error("The isolate tier could not be asked for its languages.", &error),
        }
    }
    languages
}

fn describe(id: &str, tier: Tier, versions: BTreeMap<String, String>) -> Language {
    let title = languages::Language::parse(id).map(|language| language.title).unwrap_or_default();
    Language { id: id.to_owned(), name: title.to_owned(), tier, versions }
}

/// Language → version. The runner at `SANDBOX_URL` reports the versions. With containers, a container is started once a
/// day for it. After a failure the map is empty for a minute.
async fn interpreters(app: &App) -> Result<BTreeMap<String, String>, PortError> {
    let health = select(app.run_pools.health(), app.clock.sleep(HEALTH_MS)).await;
    if let Either::Left((Ok(Some(health)), _)) = health {
        return Ok(health.languages);
    }
    if let Some(known) = app.runs.get(KEY).await?.and_then(|known| serde_json::from_slice(&known).ok()) {
        return Ok(known);
    }
    let measured = measure_all(app).await;
    match &measured {
        Ok(versions) => remember(app, versions, TTL_SECONDS).await,
        Err(_) => remember(app, &BTreeMap::new(), FAILURE_TTL_SECONDS).await,
    }
    measured
}

async fn measure_all(app: &App) -> Result<BTreeMap<String, String>, PortError> {
    let mut versions = BTreeMap::new();
    for (language, machine) in RunLanguage::of_machine() {
        versions.insert(language.name().to_owned(), measure(app, language, machine.version_probe).await?);
    }
    Ok(versions)
}

async fn remember(app: &App, versions: &BTreeMap<String, String>, ttl_seconds: u64) {
    let known = json!(versions).to_string();
    if let Err(error) = app.runs.put(KEY, known.as_bytes(), ttl_seconds).await {
        app.log.write(Level::Error, json!({ "message": "Versions could not be kept.", "error": error.0 }));
    }
}

/// The version that an interpreter prints when it is run.
async fn measure(app: &App, language: RunLanguage, code: &str) -> Result<String, PortError> {
    let entrypoint = language.default_entrypoint().to_owned();
    let id = RunId::from_random(app.random());
    let job = RunJob {
        id: id.to_string(),
        language,
        files: vec![SourceFile::text(entrypoint.clone(), code)],
        entrypoint,
        inputs: Vec::new(),
        stdin: String::new(),
        interactive: false,
        tty: None,
        args: Vec::new(),
        env: BTreeMap::new(),
        repo: None,
        packages: Vec::new(),
        compile: None,
        cell: None,
        share: None,
        limits: Limits { cpu_ms: None, max_file_mb: None, timeout_ms: 5_000, memory_mb: 128, max_output_bytes: 1_024 },
        network: Network::None,
        artifacts: None,
        kept: false,
        attached: Vec::new(),
    };
    let failed = |why: &str| PortError(format!("A version could not be measured: {why}"));
    let encoded = serde_json::to_vec(&job).map_err(|error| failed(&error.to_string()))?;
    let owner = Owner { project_id: PROJECT.to_owned(), log_id: id.log().log, key_id: String::new() };
    let asked = Asked { id, created_at: app.clock.now(), owner, ip: None, token: None, base_url: String::new() };
    let (draft, _) = RunDraft::new(
        asked,
        &RunRequest {
            job,
            sent_code: true,
            user_context: None,
            detach: false,
            queue_timeout_ms: None,
            webhook: None,
            submission: None,
        },
    );
    let run = RunCall { mode: RunMode::Unrecorded, deadline_ms: PATIENCE_MS, has_network: false };
    let call = app.run_pools.run(encoded.into(), run, &draft);
    let (answer, deadline) = match select(call, app.clock.sleep(PATIENCE_MS)).await {
        Either::Left((answer, deadline)) => (answer.map_err(|failure| failed(&failure.message))?, deadline),
        Either::Right(_) => return Err(failed("the sandbox did not answer in time")),
    };
    let RunAnswer::Started(chunks) = answer else { return Err(failed("the run is another one")) };
    let stdout = printed(EventReader::new(chunks, deadline)).await.ok_or_else(|| failed("the stream broke"))?;
    match stdout.trim() {
        "" => Err(failed("no version was printed")),
        version => Ok(version.to_owned()),
    }
}

/// What the program of a stream of events has printed; `None` where the stream does not come to a report.
async fn printed(mut events: EventReader) -> Option<String> {
    let mut stdout = Vec::new();
    loop {
        let line = events.next_line().await.ok()?;
        match read_line(&line)? {
            Line::Event(RunEvent::Stdout { data }) => stdout.extend_from_slice(&data.0),
            Line::Event(RunEvent::Complete { .. }) => return String::from_utf8(stdout).ok(),
            Line::Event(
                RunEvent::Start
                | RunEvent::Stage { .. }
                | RunEvent::Stderr { .. }
                | RunEvent::Cell { .. }
                | RunEvent::ArtifactStart { .. }
                | RunEvent::Artifact { .. },
            )
            | Line::Heartbeat => {}
        }
    }
}
