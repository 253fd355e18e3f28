//! Executes commands in sessions: one after the other, each with its own output, exit code and time limit.

use super::exec::{END_PATIENCE, Usage, report};
use super::exited::Exited;
use super::groups::CommandGroup;
use super::living::Sandbox;
use super::output::event;
use super::script::{self, Marked};
use super::session::{Session, Shell, Streams};
use super::start::{Launch, NotStarted, input};
use crate::events::line;
use crate::jail::launch::Exit;
use axum::body::Bytes;
use docle_protocol::Stream;
use docle_protocol::event::MAX_PIECE_BYTES;
use docle_protocol::sandbox::session::{ExecSession, SessionReport};
use docle_protocol::sandbox::{ExecCommand, ExecEnd, ExecEvent, ExecJob, ExecReport};
use std::fs::File;
use std::io::{self, Read};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::sync::mpsc::Sender;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Where processes in the background may still write, the streams are read until nothing comes for this long.
const QUIET: Duration = Duration::from_millis(10);
/// But no longer than this.
const LONGEST: Duration = Duration::from_millis(50);

impl Sandbox {
    /// Executes a command in its session, after those that came before, and reports.
    pub(super) async fn execute_in_session(
        &self,
        (session, of): (&Session, &ExecSession),
        job: &ExecJob,
        lines: &Sender<Bytes>,
        cancel: &CancellationToken,
    ) -> ExecReport {
        let waited = Instant::now();
        let mut place = tokio::select! {
            place = session.shell.lock() => place,
            () = cancel.cancelled() => return killed(waited),
            () = session.end.cancelled() => return killed(waited),
        };
        // It may have been ended between two commands.
        if let Some(mut shell) = place.take_if(|shell| !matches!(shell.exited.try_recv(), Err(TryRecvError::Empty))) {
            shell.end(self).await;
        }
        let is_new = place.is_none();
        if is_new {
            match self.start_shell(of).await {
                Ok(shell) => *place = Some(shell),
                Err(error) => {
                    eprintln!("session.no_shell error={error:?}");
                    return report(
                        Some(ExecEnd::System),
                        None,
                        false,
                        Usage { duration: waited.elapsed(), cpu_micros: None },
                    );
                }
            }
        }
        let Some(shell) = place.take() else { return killed(waited) };
        let _ = lines.send(line(&ExecEvent::Start { pid: shell.pid })).await;
        let stop = async {
            tokio::select! {
                () = cancel.cancelled() => ExecEnd::Killed,
                () = session.end.cancelled() => ExecEnd::Killed,
                () = sleep(Duration::from_millis(job.timeout_ms.into())) => ExecEnd::Timeout,
            }
        };
        let memory_failures = self.memory_failures();
        let (left, mut report) = shell.execute(self, job, lines, stop, memory_failures).await;
        report.session = Some(SessionReport { restarted: is_new && of.is_used, ended: left.is_none() });
        *place = left;
        report
    }

    /// Ends the shell and the terminal of a session with everything that they have started; `false` if it has neither.
    pub async fn end_session(&self, id: &str) -> bool {
        let has_terminal = self.end_terminal(id);
        let Some(session) = self.sessions.remove(id) else { return has_terminal };
        session.end.cancel();
        if let Some(mut shell) = session.shell.lock().await.take() {
            shell.end(self).await;
        }
        true
    }

    async fn start_shell(&self, of: &ExecSession) -> Result<Shell, NotStarted> {
        let command = ExecCommand::Argv(["/bin/bash", "--noprofile", "--norc", "-s"].map(str::to_owned).into());
        let start = async |cwd: &str| {
            let (theirs, ours) = input()?;
            let started = self.start(Launch { command: &command, cwd, env: &of.env }, theirs).await?;
            Ok::<_, NotStarted>((started, pipe::Sender::from_owned_fd(ours)?))
        };
        // While all files are read, nothing begins.
        let _changes = self.archive.read().await;
        let begun = match start(&of.cwd).await {
            Err(NotStarted::Directory(_)) => start("").await?,
            begun => begun?,
        };
        let (started, mut input) = begun;
        input.write_all(script::PREPARATION.as_bytes()).await?;
        Ok(Shell {
            input,
            exited: started.exited,
            group: started.group,
            number: started.number,
            pid: started.pid,
            streams: Streams::drop_from([started.stdout, started.stderr]),
        })
    }
}

/// What a command has written, on its way to the caller.
struct Output<'a> {
    lines: &'a Sender<Bytes>,
    left: [usize; 2],
    is_truncated: [bool; 2],
    is_unread: bool,
}

impl Output<'_> {
    async fn pass(&mut self, stream: Stream, bytes: &[u8]) {
        let index = stream as usize;
        let within = bytes.len().min(self.left[index]);
        self.left[index] -= within;
        self.is_truncated[index] |= within < bytes.len();
        if within > 0 && !self.is_unread {
            self.is_unread = self.lines.send(line(&event(stream, &bytes[..within]))).await.is_err();
        }
    }
}

impl Shell {
    /// Executes one command. The shell comes back unless it has ended.
    async fn execute(
        mut self,
        sandbox: &Sandbox,
        job: &ExecJob,
        lines: &Sender<Bytes>,
        stop: impl Future<Output = ExecEnd>,
        memory_failures: u64,
    ) -> (Option<Self>, ExecReport) {
        let began = Instant::now();
        let cpu_before = self.group.as_ref().and_then(CommandGroup::cpu_micros).unwrap_or(0);
        let limit = job.max_output_bytes as usize;
        let mut output = Output { lines, left: [limit; 2], is_truncated: [false; 2], is_unread: false };
        let Some(mut streams) = self.streams.take().await else { return (None, killed(began)) };
        let result = {
            let (exited, input) = (&mut self.exited, &mut self.input);
            tokio::select! {
                biased;
                // First: a command that never stops writing must not keep its time limit from being looked at.
                stop = stop => Err(stop),
                done = read(&mut streams, job, exited, input, &mut output, self.group.as_ref()) => Ok(done),
            }
        };
        let out_of_memory = sandbox.memory_failures() > memory_failures;
        let (stop, ended, is_alive) = match result {
            Ok(Done::Marked(code)) => {
                (None, Some(Exited { exit: Exit::Code(code), cpu_micros: 0, peak_bytes: 0 }), true)
            }
            Ok(Done::Ended(ended)) => (None, ended, false),
            Err(stop) => {
                sandbox.end_command(self.group.as_ref(), self.number).await;
                let ended = timeout(END_PATIENCE, &mut self.exited).await.ok().and_then(Result::ok);
                (Some(stop), ended, false)
            }
        };
        let cpu_micros = self.group.as_ref().and_then(CommandGroup::cpu_micros);
        let cpu_micros = cpu_micros.map(|after| after.saturating_sub(cpu_before));
        let stop = stop.filter(|_| !sandbox.is_lost());
        let report = report(stop, ended, out_of_memory, Usage { duration: began.elapsed(), cpu_micros });
        let [stdout_truncated, stderr_truncated] = output.is_truncated;
        let report = ExecReport { stdout_truncated, stderr_truncated, ..report };
        self.streams = Streams::drop_from(streams);
        if is_alive {
            return (Some(self), report);
        }
        self.end(sandbox).await;
        (None, report)
    }

    /// Ends everything that is left of a shell.
    async fn end(&mut self, sandbox: &Sandbox) {
        sandbox.end_command(self.group.as_ref(), self.number).await;
        if let Some(group) = &self.group {
            group.emptied().await;
        }
    }
}

/// How a command was done.
enum Done {
    /// The shell goes on; this is the exit code of the command.
    Marked(i32),
    /// The shell has ended.
    Ended(Option<Exited>),
}

/// Writes the command and reads its output, until the shell has marked its end or has ended.
async fn read(
    [stdout, stderr]: &mut [pipe::Receiver; 2],
    job: &ExecJob,
    exited: &mut tokio::sync::oneshot::Receiver<Exited>,
    input: &mut pipe::Sender,
    output: &mut Output<'_>,
    group: Option<&CommandGroup>,
) -> Done {
    let mark = mark().unwrap_or_else(|_| job.id.clone());
    let script = script::of(job, &mark);
    let mut marked = [Marked::new(&mark), Marked::new(&mark)];
    let mut writing = std::pin::pin!(input.write_all(script.as_bytes()));
    let (mut is_written, mut ended, mut is_closed) = (false, None, [false; 2]);
    let (mut out, mut err) = (vec![0; MAX_PIECE_BYTES], vec![0; MAX_PIECE_BYTES]);
    let mut last = std::pin::pin!(sleep(Duration::ZERO));
    let mut is_last = false;
    loop {
        let is_done = ended.is_some() || marked.iter().all(|marked| marked.said().is_some());
        if is_done && !is_last {
            is_last = true;
            // Where nobody else can write, everything has come.
            let is_alone = ended.is_none() && group.is_some_and(|group| group.processes() <= 1);
            last.set(sleep(if is_alone { Duration::ZERO } else { LONGEST }));
            if is_alone {
                break;
            }
        }
        if is_last && is_closed == [true; 2] {
            break;
        }
        let (stream, length) = tokio::select! {
            biased;
            () = &mut last, if is_last => break,
            read = stdout.read(&mut out), if !is_closed[0] => (Stream::Stdout, read.unwrap_or(0)),
            read = stderr.read(&mut err), if !is_closed[1] => (Stream::Stderr, read.unwrap_or(0)),
            exit = &mut *exited, if ended.is_none() => {
                ended = Some(exit.ok());
                continue;
            }
            // A shell that reads no more has ended, or will be.
            _ = &mut writing, if !is_written => {
                is_written = true;
                continue;
            }
            () = sleep(QUIET), if is_last => break,
        };
        let index = stream as usize;
        if length == 0 {
            is_closed[index] = true;
            continue;
        }
        let bytes = if stream == Stream::Stdout { &out[..length] } else { &err[..length] };
        let passed = marked[index].push(bytes);
        output.pass(stream, &passed).await;
    }
    let code = marked[0].said().and_then(|said| said.parse().ok());
    if let (None, Some(code)) = (&ended, code) {
        return Done::Marked(code);
    }
    for (stream, marked) in Stream::ALL.into_iter().zip(&mut marked) {
        output.pass(stream, &marked.rest()).await;
    }
    Done::Ended(ended.flatten())
}

/// A mark that nobody can know before.
fn mark() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("docle-{}:", hex::encode(bytes)))
}

/// The report of a command that was ended before it began, or with its session.
fn killed(since: Instant) -> ExecReport {
    report(Some(ExecEnd::Killed), None, false, Usage { duration: since.elapsed(), cpu_micros: None })
}
