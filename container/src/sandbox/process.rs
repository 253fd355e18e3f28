//! One process in the background, from its start until it is forgotten.

use super::exec::{END_PATIENCE, STREAM_PATIENCE, Usage, report};
use super::groups::CommandGroup;
use super::living::{Exited, Sandbox};
use super::log::{Log, PUSHED_BYTES};
use super::output::discard;
use super::start::Started;
use crate::jail::sandbox::Request;
use docle_protocol::Stream;
use docle_protocol::sandbox::process::{KILL_GRACE_MS, ProcessEnd, ProcessJob, ProcessState};
use docle_protocol::sandbox::{ExecEnd, ExecReport};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// How long a process may leave its standard input unread while it is written to.
const INPUT_PATIENCE: Duration = Duration::from_secs(20);
const MILLISECOND: Duration = Duration::from_millis(1);

/// See the module.
#[derive(Debug)]
pub struct Process {
    job: ProcessJob,
    pub pid: u32,
    started_ms: u64,
    pub log: Log,
    number: u64,
    /// Gone when nothing of the process is left.
    group: Mutex<Option<CommandGroup>>,
    stdin: tokio::sync::Mutex<Option<pipe::Sender>>,
    has_stdin: watch::Sender<bool>,
    end: Mutex<Option<ProcessEnd>>,
    /// Cancelled when it is to end: from then on its end counts as killed.
    is_killed: CancellationToken,
    /// Cancelled when everything of it is to end at once.
    kill_now: CancellationToken,
    /// Cancelled when it has ended.
    pub ended: CancellationToken,
}

/// Why standard input was not written.
#[derive(Debug)]
pub enum InputFailure {
    Closed,
    /// The process has not read it in time.
    Unread,
    Ended,
}

impl Process {
    /// A process that was started, with what [`Process::attend`] needs of it.
    pub(super) fn new(
        job: ProcessJob,
        log: Log,
        stdin: Option<pipe::Sender>,
        mut started: Started,
    ) -> (Arc<Self>, Started) {
        let process = Self {
            pid: started.pid,
            started_ms: now_ms(),
            log,
            number: started.number,
            group: Mutex::new(started.group.take()),
            has_stdin: watch::Sender::new(stdin.is_some()),
            stdin: tokio::sync::Mutex::new(stdin),
            end: Mutex::default(),
            is_killed: CancellationToken::new(),
            kill_now: CancellationToken::new(),
            ended: CancellationToken::new(),
            job,
        };
        (Arc::new(process), started)
    }

    pub fn id(&self) -> &str {
        &self.job.id
    }

    /// What it is like now.
    pub fn state(&self) -> ProcessState {
        let (log_bytes, dropped_bytes) = self.log.size();
        let ended = lock(&self.end).clone();
        ProcessState {
            id: self.job.id.clone(),
            name: self.job.name.clone(),
            pid: self.pid,
            command: self.job.command.clone(),
            cwd: if self.job.cwd.is_empty() { "/workspace".into() } else { self.job.cwd.clone() },
            started_ms: self.started_ms,
            stdin: ended.is_none() && *self.has_stdin.borrow(),
            log_bytes,
            dropped_bytes,
            ended,
        }
    }

    /// When it has ended, in milliseconds since 1970.
    pub fn ended_ms(&self) -> Option<u64> {
        lock(&self.end).as_ref().map(|end| end.ended_ms)
    }

    /// Writes to standard input, as fast as the process reads, and closes it if asked to.
    pub async fn write(&self, bytes: &[u8], close: bool) -> Result<(), InputFailure> {
        let mut stdin = self.stdin.lock().await;
        if self.ended.is_cancelled() {
            return Err(InputFailure::Ended);
        }
        let Some(open) = stdin.as_mut() else { return Err(InputFailure::Closed) };
        let written = tokio::select! {
            written = timeout(INPUT_PATIENCE, open.write_all(bytes)) => written,
            () = self.ended.cancelled() => return Err(InputFailure::Ended),
        };
        let result = match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(InputFailure::Closed),
            Err(_) => Err(InputFailure::Unread),
        };
        if close || matches!(result, Err(InputFailure::Closed)) {
            *stdin = None;
            self.has_stdin.send_replace(false);
        }
        result
    }

    /// Sends a signal to its process group.
    pub async fn signal(&self, sandbox: &Sandbox, signal: i32) -> io::Result<()> {
        sandbox.ask(Request::Signal { pid: self.pid, signal }, &[]).await
    }

    /// Ends it and everything that it has started: `SIGTERM` to its process group, and after a while `SIGKILL` to all.
    pub async fn kill(&self, sandbox: &Sandbox) {
        if !self.ended.is_cancelled() {
            self.is_killed.cancel();
            if let Err(error) = self.signal(sandbox, libc::SIGTERM).await {
                eprintln!("process.not_asked_to_end error={:?}", error.to_string());
            }
            // A process that was stopped takes no SIGTERM before it goes on.
            let _ = self.signal(sandbox, libc::SIGCONT).await;
            let grace = Duration::from_millis(KILL_GRACE_MS.into());
            if timeout(grace, self.ended.cancelled()).await.is_err() {
                self.kill_now.cancel();
                self.ended.cancelled().await;
            }
        }
        self.kill_rest(sandbox).await;
    }

    /// Ends what a process that has ended has left behind.
    async fn kill_rest(&self, sandbox: &Sandbox) {
        if sandbox.programs.is_none() {
            return sandbox.end_command(None, self.number).await;
        }
        let group = lock(&self.group).take();
        if let Some(group) = group {
            sandbox.end_command(Some(&group), self.number).await;
            group.emptied().await;
        }
    }

    /// Reads what it writes and waits for its end, or brings that about.
    pub(super) async fn attend(self: Arc<Self>, sandbox: Arc<Sandbox>, started: Started, memory_failures: u64) {
        let Started { stdout, stderr, mut exited, began, .. } = started;
        let close = CancellationToken::new();
        let read = |from, stream| tokio::spawn(collect(Arc::clone(&self), from, stream, close.clone()));
        let streams = [read(stdout, Stream::Stdout), read(stderr, Stream::Stderr)];
        let limit = async {
            match self.job.timeout_ms {
                Some(limit) => sleep_until((began + Duration::from_millis(limit.into())).into()).await,
                None => std::future::pending().await,
            }
        };
        let (stop, mut ended) = tokio::select! {
            ended = &mut exited => (None, Some(ended.ok())),
            () = limit => (Some(ExecEnd::Timeout), None),
            () = self.kill_now.cancelled() => (Some(ExecEnd::Killed), None),
        };
        let is_over_memory = sandbox.memory_failures() > memory_failures;
        if stop.is_some() {
            self.kill_all(&sandbox).await;
            ended = timeout(END_PATIENCE, exited).await.ok().map(Result::ok);
        }
        let duration = began.elapsed();
        let closing = tokio::spawn(async move {
            sleep(STREAM_PATIENCE).await;
            close.cancel();
        });
        for stream in streams {
            if let Ok(Some(rest)) = stream.await {
                let sandbox_ended = sandbox.end.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        () = discard(rest) => {}
                        () = sandbox_ended.cancelled() => {}
                    }
                });
            }
        }
        closing.abort();
        let cpu_micros = lock(&self.group).as_ref().and_then(CommandGroup::cpu_micros);
        let usage = Usage { duration, cpu_micros };
        let report = report(stop, ended.flatten(), is_over_memory, usage);
        if report.end == ExecEnd::Memory {
            // What took the memory may be what the process has started, and would go on.
            self.kill_all(&sandbox).await;
        }
        self.finish(&sandbox, stop, ended.flatten(), report);
        sandbox.changed();
    }

    async fn kill_all(&self, sandbox: &Sandbox) {
        let group = lock(&self.group).take();
        sandbox.end_command(group.as_ref(), self.number).await;
        if let Some(group) = &group {
            group.emptied().await;
        }
        *lock(&self.group) = group;
    }

    fn finish(&self, sandbox: &Sandbox, stop: Option<ExecEnd>, exited: Option<Exited>, report: ExecReport) {
        let is_lost = exited.is_none() && stop.is_none() && sandbox.is_lost();
        let end = match report.end {
            ExecEnd::Timeout | ExecEnd::Memory => report.end,
            _ if is_lost => ExecEnd::System,
            _ if self.is_killed.is_cancelled() || exited.is_none() => ExecEnd::Killed,
            end => end,
        };
        let ExecReport { exit_code, signal, cpu_ms, mem_mb, .. } = report;
        *lock(&self.end) = Some(ProcessEnd { end, exit_code, signal, ended_ms: now_ms(), cpu_ms, mem_mb });
        // A group in which somebody is still belongs to what the process has left in the background.
        let mut group = lock(&self.group);
        if group.as_ref().is_some_and(CommandGroup::is_empty) {
            *group = None;
        }
        drop(group);
        self.ended.cancel();
        self.log.close(now_ms());
    }
}

/// Reads one stream into the log to its end, or until it is closed; then somebody may still write to it.
async fn collect(
    process: Arc<Process>,
    mut from: pipe::Receiver,
    stream: Stream,
    close: CancellationToken,
) -> Option<pipe::Receiver> {
    let mut buffer = vec![0; PUSHED_BYTES];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            () = close.cancelled() => return Some(from),
        };
        match read {
            Ok(length @ 1..) => process.log.push(stream, &buffer[..length], now_ms()),
            _ => return None,
        }
    }
}

/// Milliseconds since 1970.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.as_nanos() / MILLISECOND.as_nanos()) as u64
}

fn lock<T>(place: &Mutex<T>) -> MutexGuard<'_, T> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}
