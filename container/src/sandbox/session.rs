//! Sessions as they are kept between commands.

use super::exited::Exited;
use super::groups::CommandGroup;
use super::output::discard;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use tokio::net::unix::pipe;
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The sessions of one sandbox.
#[derive(Debug, Default)]
pub struct Sessions(std::sync::Mutex<HashMap<String, Arc<Session>>>);

/// One session.
#[derive(Debug, Default)]
pub struct Session {
    /// There from the first command on, until it ends. Locked while a command is executed: the next one waits.
    pub(super) shell: Mutex<Option<Shell>>,
    /// Cancelled when the session is deleted.
    pub(super) end: CancellationToken,
}

/// The shell of a session.
#[derive(Debug)]
pub struct Shell {
    /// Where commands are written to.
    pub(super) input: pipe::Sender,
    pub(super) exited: oneshot::Receiver<Exited>,
    pub(super) group: Option<CommandGroup>,
    /// The number that init knows it by.
    pub(super) number: u64,
    pub(super) pid: u32,
    pub(super) streams: Streams,
}

/// Standard output and standard error of a shell. Between commands they are read and dropped, so that no process in the
/// background waits.
#[derive(Debug)]
pub struct Streams {
    stop: CancellationToken,
    dropping: JoinHandle<[pipe::Receiver; 2]>,
}

impl Sessions {
    /// The session with this id, which is made if it is not there; `None` if there are `most` already.
    pub fn get(&self, id: &str, most: usize) -> Option<Arc<Session>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains_key(id) && all.len() >= most {
            return None;
        }
        Some(Arc::clone(all.entry(id.to_owned()).or_default()))
    }

    /// Takes a session out.
    pub fn remove(&self, id: &str) -> Option<Arc<Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
    }
}

impl Streams {
    /// Reads and drops until the streams are taken.
    pub fn drop_from([mut stdout, mut stderr]: [pipe::Receiver; 2]) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let dropping = tokio::spawn(async move {
            tokio::select! {
                _ = async { tokio::join!(discard(&mut stdout), discard(&mut stderr)) } => {}
                () = stopped.cancelled() => {}
            }
            [stdout, stderr]
        });
        Self { stop, dropping }
    }

    /// Takes the streams, for the next command. `None` if their reader has failed.
    pub async fn take(self) -> Option<[pipe::Receiver; 2]> {
        self.stop.cancel();
        self.dropping.await.ok()
    }
}
