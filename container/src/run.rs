//! One job from its place in the queue to its report.

use crate::egress::{self, Policy};
use crate::execution::{Outcome, Program, Stop, execute};
use crate::interpreters::{Interpreters, command_line, environment};
use crate::jail::launch::{Command, Exit};
use crate::packages::{Failure, INSTALL_MEMORY_MB, Layer, Layers, Wanted};
use crate::place::{Full, Place, Places};
use crate::seat::Seat;
use docle_protocol::{Language, Limits, Network, RunEvent, RunJob, RunReport, RunStatus, SourceFile, Truncated, Usage};
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

/// Everything that a run needs.
#[derive(Debug)]
pub struct Runner {
    pub interpreters: Interpreters,
    pub layers: Layers,
    pub places: Arc<Places<Seat>>,
}

/// Exit code of a program whose time was up, as timeout(1) has it.
const TIMED_OUT: i32 = 124;

impl Runner {
    /// Runs one job. Cancelling ends it within the time that the kernel needs to kill its processes.
    ///
    /// # Errors
    /// No place became free; nothing ran.
    pub async fn run(
        &self,
        job: RunJob,
        events: Option<UnboundedSender<RunEvent>>,
        cancel: &CancellationToken,
    ) -> Result<RunReport, Full> {
        let queued = Instant::now();
        let memory_mb = if job.packages.is_empty() { job.limits.memory_mb } else { INSTALL_MEMORY_MB };
        let wanted = warm_language(&job);
        let mut place = tokio::select! {
            place = self.places.take(memory_mb, |seat| seat.is_warm_for(wanted)) => place?,
            // Nobody is left to be told anything.
            () = cancel.cancelled() => return Err(Full),
        };
        let queue = queued.elapsed();
        if let Some(events) = &events {
            // A receiver that is gone has cancelled the run as well.
            let _ = events.send(RunEvent::Start);
        }
        let id = job.id.clone();
        let (mut report, install) = self.run_in(place.seat(), job, events, cancel).await;
        make_ready(place);
        if report.status == RunStatus::System {
            eprintln!("run.failed run.id={id} error={:?}", report.stderr);
            report.stderr = "The sandbox failed; the program is not to blame. The run may be repeated.".into();
        }
        report.usage.queue_ms = milliseconds(queue);
        report.usage.install_ms = milliseconds(install);
        Ok(report)
    }

    /// Language → interpreters that wait, and the MiB that they hold together where that is measured.
    pub fn waiting(&self) -> (BTreeMap<String, u32>, Option<f64>) {
        let (mut counts, mut bytes) = (BTreeMap::new(), None);
        self.places.each_free(|seat| {
            if let Some(language) = seat.waiting() {
                *counts.entry(language.name().to_owned()).or_default() += 1;
                bytes = seat.group.holds_bytes().map(|own| bytes.unwrap_or(0) + own);
            }
        });
        (counts, bytes.map(mebibytes))
    }

    /// Runs one small program in every language, because only that proves that jails work here.
    ///
    /// # Errors
    /// One sentence about what went wrong instead.
    pub async fn prove(&self) -> Result<(), String> {
        for &language in self.interpreters.languages.keys() {
            let content = match language {
                Language::Python => "print(6 * 7)",
                Language::Node => "console.log(6 * 7)",
            };
            let path = language.default_entrypoint().to_owned();
            let job = RunJob {
                id: "self-test".into(),
                language,
                files: vec![SourceFile { path: path.clone(), content: content.into() }],
                entrypoint: path,
                stdin: String::new(),
                args: Vec::new(),
                env: BTreeMap::new(),
                packages: Vec::new(),
                limits: Limits { timeout_ms: 30_000, memory_mb: 256, max_output_bytes: 65_536 },
                network: Network::None,
            };
            let report = self.run(job, None, &CancellationToken::new()).await;
            match report {
                Ok(report) if report.stdout == "42\n" => {}
                Ok(report) => {
                    let (status, said) = (report.status.name(), report.stderr.trim());
                    return Err(format!("A first {} program ended with {status}: {said}", language.name()));
                }
                Err(Full) => return Err("No place for a first program became free.".into()),
            }
        }
        Ok(())
    }

    /// The report, and how long the packages took.
    async fn run_in(
        &self,
        seat: &mut Seat,
        job: RunJob,
        events: Option<UnboundedSender<RunEvent>>,
        cancel: &CancellationToken,
    ) -> (RunReport, Duration) {
        let installing = Instant::now();
        let (layer, install) = match self.layer(&job, seat, cancel).await {
            Ok(Some((layer, install))) => (Some(layer), install),
            Ok(None) => (None, Duration::ZERO),
            Err(failure) => return (not_installed(failure), installing.elapsed()),
        };
        let report = match self.program(job, layer.as_ref()) {
            Ok(program) => match execute(seat, program, events, cancel).await {
                Ok(outcome) => report(outcome),
                Err(error) => system(&error),
            },
            Err(error) => system(&error),
        };
        (report, install)
    }

    async fn layer(
        &self,
        job: &RunJob,
        seat: &mut Seat,
        cancel: &CancellationToken,
    ) -> Result<Option<(Layer, Duration)>, Failure> {
        if job.packages.is_empty() {
            return Ok(None);
        }
        let interpreter = self.interpreters.languages.get(&job.language).ok_or_else(|| missing(job.language))?;
        let installer = self.interpreters.installers.get(&job.language);
        let wanted = Wanted { language: job.language, interpreter, installer, packages: &job.packages };
        self.layers.ensure(wanted, seat, cancel).await.map(Some)
    }

    fn program(&self, job: RunJob, layer: Option<&Layer>) -> io::Result<Program> {
        let interpreter = self.interpreters.languages.get(&job.language).ok_or_else(|| missing(job.language))?;
        let warm = warm_language(&job).filter(|language| !self.layers.needs_cold_start(*language, layer));
        let egress = match job.network {
            Network::None => None,
            Network::Public => Some(Policy::Public),
            Network::Hosts { hosts } => Some(Policy::Hosts(hosts)),
        };
        let mut env = environment(job.language, interpreter, &job.entrypoint);
        if egress.is_some() {
            env.extend(egress::environment());
        }
        env.retain(|(name, _)| !job.env.contains_key(name));
        env.extend(job.env);
        Ok(Program {
            warm,
            command: Command {
                argv: command_line(&interpreter.executable, &job.entrypoint, &job.args),
                env,
                script: job.entrypoint,
            },
            files: job.files.into_iter().map(|file| (file.path, file.content)).collect(),
            stdin: job.stdin,
            layer: layer.map(|layer| layer.name().to_owned()),
            export: None,
            timeout: Duration::from_millis(job.limits.timeout_ms.into()),
            memory_bytes: u64::from(job.limits.memory_mb) << 20,
            max_output_bytes: job.limits.max_output_bytes as usize,
            egress,
        })
    }
}

/// Prepares the place for its next run, and gives it back.
fn make_ready(mut place: Place<Seat>) {
    let say = |result: io::Result<()>| {
        if let Err(error) = result {
            eprintln!("seat.refill_failed error={:?}", error.to_string());
        }
    };
    if place.seat().is_worn() {
        tokio::task::spawn_blocking(move || say(place.seat().renew()));
    } else {
        say(place.seat().refill());
    }
}

/// The language whose started interpreter does for this job: one that waits for the default script without
/// arguments, variables or network, and with memory to spare.
fn warm_language(job: &RunJob) -> Option<Language> {
    let plain = job.entrypoint == job.language.default_entrypoint()
        && job.args.is_empty()
        && job.env.is_empty()
        && job.network == Network::None
        && job.limits.memory_mb >= WARM_MEMORY_MB;
    // Node reads the package's description before it opens the script, so it has already found none.
    let described = job.language == Language::Node && job.files.iter().any(|file| file.path == "package.json");
    // Python goes back to the start of a script that names its encoding (PEP 263), which no pipe allows.
    let script = job.files.iter().find(|file| file.path == job.entrypoint).map_or("", |file| file.content.as_str());
    let encoded = job.language == Language::Python && script.lines().take(2).any(|line| line.contains("coding"));
    (plain && !described && !encoded).then_some(job.language)
}

/// Interpreters that wait hold memory which a smaller limit would have to take from them.
const WARM_MEMORY_MB: u32 = 96;

fn missing(language: Language) -> io::Error {
    io::Error::other(format!("this runner has no {}", language.name()))
}

fn report(outcome: Outcome) -> RunReport {
    let signal = match outcome.exit {
        Exit::Signal(number) => Some(number),
        Exit::Code(_) => None,
    };
    let own_code = match outcome.exit {
        Exit::Code(code) => code,
        Exit::Signal(number) => 128 + number,
    };
    let killed = 128 + libc::SIGKILL;
    let (status, exit_code, signal) = match (outcome.stop, outcome.exit) {
        (Some(Stop::Timeout), _) => (RunStatus::Timeout, TIMED_OUT, signal),
        // The program may have ended before its last words were read; the result must not depend on that race.
        (Some(Stop::Output), _) => (RunStatus::Output, killed, Some(libc::SIGKILL)),
        (Some(Stop::Memory), _) => (RunStatus::Memory, own_code, signal),
        (Some(Stop::Cancelled), _) => (RunStatus::Killed, killed, Some(libc::SIGKILL)),
        (None, Exit::Code(0)) => (RunStatus::Success, 0, None),
        (None, Exit::Code(code)) => (RunStatus::Error, code, None),
        (None, Exit::Signal(_)) => (RunStatus::Killed, own_code, signal),
    };
    RunReport {
        status,
        exit_code,
        signal: signal.map(signal_name),
        stdout: outcome.stdout.text(),
        stderr: outcome.stderr.text(),
        truncated: Truncated { stdout: outcome.stdout.is_truncated(), stderr: outcome.stderr.is_truncated() },
        usage: Usage {
            cpu_ms: milliseconds(outcome.cpu),
            mem_mb: mebibytes(outcome.peak_bytes),
            duration_ms: milliseconds(outcome.duration),
            queue_ms: 0.0,
            install_ms: 0.0,
            blocked_connections: outcome.blocked_connections,
        },
    }
}

fn not_installed(failure: Failure) -> RunReport {
    match failure {
        Failure::Refused { exit_code, message } => {
            let stderr = format!("Package installation failed: {message}\n");
            without_program(RunStatus::InstallFailed, exit_code, stderr)
        }
        Failure::Cancelled => without_program(RunStatus::Killed, 128 + libc::SIGKILL, String::new()),
        Failure::System(error) => system(&error),
    }
}

fn system(error: &io::Error) -> RunReport {
    without_program(RunStatus::System, 1, error.to_string())
}

fn without_program(status: RunStatus, exit_code: i32, stderr: String) -> RunReport {
    RunReport {
        status,
        exit_code,
        signal: None,
        stdout: String::new(),
        stderr,
        truncated: Truncated::default(),
        usage: Usage::default(),
    }
}

/// `SIGSEGV` for 11. Real-time signals have numbers only.
fn signal_name(number: i32) -> String {
    Signal::try_from(number).map_or_else(|_| format!("SIG{number}"), |signal| signal.as_str().to_owned())
}

/// With two decimals, as the protocol has it.
fn mebibytes(bytes: u64) -> f64 {
    (bytes as f64 / f64::from(1 << 20) * 100.0).round() / 100.0
}

/// With two decimals, as the protocol has it.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}
