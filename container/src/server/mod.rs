//! The runner's HTTP server: one port and one secret, for runs and for persistent sandboxes.

mod answers;
mod check;
mod contexts;
mod door;
mod fitness;
mod kept;
mod run_ids;
mod runs;
mod sandbox_checkout;
mod sandbox_checks;
mod sandbox_files;
mod sandbox_ports;
mod sandbox_processes;
mod sandbox_terminals;
mod sandbox_trees;
mod sandboxes;
mod socket_tunnel;
mod stdin;

use answers::{json, refuse};
use door::Door;
pub use fitness::{Evidence, Fitness};
use kept::KeptRuns;
use run_ids::RunIds;
use stdin::Inputs;

use crate::report::mebibytes;
use crate::run::Runner;
use crate::sandbox::Sandboxes;
use crate::seating::Seating;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware;
use axum::response::Response;
use axum::routing::{delete, get, post};
use docle_protocol::RunLanguage;
use docle_protocol::headers::{HEALTH_PATH, INSTANCE, PROTOCOL, RUNS_PATH, events_path, run_path, stdin_path};
use docle_protocol::{RefusalCode, RunnerHealth, limits};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Runs that are still ending when the runner stops get this long.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// How long after its connection a request may still come and be refused: many times what the way takes.
const LAST_CALLS: Duration = Duration::from_millis(100);

/// What every request can reach.
#[derive(Debug, Clone)]
pub struct Service {
    pub runner: Arc<Runner>,
    pub secret: Arc<Secret>,
    /// Cancelled when the runner stops; every run goes with it.
    pub stopping: CancellationToken,
    pub fitness: Arc<Fitness>,
    /// Names this process, see [`INSTANCE`].
    pub instance: Arc<str>,
    /// The jobs that it has had, and those that it runs.
    pub taken: Arc<RunIds>,
    pub kept: Arc<KeptRuns>,
    /// What interactive runs wait for.
    pub inputs: Arc<Inputs>,
    /// Whether programs can have a terminal here.
    pub has_terminals: bool,
    pub sandboxes: Arc<Sandboxes>,
    pub tier: String,
    pub properties: BTreeMap<String, String>,
}

/// What callers must know. Never printed.
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// Serves until `service.stopping`, then ends what still runs.
pub async fn serve(listener: TcpListener, service: Service) -> io::Result<()> {
    let (stopping, runner, sandboxes) = (service.stopping.clone(), service.runner.clone(), service.sandboxes.clone());
    tokio::spawn(stop_when_unfit(service.clone()));
    let router = Router::new()
        .route(RUNS_PATH, post(runs::create_run))
        .route(&run_path("{id}"), delete(runs::cancel_run))
        .route(&events_path("{id}"), get(runs::read_events).delete(runs::forget_events))
        .route(&stdin_path("{id}"), get(stdin::connect_stdin))
        .merge(sandboxes::routes(service.sandboxes.clone()))
        .merge(sandbox_checkout::routes(service.sandboxes.clone(), service.runner.clone()))
        .merge(contexts::routes(service.sandboxes.clone()))
        .route_layer(middleware::from_fn_with_state(service.clone(), check::authorize))
        .route(HEALTH_PATH, get(read_health))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(DefaultBodyLimit::max(limits::MAX_JOB_BYTES))
        .layer(middleware::map_response_with_state(service.clone(), name_runner))
        .with_state(service);
    let door = Door::new(listener, stopping.clone())?;
    let closed = stopping.clone();
    let served = axum::serve(door, router).with_graceful_shutdown(async move {
        closed.cancelled().await;
        tokio::time::sleep(LAST_CALLS).await;
    });
    tokio::select! {
        result = async { served.await } => result?,
        // Idle keep-alive connections would hold a graceful end up for ever.
        () = async { stopping.cancelled().await; tokio::time::sleep(STOP_PATIENCE).await } => {}
    }
    let _ = tokio::time::timeout(STOP_PATIENCE, sandboxes.close()).await;
    // What cannot be ended by then dies with the jailer.
    let _ = tokio::time::timeout(STOP_PATIENCE, runner.seating.places.drained()).await;
    Ok(())
}

async fn read_health(State(service): State<Service>) -> Response {
    let waiting = service.runner.seating.waiting();
    let by_name = |counts: BTreeMap<RunLanguage, u32>| {
        counts.into_iter().map(|(language, count)| (language.name().to_owned(), count)).collect()
    };
    let health = RunnerHealth {
        version: env!("CARGO_PKG_VERSION").into(),
        protocol: docle_protocol::VERSION,
        instance: service.instance.to_string(),
        tier: service.tier,
        properties: service.properties,
        languages: service.runner.interpreters.versions(),
        running: service.runner.seating.places.running(),
        slots: service.runner.seating.places.count(),
        waiting: by_name(waiting.languages),
        ready: by_name(waiting.ready),
        waiting_mb: waiting.bytes.map(mebibytes),
        forked: waiting.forked,
    };
    json(StatusCode::OK, &health)
}

async fn not_found(method: Method, request: Request) -> Response {
    refuse(RefusalCode::NotFound, format!("there is no {method} {}", request.uri().path()))
}

async fn name_runner(State(service): State<Service>, mut response: Response) -> Response {
    response.headers_mut().insert(HeaderName::from_static(PROTOCOL), HeaderValue::from(docle_protocol::VERSION));
    if let Ok(instance) = HeaderValue::from_str(&service.instance) {
        response.headers_mut().insert(HeaderName::from_static(INSTANCE), instance);
    }
    response
}

/// A runner that is not to be trusted with more runs ends when its last ones have.
async fn stop_when_unfit(service: Service) {
    let seating = &service.runner.seating;
    tokio::select! {
        () = service.fitness.lost() => {}
        () = lost_by(seating, &service.fitness) => {}
    }
    // A slot that cannot be emptied is never given back, so the others are waited for as long as their runs may go on.
    let _ = tokio::time::timeout(LONGEST_RUN, seating.places.drained()).await;
    service.stopping.cancel();
}

/// The longest that a run may still take, with its fetch, its installation and its compilation.
const LONGEST_RUN: Duration = Duration::from_millis(
    (*limits::TIMEOUT_MS.end()
        + limits::FETCH_TIMEOUT_MS
        + limits::INSTALL_TIMEOUT_MS
        + *limits::COMPILE_TIMEOUT_MS.end()) as u64,
);

/// Resolves when a slot is broken for good and something replaces the runner. Otherwise the runner goes on with the others.
async fn lost_by(seating: &Seating, fitness: &Fitness) {
    seating.broken().await;
    if !fitness.lose() {
        std::future::pending::<()>().await;
    }
}
