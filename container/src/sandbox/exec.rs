//! One command in a sandbox, from its request to its report.

use super::exited::Exited;
use super::groups::CommandGroup;
use super::living::Sandbox;
use super::output::{Passed, Sink, pass};
use super::start::{Launch, NotStarted, Started, input};
use crate::events::line;
use crate::jail::launch::Exit;
use crate::report::{mebibytes, milliseconds, signal_name};
use axum::body::Bytes;
use docle_protocol::Stream;
use docle_protocol::sandbox::session::MAX_SESSIONS;
use docle_protocol::sandbox::{ExecEnd, ExecEvent, ExecJob, ExecReport};
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Lines that wait for a slow reader before the command waits, too.
const LINES: usize = 16;
/// What a command that has ended leaves open is read for this long: children that it has not waited for may still write.
pub(super) const STREAM_PATIENCE: Duration = Duration::from_millis(50);
/// After everything was killed.
pub(super) const END_PATIENCE: Duration = Duration::from_secs(5);
/// Exit code of a command whose time was up, as timeout(1) has it.
const TIMED_OUT: i32 = 124;
const KILLED: i32 = 128 + libc::SIGKILL;
const KILLED_BY_KERNEL: Exit = Exit::Signal(libc::SIGKILL);

/// A command that runs.
#[derive(Debug)]
pub struct Running {
    /// Its events, each as one line.
    pub lines: Receiver<Bytes>,
    /// Ends the command when this is dropped.
    pub(super) _guard: DropGuard,
}

/// The command is in the table of those that run while this lives.
pub(super) struct Entry(Arc<Sandbox>, String);

impl Entry {
    /// None if a command with this id runs.
    pub fn new(sandbox: &Arc<Sandbox>, id: &str, cancel: &CancellationToken) -> Option<Self> {
        let mut execs = sandbox.execs.lock().unwrap_or_else(PoisonError::into_inner);
        if execs.contains_key(id) {
            return None;
        }
        execs.insert(id.to_owned(), cancel.clone());
        Some(Self(Arc::clone(sandbox), id.to_owned()))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.0.execs.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

/// What a command that waits is held with, in KiB, and at least so much that no more than 256 of them may wait.
fn held_kib(job: &ExecJob) -> u32 {
    const LEAST: usize = 256;
    u32::try_from(LEAST + job.stdin.len() / 1_024).unwrap_or(u32::MAX)
}

impl Sandbox {
    /// Starts a command. In a task of its own: if the caller goes while it starts, it must not go on unwatched.
    pub async fn execute(self: &Arc<Self>, job: ExecJob) -> Result<Running, NotStarted> {
        let sandbox = Arc::clone(self);
        let started = tokio::spawn(async move { sandbox.begin(job).await });
        started.await.unwrap_or_else(|error| Err(NotStarted::Failed(io::Error::other(error))))
    }

    async fn begin(self: Arc<Self>, job: ExecJob) -> Result<Running, NotStarted> {
        let cancel = self.end.child_token();
        let entry = Entry::new(&self, &job.id, &cancel).ok_or(NotStarted::Duplicate)?;
        self.changed();
        if let Some(of) = job.session.clone() {
            let session = self.sessions.get(&of.id, MAX_SESSIONS).ok_or(NotStarted::TooManySessions)?;
            let place = Arc::clone(&self.waiting_commands).try_acquire_many_owned(held_kib(&job));
            let place =
                place.map_err(|_| NotStarted::Failed(io::Error::other("too many commands of sessions wait")))?;
            let (sender, lines) = channel(LINES);
            let (sandbox, running) = (Arc::clone(&self), cancel.clone());
            tokio::spawn(async move {
                let _place = place;
                let report = sandbox.execute_in_session((&session, &of), &job, &sender, &running).await;
                sandbox.changed();
                drop(entry);
                let _ = sender.send(line(&ExecEvent::Complete { report })).await;
            });
            return Ok(Running { lines, _guard: cancel.drop_guard() });
        }
        let memory_failures = self.memory_failures();
        let (started, stdin) = {
            // While all files are read, nothing begins.
            let _changes = self.archive.read().await;
            let (stdin, ours) = input()?;
            let launch = Launch { command: &job.command, cwd: &job.cwd, env: &job.env };
            (self.start(launch, stdin).await?, pipe::Sender::from_owned_fd(ours)?)
        };
        let (sender, lines) = channel(LINES);
        let sandbox = Arc::clone(&self);
        let running = cancel.clone();
        tokio::spawn(async move {
            let _ = sender.send(line(&ExecEvent::Start { pid: started.pid })).await;
            let report = supervise(&sandbox, &job, started, stdin, &sender, &running, memory_failures).await;
            sandbox.changed();
            // Before the report, so that its reader may use the id again.
            drop(entry);
            let _ = sender.send(line(&ExecEvent::Complete { report })).await;
        });
        Ok(Running { lines, _guard: cancel.drop_guard() })
    }

    /// Ends a command. False if it does not run.
    pub fn cancel(&self, id: &str) -> bool {
        let execs = self.execs.lock().unwrap_or_else(PoisonError::into_inner);
        execs.get(id).inspect(|cancel| cancel.cancel()).is_some()
    }
}

async fn supervise(
    sandbox: &Arc<Sandbox>,
    job: &ExecJob,
    started: Started,
    mut stdin: pipe::Sender,
    lines: &Sender<Bytes>,
    cancel: &CancellationToken,
    memory_failures: u64,
) -> ExecReport {
    let Started { stdout, stderr, mut exited, group, number, began, .. } = started;
    let input = job.stdin.clone();
    let feeding = tokio::spawn(async move {
        // A command that does not read it is its own affair.
        let _ = stdin.write_all(input.as_bytes()).await;
    });
    let close = CancellationToken::new();
    let limit = job.max_output_bytes as usize;
    let sink = |stream| Sink { stream, lines: lines.clone(), limit, cancel: cancel.clone(), close: close.clone() };
    let stdout = tokio::spawn(pass(stdout, sink(Stream::Stdout)));
    let stderr = tokio::spawn(pass(stderr, sink(Stream::Stderr)));
    let (stop, mut ended) = tokio::select! {
        ended = &mut exited => (None, Some(ended.ok())),
        () = sleep_until((began + Duration::from_millis(job.timeout_ms.into())).into()) => (Some(ExecEnd::Timeout), None),
        () = cancel.cancelled() => (Some(ExecEnd::Killed), None),
    };
    if stop.is_some() {
        sandbox.end_command(group.as_ref(), number).await;
        ended = timeout(END_PATIENCE, exited).await.ok().map(Result::ok);
        if let Some(group) = &group {
            group.emptied().await;
        }
    }
    let out_of_memory = sandbox.memory_failures() > memory_failures;
    if stop.is_none() && out_of_memory && ended.flatten().is_some_and(|ended| ended.exit == KILLED_BY_KERNEL) {
        // What took the memory may be what the command has started, and would go on.
        sandbox.end_command(group.as_ref(), number).await;
        if let Some(group) = &group {
            group.emptied().await;
        }
    }
    let duration = began.elapsed();
    feeding.abort();
    let closing = {
        let close = close.clone();
        tokio::spawn(async move {
            sleep(STREAM_PATIENCE).await;
            close.cancel();
        })
    };
    let mut truncated = [false; 2];
    for (index, stream) in [stdout, stderr].into_iter().enumerate() {
        let Ok(Passed { is_truncated, rest }) = stream.await else { continue };
        truncated[index] = is_truncated;
        if let Some(rest) = rest {
            sandbox.discard_rest(rest);
        }
    }
    closing.abort();
    let ended = ended.flatten();
    let [stdout_truncated, stderr_truncated] = truncated;
    let usage = Usage { duration, cpu_micros: group.as_ref().and_then(CommandGroup::cpu_micros) };
    // Commands are ended with a sandbox that is lost, but not because a caller wanted that.
    let stop = stop.filter(|_| !sandbox.is_lost());
    let report = report(stop, ended, out_of_memory, usage);
    ExecReport { stdout_truncated, stderr_truncated, ..report }
}

pub(super) struct Usage {
    pub duration: Duration,
    /// Of the whole group, where there is one.
    pub cpu_micros: Option<u64>,
}

/// The report of a command: what ended it, then how its process ended.
pub(super) fn report(stop: Option<ExecEnd>, ended: Option<Exited>, out_of_memory: bool, usage: Usage) -> ExecReport {
    let exit = ended.map_or(Exit::Signal(libc::SIGKILL), |ended| ended.exit);
    let (own_code, number) = match exit {
        Exit::Code(code) => (code, None),
        Exit::Signal(number) => (128 + number, Some(number)),
    };
    let end = match (stop, ended) {
        // One that ended by itself in the moment it was to be stopped did end by itself.
        (Some(_), Some(Exited { exit: Exit::Code(code), .. })) if code != KILLED => ExecEnd::Exited,
        (Some(stop), _) => stop,
        (None, _) if out_of_memory && own_code == KILLED => ExecEnd::Memory,
        (None, None) => ExecEnd::System,
        (None, Some(_)) => ExecEnd::Exited,
    };
    let exit_code = if end == ExecEnd::Timeout { TIMED_OUT } else { own_code };
    let cpu_micros = usage.cpu_micros.or(ended.map(|ended| ended.cpu_micros)).unwrap_or(0);
    ExecReport {
        end,
        exit_code,
        signal: number.map(signal_name),
        duration_ms: milliseconds(usage.duration),
        cpu_ms: milliseconds(Duration::from_micros(cpu_micros)),
        mem_mb: mebibytes(ended.map_or(0, |ended| ended.peak_bytes)),
        stdout_truncated: false,
        stderr_truncated: false,
        session: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(stop: Option<ExecEnd>, exit: Option<Exit>, out_of_memory: bool) -> (ExecEnd, i32, Option<String>) {
        let ended = exit.map(|exit| Exited { exit, cpu_micros: 1, peak_bytes: 1 });
        let usage = Usage { duration: Duration::ZERO, cpu_micros: None };
        let report = report(stop, ended, out_of_memory, usage);
        (report.end, report.exit_code, report.signal)
    }

    #[test]
    fn the_end_of_a_command_says_what_ended_it() {
        let (code, kill) = (Exit::Code, Exit::Signal(libc::SIGKILL));
        let sigkill = || Some("SIGKILL".to_owned());
        assert_eq!(reported(None, Some(code(3)), false), (ExecEnd::Exited, 3, None));
        assert_eq!(reported(None, Some(kill), false), (ExecEnd::Exited, 137, sigkill()));
        assert_eq!(reported(None, Some(kill), true), (ExecEnd::Memory, 137, sigkill()));
        assert_eq!(reported(None, Some(code(1)), true), (ExecEnd::Exited, 1, None), "a child of it was ended");
        assert_eq!(reported(Some(ExecEnd::Timeout), Some(kill), false), (ExecEnd::Timeout, 124, sigkill()));
        assert_eq!(reported(Some(ExecEnd::Timeout), Some(code(0)), false), (ExecEnd::Exited, 0, None));
        assert_eq!(reported(Some(ExecEnd::Killed), None, false), (ExecEnd::Killed, 137, sigkill()));
        assert_eq!(reported(None, None, false), (ExecEnd::System, 137, sigkill()));
    }
}
