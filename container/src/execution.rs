//! Executes one program in one jail and holds it to its clock and its output limits.

mod cell;
mod ending;
mod input;
mod streams;
mod terminal;

use crate::artifacts::{self, Collected};
use crate::egress;
use crate::events::EventSender;
use crate::jail::cgroup::Used;
use crate::jail::handle::{Jail, Streams};
use crate::jail::launch::{Bounds, Command, Content, Exit, Launch, Notice};
use crate::jail::terminal::Size;
use crate::output::Output;
use crate::seat::{Prepared, Seat};
pub use cell::CellCode;
use docle_protocol::{Artifacts, RunLanguage, Stream};
pub use ending::Stop;
use ending::{Clocks, End, Ends, supervise, unexpected};
pub use input::Input;
use input::{feed, type_at};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use streams::{Background, Collector, Sink, close_soon, collect};
pub use terminal::TerminalEnd;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Making a jail takes milliseconds; after this long something is broken.
const START_PATIENCE: Duration = Duration::from_secs(10);

/// What to execute.
#[derive(Debug)]
pub struct Program {
    pub command: Command,
    /// What the kernel runs that the command starts, if it starts one.
    pub cell: Option<CellCode>,
    /// Whether an interpreter that was started for a plain script of this language does as well.
    pub warm: Option<RunLanguage>,
    pub files: Vec<(String, Content)>,
    pub stdin: String,
    /// What standard input goes on with; it ends with what sends it.
    pub more_stdin: Option<Receiver<Input>>,
    /// The size of the terminal that it has instead of pipes.
    pub terminal: Option<Size>,
    /// A kept tree to copy below `/workspace`.
    pub workspace: Option<String>,
    /// A package layer to show at `/packages`.
    pub layer: Option<String>,
    /// Whether it starts in the tree of languages.
    pub tree: bool,
    /// An empty directory that receives `/packages` when the program succeeds.
    pub export: Option<OwnedFd>,
    pub timeout: Duration,
    /// Processor time of the whole tree.
    pub cpu: Option<Duration>,
    /// Bytes of one file.
    pub file_bytes: Option<u64>,
    pub memory_bytes: u64,
    pub max_output_bytes: usize,
    pub egress: Option<egress::Policy>,
    /// The files that are handed back.
    pub artifacts: Option<Artifacts>,
}

/// What reads the streams of a program.
enum Reading {
    Streams(Collector, Collector),
    Cell(cell::Running),
}

/// How it went.
#[derive(Debug)]
pub struct Outcome {
    pub exit: Exit,
    pub stop: Option<Stop>,
    pub stdout: Output,
    pub stderr: Output,
    pub cpu: Duration,
    pub peak_bytes: u64,
    pub duration: Duration,
    pub exported: bool,
    /// Connections that the egress policy refused.
    pub blocked_connections: u32,
    /// The kernel refused the program a process or thread: it had as many as a run may have.
    pub out_of_processes: bool,
    /// Bytes that the program has sent through the proxy.
    pub egress_bytes: u64,
    /// The servers that the egress policy refused.
    pub refused: Vec<String>,
    /// The files that the program hands back.
    pub artifacts: Vec<Collected>,
    /// How many more there are.
    pub artifacts_omitted: u32,
}

impl Outcome {
    /// That of a program that wrote and used nothing.
    pub fn of(exit: Exit, stop: Option<Stop>) -> Self {
        Self {
            exit,
            stop,
            stdout: Output::new(0),
            stderr: Output::new(0),
            cpu: Duration::ZERO,
            peak_bytes: 0,
            duration: Duration::ZERO,
            exported: false,
            blocked_connections: 0,
            out_of_processes: false,
            egress_bytes: 0,
            refused: Vec::new(),
            artifacts: Vec::new(),
            artifacts_omitted: 0,
        }
    }
}

/// Why there is no outcome. The jail failed, not the program.
#[derive(Debug)]
pub enum Failed {
    /// Before anything of the program ran, so it may be executed elsewhere.
    Unbegun(io::Error, Box<Program>),
    Broken(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<Failed> for io::Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Unbegun(error, _) | Failed::Broken(error) => error,
        }
    }
}

/// Executes `program` in a jail of the seat. Output goes to `events` as it comes. What waits there is bounded by the
/// output limits, so a slow reader neither stalls the program nor costs more memory than its output. Only a program at a
/// terminal waits for its reader, as it does at every terminal.
///
/// # Errors
/// The jail failed, not the program. Nothing of it is left running once the seat is vacated.
pub async fn execute(
    seat: &mut Seat,
    Prepared { mut jail, is_warm }: Prepared,
    program: Program,
    events: &EventSender,
    cancel: &CancellationToken,
) -> Result<Outcome, Failed> {
    let outcome = execute_in(&mut jail, is_warm, seat, program, events, cancel).await;
    if outcome.is_err() {
        seat.distrust();
    }
    seat.leave(jail);
    outcome
}

async fn execute_in(
    jail: &mut Jail,
    is_warm: bool,
    seat: &mut Seat,
    mut program: Program,
    events: &EventSender,
    cancel: &CancellationToken,
) -> Result<Outcome, Failed> {
    let traffic = Arc::new(egress::Traffic::default());
    let (cell, input) = program.cell.clone().map(cell::Waiting::new).transpose()?.unzip();
    let mut launch = Launch {
        // An interpreter that waits knows its command; the program keeps it for the case that it has died.
        command: (!is_warm).then(|| program.command.clone()),
        files: std::mem::take(&mut program.files),
        workspace: program.workspace.clone(),
        layer: program.layer.clone(),
        tree: program.tree,
        terminal: program.terminal,
        bounds: bounds(&program, seat),
        egress: program.egress.is_some(),
        export: program.export.is_some(),
        artifacts: program.artifacts.as_ref().map(|wanted| wanted.patterns.clone()).unwrap_or_default(),
        has_input: input.is_some(),
    };
    let descriptor = input.as_ref().or(program.export.as_ref());
    let start = async |jail: &mut Jail, launch: &Launch| -> io::Result<(Streams, Option<Background>)> {
        let streams = jail.launch(launch, descriptor)?;
        Ok((streams, started(jail, program.egress.clone(), traffic.clone()).await?))
    };
    let mut begun = start(jail, &launch).await;
    if let Err(error) = &begun
        && is_gone(error)
        && !has_no_room(error, seat)
    {
        eprintln!("seat.jail_lost error={:?}", error.to_string());
        launch.command = Some(program.command.clone());
        *jail = seat.fresh_jail()?;
        begun = start(jail, &launch).await;
    }
    let (ours, proxy) = match begun {
        Ok(begun) => begun,
        Err(error) if has_no_room(&error, seat) => {
            return Ok(without_room(program.memory_bytes, events));
        }
        Err(error) => {
            program.files = launch.files;
            return Err(Failed::Unbegun(error, Box::new(program)));
        }
    };
    let Program { stdin, more_stdin, timeout, cpu, memory_bytes, max_output_bytes, artifacts, .. } = program;
    // What is to be taken out is taken when everybody is gone.
    let exports = launch.export || artifacts.is_some();
    // The kernel has it, and its end is the end of the kernel.
    drop((launch, input));
    let terminal = jail.take_terminal().map(TerminalEnd::new).transpose()?;
    let (stop, close) = (CancellationToken::new(), CancellationToken::new());
    let waits = terminal.is_some();
    let sink = |stream| Sink { stream, events: events.clone(), overflow: stop.clone(), close: close.clone(), waits };
    // Beside a terminal nobody has standard error open.
    let collect_both =
        |stdout: Collector, stderr| Reading::Streams(stdout, collect(stderr, max_output_bytes, sink(Stream::Stderr)));
    let (feeder, reading) = match (cell, terminal) {
        (Some(cell), _) => {
            let streams = [ours.stdout, ours.stderr];
            (None, Reading::Cell(cell.run(streams, max_output_bytes, events.clone(), close.clone())))
        }
        (None, Some(terminal)) => {
            let stdout = collect(terminal.clone(), max_output_bytes, sink(Stream::Stdout));
            (Some(type_at(terminal, stdin, more_stdin)), collect_both(stdout, ours.stderr))
        }
        (None, None) => {
            let feeder = feed(ours.stdin, stdin, more_stdin)?;
            (feeder, collect_both(collect(ours.stdout, max_output_bytes, sink(Stream::Stdout)), ours.stderr))
        }
    };
    let began = Instant::now();
    let over = match &reading {
        Reading::Cell(running) => running.over.clone(),
        Reading::Streams(..) => CancellationToken::new(),
    };
    let ends = Ends { cancel, overflow: &stop, over: &over };
    let mut end = supervise(jail, Clocks { limit: timeout, cpu }, exports, ends, &seat.group).await?;
    let duration = began.elapsed();
    drop((proxy, feeder));
    let closing = close_soon(close);
    let (cell, stdout, stderr) = match reading {
        Reading::Cell(running) => {
            let (cell, stdout, stderr) = running.ended().await?;
            end.set_exit(cell.exit(end.exit()));
            (Some(cell), stdout, stderr)
        }
        Reading::Streams(stdout, stderr) => (None, stdout.finished().await?, stderr.finished().await?),
    };
    drop(closing);
    let inline = artifacts.is_some_and(|wanted| wanted.inline);
    let artifacts = artifacts::read(jail.take_artifacts(), inline).await;
    let used = seat.group.used();
    // The jail's own clock is right however late this process came to look.
    let duration = end.ending.map_or(duration, |ending| Duration::from_micros(ending.duration_micros));
    let outcome = outcome(&end, used, [stdout, stderr], cell.is_some(), duration, memory_bytes);
    if let Some(cell) = cell {
        cell.explain(outcome.stop, outcome.exit, memory_bytes >> 20, events);
    }
    let (blocked_connections, egress_bytes) =
        (traffic.refused.load(Ordering::Relaxed), traffic.sent.load(Ordering::Relaxed));
    let refused = traffic.refused_hosts();
    Ok(Outcome { blocked_connections, egress_bytes, refused, artifacts, ..outcome })
}

/// Whether a jail has ended before it took its launch, so that nothing of the program has run.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof)
}

/// Whether a jail did not start because the program's own files are more than it may have.
fn has_no_room(error: &io::Error, seat: &Seat) -> bool {
    error.kind() == io::ErrorKind::StorageFull || seat.group.used().is_some_and(|used| used.out_of_memory)
}

fn without_room(memory_bytes: u64, events: &EventSender) -> Outcome {
    let sentence = "The files need more room than policy.memoryMB leaves them; the program did not start.\n";
    events.output(Stream::Stderr, sentence.as_bytes());
    // All there was, also if more was asked for. Less would look like a machine that ran out of memory.
    Outcome { peak_bytes: memory_bytes, ..Outcome::of(Exit::Signal(libc::SIGKILL), Some(Stop::Memory)) }
}

/// What follows from the limits of a program for its whole jail.
fn bounds(program: &Program, seat: &Seat) -> Bounds {
    Bounds {
        // Files live in memory and count for it: three quarters leave the program room to notice a full disk
        // instead of being ended for want of memory.
        disk_bytes: program.memory_bytes / 4 * 3,
        // The largest trees in use, node_modules of a web framework, have tens of thousands of files.
        inodes: if program.export.is_some() { 200_000 } else { 32_768 },
        watched_memory_bytes: (!seat.group.is_real()).then_some(program.memory_bytes),
        watched_cpu_micros: program.cpu.filter(|_| !seat.group.is_real()).map(|cpu| cpu.as_micros() as u64),
        file_bytes: program.file_bytes,
    }
}

/// Waits for the program to start and gives its jail the way out that its policy allows.
async fn started(
    jail: &mut Jail,
    egress: Option<egress::Policy>,
    traffic: Arc<egress::Traffic>,
) -> io::Result<Option<Background>> {
    let notice =
        timeout(START_PATIENCE, jail.notice()).await.map_err(|_| io::Error::other("a jail does not start"))??;
    match (notice, egress) {
        (Some((Notice::Started, Some(socket))), Some(policy)) => {
            let listener = tokio::net::TcpListener::from_std(socket.into())?;
            Ok(Some(Background::start(egress::serve(listener, policy, traffic))))
        }
        (Some((Notice::Started, _)), None) => Ok(None),
        (other, _) => Err(unexpected(other.map(|(notice, _)| notice))),
    }
}

/// `cuts` says that output which is too long is no reason for an end.
fn outcome(
    end: &End,
    used: Option<Used>,
    [stdout, stderr]: [Output; 2],
    cuts: bool,
    duration: Duration,
    memory_bytes: u64,
) -> Outcome {
    let (ending, stop, exit) = (end.ending, end.stop, end.exit());
    let failed = exit != Exit::Code(0);
    let out_of_memory = used.is_some_and(|used| used.out_of_memory) || end.is_over_memory();
    let stop = if !cuts && (stdout.is_truncated() || stderr.is_truncated()) {
        Some(Stop::Output)
    } else if out_of_memory && failed {
        Some(Stop::Memory)
    } else if end.is_over_cpu() {
        Some(Stop::Cpu)
    } else {
        // A program that ended by itself in the moment it was to be stopped did end by itself.
        stop.filter(|_| exit == Exit::Signal(libc::SIGKILL))
    };
    let cpu_micros =
        used.map(|used| used.cpu_micros).or(ending.map(|ending| ending.cpu_micros)).unwrap_or(end.killed.cpu_micros);
    // The buffers of sockets are no memory of the group, and a run that was ended for them has reached its limit.
    let least_bytes = if end.stop == Some(Stop::Memory) { memory_bytes } else { 0 };
    let peak_bytes = used
        .map(|used| used.peak_bytes)
        .or(ending.map(|ending| ending.peak_bytes))
        .unwrap_or(end.killed.peak_bytes)
        .max(least_bytes);
    Outcome {
        exit,
        stop,
        stdout,
        stderr,
        cpu: Duration::from_micros(cpu_micros),
        peak_bytes,
        duration,
        exported: ending.is_some_and(|ending| ending.exported),
        blocked_connections: 0,
        out_of_processes: used.is_some_and(|used| used.out_of_processes),
        egress_bytes: 0,
        refused: Vec::new(),
        artifacts: Vec::new(),
        artifacts_omitted: ending.map_or(0, |ending| ending.artifacts_omitted),
    }
}
