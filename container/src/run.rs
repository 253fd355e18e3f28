//! One job from its place in the queue to its report.

use crate::compile::{Compiled, compile};
use crate::egress::{self, Policy};
use crate::events::EventSender;
use crate::execution::{CellCode, Failed, Input, Outcome, Program, execute};
use crate::files::contents;
use crate::hint::HintSource;
use crate::interpreters::{Interpreters, NODE_OPTIONS, command_line, environment, plans_memory};
use crate::jail::launch::{Command, Exit};
use crate::jail::program::PROCESSES;
use crate::jail::terminal::Size;
use crate::kernel::programs;
use crate::packages::{Failure, Layer, Layers, Refusal, Wanted};
use crate::place::Full;
use crate::report::{Asked, hundredths, milliseconds, report};
use crate::repository::Repositories;
use crate::seating::{NoJail, Seating};
use crate::shared_compile::SharedCompilations;
use crate::tree;
use docle_languages::ColdWhen;
use docle_protocol::job::FileEncoding;
use docle_protocol::limits::DEFAULT_MEMORY_MB;
use docle_protocol::{
    Network, RunCell, RunDetails, RunJob, RunLanguage, RunReport, RunStatus, RunUsage, Stage, Stream, TerminalSize,
    Truncated,
};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

/// Everything that a run needs.
#[derive(Debug)]
pub struct Runner {
    pub interpreters: Interpreters,
    pub repositories: Repositories,
    pub layers: Layers,
    pub compilations: SharedCompilations,
    pub seating: Arc<Seating>,
}

/// Places in which a run tries to begin.
const TRIES: u32 = 3;
impl Runner {
    /// Runs one job as [`Self::run`] does, whose repository, if it has one, has been fetched.
    ///
    /// # Errors
    /// No place became free; the program did not run.
    pub async fn run_files(
        &self,
        job: RunJob,
        workspace: Option<&Layer>,
        more_stdin: Option<Receiver<Input>>,
        events: &EventSender,
        cancel: &CancellationToken,
    ) -> Result<RunReport, Full> {
        let id = job.id.clone();
        let arrived = Instant::now();
        let layer = match self.layer(&job, events, cancel).await {
            Ok(layer) => layer,
            Err(failure) => {
                return Ok(finished(not_installed(&id, failure, events), Duration::ZERO, arrived.elapsed()));
            }
        };
        let (layer, install) = layer.unzip();
        let install = install.unwrap_or_default();
        let compiled = match self.compile(&job, workspace, events, cancel).await {
            Ok(compiled) => compiled,
            Err(Failure::Full) => return Err(Full),
            Err(failure) => return Ok(finished(not_installed(&id, failure, events), Duration::ZERO, install)),
        };
        let (product, compilation) = match compiled {
            Some(compiled @ Compiled { product: None, .. }) => {
                return Ok(finished(not_compiled(compiled, events), Duration::ZERO, install));
            }
            Some(Compiled { product, result, cpu, .. }) => (product, Some((result, cpu))),
            None => (None, None),
        };
        // Whether the caller has heard that the run is under way.
        let begun = workspace.is_some() || !install.is_zero() || compilation.is_some();
        let layer = product.or(layer.map(Arc::new));
        let queued = Instant::now();
        let (wanted, memory_mb) = (warm_language(&job), job.limits.memory_mb);
        let hint = HintSource::of(&job);
        let program = match self.program(job, layer.as_deref()) {
            Ok(program) => program,
            Err(error) => {
                events.start();
                return Ok(finished(system(&id, &error, events), Duration::ZERO, install));
            }
        };
        let (artifacts, limits_files) = (program.artifacts.is_some(), program.file_bytes.is_some());
        let asked = Asked { hint, artifacts, limits_files };
        let workspace = workspace.map(|files| files.name().to_owned());
        let mut program = Program { more_stdin, workspace, ..program };
        let mut tries = 1;
        let (executed, queue) = loop {
            let taken = tokio::select! {
                taken = self.seating.take(memory_mb, wanted, program.warm) => taken,
                // Nobody is left to be told anything.
                () = cancel.cancelled() => Err(NoJail::Full),
            };
            // What was executed in vain is no time in the queue, but nobody would look for it elsewhere.
            let queue = queued.elapsed();
            let (mut place, prepared) = match taken {
                Ok(taken) => taken,
                Err(NoJail::Failed(error)) => break (Err(error), queue),
                Err(NoJail::Full) if !begun && tries == 1 => return Err(Full),
                // The caller has been told that the run is under way, so this is its result.
                Err(NoJail::Full) => {
                    let failure = if cancel.is_cancelled() { Failure::Cancelled } else { Failure::Full };
                    return Ok(finished(not_installed(&id, failure, events), queue, install));
                }
            };
            if !begun && !events.start() {
                // The caller has heard meanwhile that nothing ran.
                place.seat().leave(prepared.jail);
                self.seating.give_back(place);
                return Err(Full);
            }
            if begun {
                events.stage(Stage::Program);
            }
            let executed = execute(place.seat(), prepared, program, events, cancel).await;
            self.seating.give_back(place);
            match executed {
                // Its place rests now, and another one may be better.
                Err(Failed::Unbegun(error, unbegun)) if tries < TRIES => {
                    eprintln!("run.unbegun run.id={id} try={tries} error={:?}", error.to_string());
                    program = *unbegun;
                    tries += 1;
                }
                executed => break (executed.map_err(io::Error::from), queue),
            }
        };
        let mut report = match executed {
            Ok(mut outcome) => {
                explain(&outcome, events);
                for (index, file) in (0..).zip(&mut outcome.artifacts) {
                    // Taken, so that no content is in memory twice for longer than it takes to copy it.
                    if let Some(content) = file.content.take() {
                        events.artifact(index, &file.artifact, file.is_inline, &content);
                    }
                }
                report(outcome, asked)
            }
            Err(error) => {
                events.start();
                system(&id, &error, events)
            }
        };
        if let Some((result, cpu)) = compilation {
            report.details.compile = Some(Box::new(result));
            report.usage.cpu_ms = hundredths(report.usage.cpu_ms + milliseconds(cpu));
        }
        Ok(finished(report, queue, install))
    }

    /// Compiles the program of a job whose language is compiled.
    async fn compile(
        &self,
        job: &RunJob,
        workspace: Option<&Layer>,
        events: &EventSender,
        cancel: &CancellationToken,
    ) -> Result<Option<Compiled>, Failure> {
        let (Some(compiler), Some(wanted)) = (&job.language.runner().compile, &job.compile) else { return Ok(None) };
        let make = compile((job, workspace), (compiler, wanted), &self.layers, &self.seating, events, cancel);
        self.compilations.get_or(job, events, cancel, make).await.map(Some)
    }

    /// The layer that a job needs, installed first where it is not there yet, and the time that took: none where it
    /// was there, and the caller hears of a beginning only where it was not.
    async fn layer(
        &self,
        job: &RunJob,
        events: &EventSender,
        cancel: &CancellationToken,
    ) -> Result<Option<(Layer, Duration)>, Failure> {
        if job.packages.is_empty() {
            return Ok(None);
        }
        let interpreter = self.interpreters.languages.get(&job.language).ok_or_else(|| missing(job.language))?;
        let installer = self.interpreters.installers.get(&job.language.package_manager);
        let wanted = Wanted { language: job.language, interpreter, installer, packages: &job.packages };
        if let Some(layer) = self.layers.find(wanted) {
            return Ok(Some((layer, Duration::ZERO)));
        }
        if !events.start() {
            return Err(Failure::Full);
        }
        events.stage(Stage::Install);
        let began = Instant::now();
        let layer = self.layers.install(wanted, &self.seating, cancel).await?;
        Ok(Some((layer, began.elapsed())))
    }

    fn program(&self, mut job: RunJob, layer: Option<&Layer>) -> io::Result<Program> {
        let interpreter = self.interpreters.languages.get(&job.language);
        let warm = warm_language(&job).filter(|language| !self.layers.needs_cold_start(*language, layer));
        let cell = job.cell.map(|RunCell { language }| CellCode { language, code: take_entrypoint(&mut job) });
        let argv = match interpreter {
            Some(interpreter) if let Some(cell) = &cell => {
                programs::command(cell.language, Some(&interpreter.executable))
            }
            Some(interpreter) => command_line(&interpreter.executable, &job.entrypoint, &job.args),
            None => {
                let command = tree::command(job.language.runner().run, &job, job.limits.memory_mb);
                command.into_iter().chain(job.args.iter().cloned()).collect()
            }
        };
        let files = contents(job.files.into_iter().chain(job.inputs).collect())?;
        let egress = match job.network {
            Network::None => None,
            Network::Public => Some(Policy::Public),
            Network::Hosts { hosts } => Some(Policy::Hosts(hosts)),
        };
        let mut env = match interpreter {
            Some(interpreter) => environment(job.language, interpreter, &job.entrypoint, job.limits.memory_mb),
            None => tree::environment(job.language),
        };
        if egress.is_some() {
            env.extend(egress::environment());
        }
        if job.tty.is_some() {
            env.extend(TERMINAL_VARIABLES.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        let mut own = job.env;
        if let (Some(theirs), Some((_, ours))) =
            (own.get_mut(NODE_OPTIONS), env.iter().find(|(name, _)| name == NODE_OPTIONS))
        {
            // The last of two equal options counts.
            *theirs = format!("{ours} {theirs}");
        }
        env.retain(|(name, _)| !own.contains_key(name));
        env.extend(own);
        Ok(Program {
            warm,
            command: Command { argv, env, script: job.entrypoint },
            tree: interpreter.is_none(),
            files,
            stdin: job.stdin,
            cell,
            more_stdin: None,
            terminal: job.tty.map(|TerminalSize { cols, rows }| Size { cols, rows }),
            workspace: None,
            layer: layer.map(|layer| layer.name().to_owned()),
            export: None,
            timeout: Duration::from_millis(job.limits.timeout_ms.into()),
            cpu: job.limits.cpu_ms.map(|cpu_ms| Duration::from_millis(cpu_ms.into())),
            file_bytes: job.limits.max_file_mb.map(|megabytes| u64::from(megabytes) << 20),
            memory_bytes: u64::from(job.limits.memory_mb) << 20,
            max_output_bytes: job.limits.max_output_bytes as usize,
            egress,
            artifacts: job.artifacts,
        })
    }
}

/// The code of a cell, which is no file of its sandbox.
fn take_entrypoint(job: &mut RunJob) -> String {
    let place = job.files.iter().position(|file| file.path == job.entrypoint);
    place.map(|place| job.files.remove(place).content).unwrap_or_default()
}

/// The report with its times.
fn finished(mut report: RunReport, queue: Duration, install: Duration) -> RunReport {
    report.usage.queue_ms = milliseconds(queue);
    report.usage.install_ms = milliseconds(install);
    report
}

/// The language whose started interpreter does for this job: one that waits for the default script without
/// arguments, variables or network, and with memory to spare.
fn warm_language(job: &RunJob) -> Option<RunLanguage> {
    let machine = job.language.runner().machine.as_ref()?;
    let plain = job.repo.is_none()
        && job.cell.is_none()
        && job.entrypoint == job.language.default_entrypoint()
        && job.args.is_empty()
        && job.env.is_empty()
        && job.network == Network::None
        && job.limits.max_file_mb.is_none()
        // An interpreter looks at its streams while it starts.
        && job.tty.is_none()
        && job.limits.memory_mb >= WARM_MEMORY_MB
        // One that plans by its memory was started for the default: with more it would not use it.
        && (job.limits.memory_mb <= DEFAULT_MEMORY_MB || !plans_memory(job.language));
    let entrypoint = job.files.iter().find(|file| file.path == job.entrypoint);
    // What is no plain text may be in another encoding, which an interpreter reads from a file and not from a pipe.
    let is_text = entrypoint.is_some_and(|file| file.encoding == FileEncoding::Utf8);
    let script = entrypoint.map_or("", |file| file.content.as_str());
    let needs_cold = |when: &ColdWhen| match when {
        ColdWhen::FileIs(path) => job.files.iter().any(|file| file.path == *path),
        ColdWhen::HeadHas(text) => script.lines().take(2).any(|line| line.contains(text)),
    };
    (plain && is_text && !machine.cold_when.iter().any(needs_cold)).then_some(job.language)
}

/// What programs ask the environment about a terminal: the commands that it understands, and its colours.
const TERMINAL_VARIABLES: [(&str, &str); 2] = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor")];

/// Interpreters that wait hold memory which a smaller limit would have to take from them.
const WARM_MEMORY_MB: u32 = 96;

fn missing(language: RunLanguage) -> io::Error {
    io::Error::other(format!("this runner has no {}", language.name()))
}

/// Names a limit that the program has met and cannot name itself, where it did not end well.
fn explain(outcome: &Outcome, events: &EventSender) {
    if outcome.out_of_processes && outcome.exit != Exit::Code(0) {
        let sentence = format!("The program reached the limit of {PROCESSES} processes and threads.\n");
        events.output(Stream::Stderr, sentence.as_bytes());
    }
}

/// The report of a run whose program could not be started for want of what comes before it.
pub fn not_installed(id: &str, failure: Failure, events: &EventSender) -> RunReport {
    events.start();
    match failure {
        Failure::Refused(Refusal { exit_code, message }) => {
            let sentence = format!("Package installation failed: {message}\n");
            events.output(Stream::Stderr, sentence.as_bytes());
            without_program(RunStatus::InstallFailed, exit_code)
        }
        Failure::Cancelled => without_program(RunStatus::Cancelled, 128 + libc::SIGKILL),
        Failure::Full => system(id, &io::Error::other("no place for an installation became free"), events),
        Failure::System(error) => system(id, &error, events),
    }
}

/// The report of a run whose program could not be compiled. What the compiler wrote is also its standard error, where every
/// client looks.
fn not_compiled(compiled: Compiled, events: &EventSender) -> RunReport {
    events.output(Stream::Stderr, compiled.output.as_bytes());
    let mut report = without_program(RunStatus::CompileError, compiled.result.exit_code);
    report.usage.cpu_ms = milliseconds(compiled.cpu);
    report.details.compile = Some(Box::new(compiled.result));
    report
}

/// The report of a run whose sandbox failed. The log gets the error, and the caller a sentence without the runner's own
/// affairs.
fn system(id: &str, error: &io::Error, events: &EventSender) -> RunReport {
    eprintln!("run.failed run.id={id} error={:?}", error.to_string());
    events.output(Stream::Stderr, b"The sandbox failed; the program is not to blame. The run may be repeated.");
    without_program(RunStatus::System, 1)
}

/// The report of a run without its program.
pub fn without_program(status: RunStatus, exit_code: i32) -> RunReport {
    RunReport {
        status,
        exit_code,
        signal: None,
        truncated: Truncated::default(),
        usage: RunUsage::default(),
        details: RunDetails::default(),
    }
}
