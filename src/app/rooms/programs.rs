//! Runs programs for rooms as the run API does, on a key of the project that owns the room.

use crate::app::context::App;
use crate::app::runs::progress::{Client, NotStarted, Progress, StartedRun};
use crate::app::runs::start::start_run;
use crate::domain::key::gate::{CheckKey, Decision};
use crate::domain::run;
use crate::domain::run::output::BoundedOutput;
use crate::domain::run::record::Owner;
use crate::ports::rooms::{Admitted, BillingKey, ProgramRequest, Programs, Refused, RunAs, RunMessage};
use crate::ports::{Level, Log, PoolFailureCode, PortError};
use async_trait::async_trait;
use docle_languages::RunLanguage;
use futures::stream::LocalBoxStream;
use futures::{StreamExt, stream};
use serde_json::json;
use std::collections::BTreeMap;
use std::rc::Rc;

/// [`Programs`] by the application.
pub struct RoomPrograms(pub App);

#[async_trait(?Send)]
impl Programs for RoomPrograms {
    async fn start(&self, program: ProgramRequest) -> Result<LocalBoxStream<'static, RunMessage>, Refused> {
        let app = &self.0;
        let client = match program.billing_key {
            RunAs::Admitted(Admitted { billing_key, ip }) => client(app, billing_key.owner, ip),
            RunAs::Room { billing_key, host } => pass_gate(app, billing_key, host).await?,
        };
        let id = app.new_run_id(client.owner.log_id);
        let mut request = program.request;
        // Rooms also accept the names that editors have for a language, such as `javascript` for `node`.
        if let Some(language) = request["lang"].as_str().and_then(RunLanguage::in_rooms) {
            request["lang"] = json!(language);
        }
        let request = run::request::parse(request, id, app.config.max_timeout_ms).map_err(|problems| {
            let sentences: Vec<String> =
                problems.iter().map(|problem| format!("{} {}.", problem.field, problem.message)).collect();
            let fields = problems.into_iter().map(|problem| (problem.field, problem.message)).collect();
            Refused { code: "invalid_request".to_owned(), message: sentences.join(" "), fields }
        })?;
        let run = start_run(app, id, client, request, None).await.map_err(|failure| not_started(app, &failure))?;
        Ok(messages(run))
    }
}

/// [`Programs`] of a deployment whose settings are invalid: every start is refused.
pub struct NoPrograms {
    pub log: Rc<dyn Log>,
    pub error: PortError,
}

#[async_trait(?Send)]
impl Programs for NoPrograms {
    async fn start(&self, _program: ProgramRequest) -> Result<LocalBoxStream<'static, RunMessage>, Refused> {
        let line = json!({ "message": "A room cannot run programs.", "error": self.error.0 });
        self.log.write(Level::Error, line);
        Err(refused("service_unavailable", "This deployment cannot run programs at the moment; try again later."))
    }
}

/// The client of a run, which nobody asks for with a request of its own: without `PUBLIC_URL` links have no host.
fn client(app: &App, owner: Owner, ip: Option<String>) -> Client {
    Client { owner, ip, token: None, base_url: app.config.public_url.clone().unwrap_or_default() }
}

/// Checks a run at the gate of the room's key, which counts it.
async fn pass_gate(app: &App, billing_key: BillingKey, host: Option<String>) -> Result<Client, Refused> {
    let decision =
        app.gates.check(&billing_key.key_hash, &CheckKey { host, counts: true, ..CheckKey::default() }).await.map_err(
            |error| {
                app.log_error("The key of a room could not be checked.", &error);
                refused("service_unavailable", "The API key of this room cannot be checked at the moment; try again.")
            },
        )?;
    match decision {
        Decision::Invalid | Decision::Expired { .. } => Err(refused(
            "invalid_api_key",
            "The API key of this room was revoked or has expired; run a program with another key of the project once.",
        )),
        Decision::Suspended => Err(suspended()),
        Decision::DomainNotAllowed => {
            Err(refused("domain_not_allowed", "The API key of this room does not allow pages of this domain."))
        }
        Decision::Limited { rate, .. } => {
            let message = format!("The API key of this room has used its {} calls per minute.", rate.limit);
            Err(refused("rate_limit_exceeded", &message))
        }
        Decision::UrlNotAllowed => Err(refused("invalid_api_key", "The API key of this room may not stand in a URL.")),
        // A run that was requested through a socket has no client address.
        // No program is a script.
        Decision::QuotaExceeded { .. } => {
            Err(refused("quota_exceeded", "The account that owns this room has used up a quota; try again later."))
        }
        Decision::Allowed { owner, .. } => Ok(client(app, owner, None)),
    }
}

fn not_started(app: &App, not_started: &NotStarted) -> Refused {
    let unavailable = || refused("runner_unavailable", "No runner is available at the moment; try again.");
    // Runs of rooms have no idempotency key, so there is no other reason.
    let NotStarted::Pool(failure) = not_started else { return unavailable() };
    let line = json!({ "message": "A run in a room did not start.", "error": failure.message });
    app.log.write(Level::Error, line);
    match failure.code {
        PoolFailureCode::QueueFull => refused("queue_full", "The queue of the project is full; try again later."),
        PoolFailureCode::Busy => refused("runner_busy", "All slots are in use; try again."),
        PoolFailureCode::Mismatch => refused("runner_mismatch", "The runner is being updated; try again."),
        PoolFailureCode::NoLanguage => refused(
            "language_unavailable",
            "The language is not installed here, or not yet; GET /languages lists those that are.",
        ),
        PoolFailureCode::Rejected => refused("internal", "The runner did not accept the run; report this as a bug."),
        PoolFailureCode::Suspended => suspended(),
        PoolFailureCode::QuotaExceeded => {
            refused("quota_exceeded", "The account that owns this room has used up a quota; try again later.")
        }
        PoolFailureCode::Unavailable
        | PoolFailureCode::Lost
        | PoolFailureCode::ClientLeft
        | PoolFailureCode::NoTerminal
        | PoolFailureCode::KeyReused
        | PoolFailureCode::InDoubt
        | PoolFailureCode::TooManyKeys => unavailable(),
    }
}

fn suspended() -> Refused {
    refused("account_suspended", "The account that owns this room was suspended by the operator of the service.")
}

fn refused(code: &str, message: &str) -> Refused {
    Refused { code: code.to_owned(), message: message.to_owned(), fields: BTreeMap::new() }
}

/// The most output of a run in a room, in bytes. A run in a room has no `maxOutputBytes`, so each stream has one MiB at most,
/// and three times as much where U+FFFD replaces each byte.
const MAX_OUTPUT_BYTES: usize = 6 * 1_024 * 1_024;

/// The messages of a run. The last one has the whole result.
fn messages(run: StartedRun) -> LocalBoxStream<'static, RunMessage> {
    let start = json!({ "type": "start", "id": run.id, "createdAt": run.created_at.to_string() });
    let state = (run.progress, BoundedOutput::new(MAX_OUTPUT_BYTES));
    let rest = stream::unfold(state, |(mut progress, mut output)| async move {
        loop {
            match progress.next().await? {
                Progress::Heartbeat | Progress::Stage(_) | Progress::Cell(_) => {}
                Progress::Output(stream, text) => {
                    output.push(stream, &text);
                    let event = json!({ "type": stream.name(), "data": text });
                    return Some((RunMessage::Event(event), (progress, output)));
                }
                Progress::Complete(result) => {
                    let json = match output.whole() {
                        Some(output) => result.json(&output),
                        None => result.without_output(),
                    };
                    let result = RunMessage::Result(serde_json::from_slice(&json).ok()?);
                    return Some((result, (progress, BoundedOutput::new(0))));
                }
            }
        }
    });
    stream::once(async { RunMessage::Event(start) }).chain(rest).boxed_local()
}
