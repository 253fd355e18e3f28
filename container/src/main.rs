//! The runner: runs one program in one fresh jail, over HTTP.
//!
//! Reading order: [`server`] takes a job, [`fetched_run`] and [`run`] carry it through, [`seating`], [`repository`] and [`packages`] are
//! what it waits for, [`execution`] holds one program to its limits, [`jail`] is the wall around it, [`egress`] the only gate.
//! [`sandbox`] has the jails that stay.
//! [`assembly`] puts all of it together from what [`options`] and the machine say.

mod artifacts;
mod assembly;
mod compile;
mod demand;
mod egress;
mod events;
mod execution;
mod fetched_run;
mod files;
mod hint;
mod interpreters;
mod jail;
mod kernel;
mod options;
mod output;
mod packages;
mod place;
mod proof;
mod reaper;
mod report;
mod repository;
mod run;
mod sandbox;
mod seat;
mod seating;
mod server;
mod shared_compile;
mod tree;
mod turns;
mod units;
mod users;

use assembly::{Assembled, assemble};
use clap::Parser;
use options::{Command, Machine, Options};
use server::{Evidence, Fitness, Secret, Service};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Where the secret is handed over; taken out of the environment before anything else happens.
const SECRET: &str = "DOCLE_RUNNER_SECRET";

fn main() -> ExitCode {
    jail::be_independent();
    let result = match Options::parse().command {
        Command::Serve { listen, die_with_parent, replaceable, machine } => {
            serve(listen, die_with_parent, replaceable, &machine)
        }
        Command::Doctor { machine } => doctor(&machine),
        Command::Probe => probe(),
        Command::Jailer { socket } => be_jailer(socket),
        Command::Sweep => jail::sweep().map_err(|error| format!("The sweep failed: {error}.")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn serve(listen: SocketAddr, die_with_parent: bool, replaceable: bool, machine: &Machine) -> Result<(), String> {
    let secret = take_secret()?;
    jail::protect_server(die_with_parent).map_err(|error| format!("The runner cannot protect itself: {error}."))?;
    jail::be_prompt();
    reaper::leave_pid_1().map_err(|error| format!("The runner cannot leave PID 1 to a reaper: {error}."))?;
    runtime()?.block_on(async {
        // The jailer lives as long as this thread does, which is as long as the runner.
        let assembled = assemble(machine)?;
        let mut properties = assembled.properties();
        let Assembled { runner, grants, sandboxes, users: _users, .. } = assembled;
        let evidence = if grants.counts_memory() { Evidence::OfTheRun } else { Evidence::OfTheContainer };
        runner.prove().await?;
        let terminal = runner.prove_terminal().await;
        let has_terminals = terminal.is_ok();
        properties.insert("terminals".into(), proof::terminals(&grants, terminal));
        tokio::spawn(runner.seating.clone().tend());
        let stopping = CancellationToken::new();
        let service = Service {
            runner: Arc::new(runner),
            secret: Arc::new(Secret(secret)),
            stopping: stopping.clone(),
            fitness: Arc::new(Fitness::new(replaceable, evidence)),
            instance: hex::encode(random::<8>()?).into(),
            taken: Arc::default(),
            kept: Arc::default(),
            inputs: Arc::default(),
            has_terminals,
            sandboxes,
            tier: grants.tier.name().into(),
            properties,
        };
        let in_use = |error: io::Error| format!("{listen} cannot be listened on: {error}.");
        let listener = tokio::net::TcpListener::bind(listen).await.map_err(in_use)?;
        let address = listener.local_addr().map_err(in_use)?;
        stop_on_signal(stopping).map_err(|error| error.to_string())?;
        println!("{}", serde_json::json!({ "address": address }));
        io::stdout().flush().map_err(|error| error.to_string())?;
        server::serve(listener, service).await.map_err(|error| error.to_string())
    })
}

/// A jailer dies with the thread that started it (`PR_SET_PDEATHSIG`), so no thread may end before the runner does.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Takes the secret out of the environment, so that no child can inherit it.
fn take_secret() -> Result<String, String> {
    let secret = std::env::var(SECRET).unwrap_or_default();
    // SAFETY: the process still has one thread.
    unsafe { std::env::remove_var(SECRET) };
    if secret.len() < 32 {
        return Err(format!("{SECRET} must hold the secret that callers send, at least 32 characters."));
    }
    Ok(secret)
}

/// Bytes that the kernel makes up.
fn random<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    let filled = std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    filled.map(|()| bytes).map_err(|error| format!("/dev/urandom cannot be read: {error}."))
}

fn stop_on_signal(stopping: CancellationToken) -> io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopping.cancel();
    });
    Ok(())
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_keep_alive(FOR_EVER)
        // Ends come in time though programs keep every processor busy.
        .on_thread_start(jail::be_prompt)
        .build()
        .map_err(|error| error.to_string())
}

fn doctor(machine: &Machine) -> Result<(), String> {
    let runtime = runtime()?;
    // Making jails needs a runtime to listen to them.
    let _inside = runtime.enter();
    let assembled = assemble(machine)?;
    let mut properties = assembled.properties();
    let Assembled { runner, grants, users: _users, .. } = assembled;
    runtime.block_on(runner.prove())?;
    properties.insert("terminals".into(), proof::terminals(&grants, runtime.block_on(runner.prove_terminal())));
    println!("{:<16} {}", "tier", grants.tier.name());
    let languages = runner.interpreters.versions();
    for (property, holder) in properties.iter().chain(&languages) {
        println!("{property:<16} {holder}");
    }
    println!("{:<16} {}", "places", runner.seating.places.count());
    Ok(())
}

fn probe() -> Result<(), String> {
    println!("{:#}", jail::probe::environment());
    Ok(())
}

fn be_jailer(socket: RawFd) -> Result<(), String> {
    // SAFETY: the server started this process with the descriptor open and for this purpose alone.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    jail::jailer::serve(socket).map_err(|error| format!("The jailer ended: {error}."))
}
