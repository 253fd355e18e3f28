//! A process in the background until its end: its output goes into its log, and a call or its time limit ends it.

use super::exec::{END_PATIENCE, STREAM_PATIENCE, Usage, report};
use super::exited::Exited;
use super::groups::CommandGroup;
use super::living::Sandbox;
use super::log::PUSHED_BYTES;
use super::process::{Process, lock, now_ms};
use super::start::Started;
use crate::jail::sandbox::Request;
use docle_protocol::Stream;
use docle_protocol::sandbox::process::{KILL_GRACE_MS, ProcessEnd};
use docle_protocol::sandbox::{ExecEnd, ExecReport};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

impl Sandbox {
    /// Sends a signal to the process group of a process.
    pub(super) async fn signal(&self, process: &Process, signal: i32) -> io::Result<()> {
        self.ask(Request::Signal { pid: process.pid, signal }, &[]).await
    }

    /// Ends a process and everything that it has started: `SIGTERM` to its process group, and after a while `SIGKILL` to all.
    pub(super) async fn kill(&self, process: &Process) {
        if !process.ended.is_cancelled() {
            process.is_killed.cancel();
            if let Err(error) = self.signal(process, libc::SIGTERM).await {
                eprintln!("process.not_asked_to_end error={:?}", error.to_string());
            }
            // A process that was stopped takes no SIGTERM before it goes on.
            let _ = self.signal(process, libc::SIGCONT).await;
            let grace = Duration::from_millis(KILL_GRACE_MS.into());
            if timeout(grace, process.ended.cancelled()).await.is_err() {
                process.kill_now.cancel();
                process.ended.cancelled().await;
            }
        }
        self.kill_rest(process).await;
    }

    /// Ends what a process that has ended has left behind.
    async fn kill_rest(&self, process: &Process) {
        if self.programs.is_none() {
            return self.end_command(None, process.number).await;
        }
        let group = lock(&process.group).take();
        if let Some(group) = group {
            self.end_command(Some(&group), process.number).await;
            group.emptied().await;
        }
    }

    /// Ends a process that runs, and everything that it has started.
    async fn kill_all(&self, process: &Process) {
        let group = lock(&process.group).take();
        self.end_command(group.as_ref(), process.number).await;
        if let Some(group) = &group {
            group.emptied().await;
        }
        *lock(&process.group) = group;
    }

    /// Reads what a process writes and waits for its end, or brings that about.
    pub(super) async fn attend_process(&self, process: &Arc<Process>, started: Started, memory_failures: u64) {
        let Started { stdout, stderr, mut exited, began, .. } = started;
        let close = CancellationToken::new();
        let read = |from, stream| tokio::spawn(collect(Arc::clone(process), from, stream, close.clone()));
        let streams = [read(stdout, Stream::Stdout), read(stderr, Stream::Stderr)];
        let limit = async {
            match process.job.timeout_ms {
                Some(limit) => sleep_until((began + Duration::from_millis(limit.into())).into()).await,
                None => std::future::pending().await,
            }
        };
        let (stop, mut ended) = tokio::select! {
            ended = &mut exited => (None, Some(ended.ok())),
            () = limit => (Some(ExecEnd::Timeout), None),
            () = process.kill_now.cancelled() => (Some(ExecEnd::Killed), None),
        };
        let is_over_memory = self.memory_failures() > memory_failures;
        if stop.is_some() {
            self.kill_all(process).await;
            ended = timeout(END_PATIENCE, exited).await.ok().map(Result::ok);
        }
        let duration = began.elapsed();
        let closing = tokio::spawn(async move {
            sleep(STREAM_PATIENCE).await;
            close.cancel();
        });
        for stream in streams {
            if let Ok(Some(rest)) = stream.await {
                self.discard_rest(rest);
            }
        }
        closing.abort();
        let cpu_micros = lock(&process.group).as_ref().and_then(CommandGroup::cpu_micros);
        let report = report(stop, ended.flatten(), is_over_memory, Usage { duration, cpu_micros });
        if report.end == ExecEnd::Memory {
            // What took the memory may be what the process has started, and would go on.
            self.kill_all(process).await;
        }
        process.finish(self.end_of(process, stop, ended.flatten(), report));
        self.changed();
    }

    fn end_of(
        &self,
        process: &Process,
        stop: Option<ExecEnd>,
        exited: Option<Exited>,
        report: ExecReport,
    ) -> ProcessEnd {
        let is_lost = exited.is_none() && stop.is_none() && self.is_lost();
        let end = match report.end {
            ExecEnd::Timeout | ExecEnd::Memory => report.end,
            _ if is_lost => ExecEnd::System,
            _ if process.is_killed.is_cancelled() || exited.is_none() => ExecEnd::Killed,
            end => end,
        };
        let ExecReport { exit_code, signal, cpu_ms, mem_mb, .. } = report;
        ProcessEnd { end, exit_code, signal, ended_ms: now_ms(), cpu_ms, mem_mb }
    }
}

/// Reads one stream into the log to its end, or until it is closed; then a process may still write to it.
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
