//! One process in the background, as it is known from its start until it is forgotten.

use super::groups::CommandGroup;
use super::log::Log;
use docle_protocol::sandbox::ExecCommand;
use docle_protocol::sandbox::process::{ProcessEnd, ProcessJob, ProcessState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a process may leave its standard input unread while it is written to.
const INPUT_PATIENCE: Duration = Duration::from_secs(20);
/// What is shown of a command, in bytes and in words.
const MAX_SHOWN: usize = 4 << 10;
const MAX_SHOWN_WORDS: usize = 256;
const MILLISECOND: Duration = Duration::from_millis(1);

/// See the module.
#[derive(Debug)]
pub struct Process {
    pub(super) job: ProcessJob,
    pub pid: u32,
    started_ms: u64,
    pub log: Log,
    /// The number that init knows it by.
    pub(super) number: u64,
    /// Gone when nothing of the process is left.
    pub(super) group: Mutex<Option<CommandGroup>>,
    stdin: tokio::sync::Mutex<Option<pipe::Sender>>,
    has_stdin: watch::Sender<bool>,
    end: Mutex<Option<ProcessEnd>>,
    /// Cancelled when it is to end: from then on its end counts as killed.
    pub(super) is_killed: CancellationToken,
    /// Cancelled when everything of it is to end at once.
    pub(super) kill_now: CancellationToken,
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
    /// A process that was started.
    pub(super) fn new(
        job: ProcessJob,
        log: Log,
        stdin: Option<pipe::Sender>,
        (number, pid): (u64, u32),
        group: Option<CommandGroup>,
    ) -> Arc<Self> {
        Arc::new(Self {
            pid,
            started_ms: now_ms(),
            log,
            number,
            group: Mutex::new(group),
            has_stdin: watch::Sender::new(stdin.is_some()),
            stdin: tokio::sync::Mutex::new(stdin),
            end: Mutex::default(),
            is_killed: CancellationToken::new(),
            kill_now: CancellationToken::new(),
            ended: CancellationToken::new(),
            job,
        })
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
            command: shown(&self.job.command),
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

    /// Notes how it ended, with all its output in the log.
    pub(super) fn finish(&self, end: ProcessEnd) {
        *lock(&self.end) = Some(end);
        // A group that has a process still belongs to what the process has left in the background.
        lock(&self.group).take_if(|group| group.is_empty());
        self.ended.cancel();
        self.log.close(now_ms());
    }
}

/// A command as lists show it, cut where it is long.
fn shown(command: &ExecCommand) -> ExecCommand {
    let cut = |text: &String, most: usize| text[..text.floor_char_boundary(most)].to_owned();
    match command {
        ExecCommand::Shell(text) => ExecCommand::Shell(cut(text, MAX_SHOWN)),
        ExecCommand::Argv(words) => {
            let mut left = MAX_SHOWN;
            let mut words: Vec<String> = words
                .iter()
                .map(|word| {
                    let word = cut(word, left);
                    left -= word.len();
                    word
                })
                .collect();
            words.truncate(MAX_SHOWN_WORDS);
            ExecCommand::Argv(words)
        }
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.as_nanos() / MILLISECOND.as_nanos()) as u64
}

/// Nothing panics while it holds one of these.
pub(super) fn lock<T>(place: &Mutex<T>) -> MutexGuard<'_, T> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}
