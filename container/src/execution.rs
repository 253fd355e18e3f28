//! Executes one program in one jail and holds it to its clock and its output limits.

use crate::egress;
use crate::events::EventSender;
use crate::jail::cgroup::{Group, Used};
use crate::jail::handle::{Jail, Streams};
use crate::jail::launch::{Bounds, Command, Ending, Exit, Launch, Notice};
use crate::output::Output;
use crate::seat::Seat;
use axum::body::Bytes;
use docle_protocol::event::MAX_PIECE_BYTES;
use docle_protocol::{RunLanguage, Stream};
use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::sync::mpsc::Receiver;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Making a jail takes milliseconds; after this long something is broken.
const START_PATIENCE: Duration = Duration::from_secs(10);
/// An orderly end counts what the tree used; after this long it is killed without.
const STOP_PATIENCE: Duration = Duration::from_millis(200);
/// How long a piece of a line waits for the rest of it before it is handed on.
const LINE_END_PATIENCE: Duration = Duration::from_millis(1);
/// Runs that take longer stand back behind those that begin.
const SHORT: Duration = Duration::from_millis(100);

/// What to execute.
#[derive(Debug)]
pub struct Program {
    pub command: Command,
    /// Whether an interpreter that was started for a plain script of this language does as well.
    pub warm: Option<RunLanguage>,
    pub files: Vec<(String, String)>,
    pub stdin: String,
    /// What standard input goes on with; it ends with what sends it.
    pub more_stdin: Option<Receiver<Bytes>>,
    /// A package layer to show at `/packages`.
    pub layer: Option<String>,
    /// An empty directory that receives `/packages` when the program succeeds.
    pub export: Option<OwnedFd>,
    pub timeout: Duration,
    pub memory_bytes: u64,
    pub max_output_bytes: usize,
    pub egress: Option<egress::Policy>,
}

/// Why a program did not end by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    Timeout,
    Output,
    Memory,
    Cancelled,
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
    /// Bytes that the program has sent through the proxy.
    pub egress_bytes: u64,
}

/// Executes `program` in the seat's next jail. Output goes to `events` as it comes. What waits there is bounded by the
/// output limits, so a slow reader neither stalls the program nor costs more memory than its output.
///
/// # Errors
/// The jail failed, not the program. Nothing of it is left running once the seat is vacated.
pub async fn execute(
    seat: &mut Seat,
    program: Program,
    events: &EventSender,
    cancel: &CancellationToken,
) -> io::Result<Outcome> {
    let (mut jail, is_warm) = seat.jail(program.warm, program.memory_bytes).await?;
    let outcome = execute_in(&mut jail, is_warm, seat, program, events, cancel).await;
    seat.leave(jail);
    outcome
}

async fn execute_in(
    jail: &mut Jail,
    is_warm: bool,
    seat: &mut Seat,
    program: Program,
    events: &EventSender,
    cancel: &CancellationToken,
) -> io::Result<Outcome> {
    let bounds = bounds(&program, seat);
    let Program { command, files, stdin, more_stdin, layer, export, .. } = program;
    let Program { timeout, memory_bytes, max_output_bytes, egress, .. } = program;
    let traffic = Arc::new(egress::Traffic::default());
    // An interpreter that waits knows its command; it is kept for the case that it has died.
    let (known, command) = if is_warm { (Some(command), None) } else { (None, Some(command)) };
    let mut launch = Launch { command, files, layer, bounds, egress: egress.is_some(), export: export.is_some() };
    let start = async |jail: &mut Jail, launch: &Launch| -> io::Result<(Streams, Option<Background>)> {
        let streams = jail.launch(launch, export.as_ref())?;
        Ok((streams, started(jail, egress.clone(), traffic.clone()).await?))
    };
    let mut begun = start(jail, &launch).await;
    if let Err(error) = &begun
        && is_gone(error)
        && !has_no_room(error, seat)
    {
        eprintln!("seat.jail_lost error={:?}", error.to_string());
        launch.command = launch.command.or(known);
        *jail = seat.fresh_jail()?;
        begun = start(jail, &launch).await;
    }
    let (ours, proxy) = match begun {
        Ok(begun) => begun,
        Err(error) if has_no_room(&error, seat) => return Ok(without_room(memory_bytes, max_output_bytes, events)),
        Err(error) => return Err(error),
    };
    drop(launch);
    let feeder = feed(ours.stdin, stdin, more_stdin)?;
    let stop = CancellationToken::new();
    let sink = |stream| Sink { stream, events: events.clone(), overflow: stop.clone() };
    let stdout = collect(ours.stdout, max_output_bytes, sink(Stream::Stdout))?;
    let stderr = collect(ours.stderr, max_output_bytes, sink(Stream::Stderr))?;
    let began = Instant::now();
    let (ending, stop) = supervise(jail, timeout, cancel, &stop, &seat.group).await?;
    let duration = began.elapsed();
    // The last word of a jail's first process says that it is alone, and it has nothing of the program's. Without one,
    // only its end proves that nobody is left.
    if ending.is_none() {
        jail.gone().await?;
    }
    drop((proxy, feeder));
    let (stdout, stderr) = (stdout.finished().await?, stderr.finished().await?);
    let used = seat.group.used();
    // The jail's own clock is right however late this process came to look.
    let duration = ending.map_or(duration, |ending| Duration::from_micros(ending.duration_micros));
    let outcome = outcome(ending, stop, used, stdout, stderr, duration);
    let (blocked_connections, egress_bytes) =
        (traffic.refused.load(Ordering::Relaxed), traffic.sent.load(Ordering::Relaxed));
    Ok(Outcome { blocked_connections, egress_bytes, ..outcome })
}

/// Whether a jail has ended before it took its launch, so that nothing of the program has run.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof)
}

/// Whether a jail did not start because the program's own files are more than it may have.
fn has_no_room(error: &io::Error, seat: &Seat) -> bool {
    error.kind() == io::ErrorKind::StorageFull || seat.group.used().is_some_and(|used| used.out_of_memory)
}

fn without_room(memory_bytes: u64, max_output_bytes: usize, events: &EventSender) -> Outcome {
    let sentence = "The files need more room than policy.memoryMB leaves them; the program did not start.\n";
    events.output(Stream::Stderr, sentence.as_bytes());
    Outcome {
        exit: Exit::Signal(libc::SIGKILL),
        stop: Some(Stop::Memory),
        stdout: Output::new(max_output_bytes),
        stderr: Output::new(max_output_bytes),
        cpu: Duration::ZERO,
        // All there was, whoever asked for more. Less would look like a machine that ran out of memory.
        peak_bytes: memory_bytes,
        duration: Duration::ZERO,
        exported: false,
        blocked_connections: 0,
        egress_bytes: 0,
    }
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
    }
}

/// A task that ends when this is dropped.
struct Background(AbortHandle);

impl Drop for Background {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Writes standard input and closes it. A program that does not read it is its own affair.
fn feed(sender: pipe::Sender, text: String, more: Option<Receiver<Bytes>>) -> io::Result<Option<Background>> {
    let written = match sender.try_write(text.as_bytes()) {
        Ok(written) => written,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        // The program has ended already, or closed what it does not want to read.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(None),
        Err(error) => return Err(error),
    };
    if written == text.len() && more.is_none() {
        return Ok(None);
    }
    let task = tokio::spawn(async move {
        let _ = feed_on(sender, &text.as_bytes()[written..], more).await;
    });
    Ok(Some(Background(task.abort_handle())))
}

/// Writes as the program reads; whoever sends more waits for that, too.
async fn feed_on(mut sender: pipe::Sender, text: &[u8], more: Option<Receiver<Bytes>>) -> io::Result<()> {
    sender.write_all(text).await?;
    let Some(mut more) = more else { return Ok(()) };
    while let Some(bytes) = more.recv().await {
        sender.write_all(&bytes).await?;
    }
    Ok(())
}

struct Sink {
    stream: Stream,
    events: EventSender,
    overflow: CancellationToken,
}

struct Collector(JoinHandle<Output>);

impl Collector {
    async fn finished(self) -> io::Result<Output> {
        self.0.await.map_err(io::Error::other)
    }
}

/// Reads one stream to its end, which comes when no process has it open any more.
fn collect(mut receiver: pipe::Receiver, limit: usize, sink: Sink) -> io::Result<Collector> {
    Ok(Collector(tokio::spawn(async move {
        let mut output = Output::new(limit);
        let mut buffer = vec![0; MAX_PIECE_BYTES];
        while let Ok(mut length @ 1..) = receiver.read(&mut buffer).await {
            // An unbuffered print writes its text and its line end one after the other; they belong together.
            let is_line = buffer[..length].ends_with(b"\n");
            if !is_line
                && length < buffer.len()
                && let Ok(Ok(rest)) = timeout(LINE_END_PATIENCE, receiver.read(&mut buffer[length..])).await
            {
                length += rest;
            }
            sink.events.output(sink.stream, output.take(&buffer[..length]));
            if output.is_truncated() {
                sink.overflow.cancel();
            }
        }
        output
    })))
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
            Ok(Some(Background(tokio::spawn(egress::serve(listener, policy, traffic)).abort_handle())))
        }
        (Some((Notice::Started, _)), None) => Ok(None),
        (other, _) => Err(unexpected(other.map(|(notice, _)| notice))),
    }
}

/// Waits for the end, or brings it about.
async fn supervise(
    jail: &mut Jail,
    limit: Duration,
    cancel: &CancellationToken,
    overflow: &CancellationToken,
    group: &Group,
) -> io::Result<(Option<Ending>, Option<Stop>)> {
    let stop = {
        let (mut notice, mut end, mut long) = (pin!(jail.notice()), pin!(sleep(limit)), pin!(sleep(SHORT)));
        let mut is_short = true;
        loop {
            tokio::select! {
                notice = &mut notice => return ended(notice?.map(|(notice, _)| notice)).map(|ending| (ending, None)),
                () = &mut end => break Stop::Timeout,
                () = overflow.cancelled() => break Stop::Output,
                () = cancel.cancelled() => break Stop::Cancelled,
                () = &mut long, if is_short => {
                    is_short = false;
                    group.stand_back()?;
                }
            }
        }
    };
    jail.stop();
    let mut said = timeout(STOP_PATIENCE, jail.notice()).await;
    // Hundreds of processes may have kept the first one from its turn. Where they do not end with it, they end first.
    if said.is_err() && jail.sweep().await? {
        said = timeout(STOP_PATIENCE, jail.notice()).await;
    }
    match said {
        Ok(notice) => Ok((ended(notice?.map(|(notice, _)| notice))?, Some(stop))),
        Err(_) => {
            jail.kill();
            Ok((None, Some(stop)))
        }
    }
}

/// `None` for a jail whose first process was killed, which happens when its group runs out of memory.
fn ended(notice: Option<Notice>) -> io::Result<Option<Ending>> {
    match notice {
        Some(Notice::Ended(ending)) => Ok(Some(ending)),
        None => Ok(None),
        other => Err(unexpected(other)),
    }
}

fn unexpected(notice: Option<Notice>) -> io::Error {
    match notice {
        None => io::ErrorKind::UnexpectedEof.into(),
        Some(Notice::Failed { step, errno }) => {
            let error = io::Error::from_raw_os_error(errno);
            io::Error::new(error.kind(), format!("a jail cannot {step}: {error}"))
        }
        other => io::Error::other(format!("a jail said {other:?} out of turn")),
    }
}

fn outcome(
    ending: Option<Ending>,
    stop: Option<Stop>,
    used: Option<Used>,
    stdout: Output,
    stderr: Output,
    duration: Duration,
) -> Outcome {
    let exit = ending.map_or(Exit::Signal(libc::SIGKILL), |ending| ending.exit);
    let failed = exit != Exit::Code(0);
    let out_of_memory = used.is_some_and(|used| used.out_of_memory) || ending.is_some_and(|ending| ending.over_memory);
    let stop = if stdout.is_truncated() || stderr.is_truncated() {
        Some(Stop::Output)
    } else if out_of_memory && failed {
        Some(Stop::Memory)
    } else {
        // A program that ended by itself in the moment it was to be stopped did end by itself.
        stop.filter(|_| exit == Exit::Signal(libc::SIGKILL))
    };
    let cpu_micros = used.map(|used| used.cpu_micros).or(ending.map(|ending| ending.cpu_micros)).unwrap_or(0);
    let peak_bytes = used.map(|used| used.peak_bytes).or(ending.map(|ending| ending.peak_bytes)).unwrap_or(0);
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
        egress_bytes: 0,
    }
}
