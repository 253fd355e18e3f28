//! Stores the files that a run hands back, as their bytes come, and links to them in its result.
//!
//! Nothing of this changes how the run ended: a file that cannot be stored is an entry of the result with an error.

use crate::domain::run::artifact_link::{last_part, link};
use crate::domain::run::draft::RunDraft;
use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::objects::run_pool::watch_ports::WatchPorts;
use crate::ports::artifacts::StoredFile;
use crate::ports::{Level, PortError};
use docle_api::limits::{MAX_ARTIFACT_BYTES, MAX_ARTIFACTS};
use docle_protocol::RunDetails;
use docle_protocol::report::{Artifact, ArtifactError};
use futures::channel::{mpsc, oneshot};
use futures::future::{Either, LocalBoxFuture, select};
use futures::{SinkExt, StreamExt};
use serde_json::json;
use std::collections::BTreeSet;
use std::pin::pin;
use std::rc::Rc;

/// How long all files of a run may take, in milliseconds: 25 MiB at a tenth of what the bucket usually takes.
pub const STORE_MS: u32 = 20_000;

/// The files of one run.
pub struct ArtifactWriter {
    id: RunId,
    created_at: Timestamp,
    /// `None` if the run was asked for without files.
    base_url: Option<String>,
    ports: WatchPorts,
    /// Resolves when the time is over; `None` before the first file.
    patience: Option<LocalBoxFuture<'static, ()>>,
    is_late: bool,
    current: Option<Current>,
    /// Whether the result is to contain the file whose bytes come.
    is_inline: bool,
    stored: BTreeSet<u32>,
    /// The indexes below this number may be in the bucket.
    begun: u32,
}

/// A file on its way into the bucket.
struct Current {
    index: u32,
    bytes: mpsc::Sender<Vec<u8>>,
    done: oneshot::Receiver<Result<(), PortError>>,
}

impl ArtifactWriter {
    pub fn new(draft: &RunDraft, ports: WatchPorts) -> Self {
        let RunDraft { id, created_at, base_url, .. } = draft;
        Self {
            id: *id,
            created_at: *created_at,
            base_url: base_url.clone(),
            ports,
            patience: None,
            is_late: false,
            current: None,
            is_inline: false,
            stored: BTreeSet::new(),
            begun: 0,
        }
    }

    /// Whether the result is to contain the file whose bytes come.
    pub const fn is_inline(&self) -> bool {
        self.is_inline
    }

    /// A file begins. The one before is complete.
    pub async fn begin(&mut self, index: u32, file: Artifact, is_inline: bool) {
        self.end_current().await;
        self.is_inline = is_inline;
        let Artifact { name, size, mime_type, sha256: Some(sha256), .. } = file else { return };
        let is_expected = (index as usize) < MAX_ARTIFACTS && size <= MAX_ARTIFACT_BYTES;
        if self.is_late || !is_expected || self.base_url.is_none() {
            return;
        }
        self.patience.get_or_insert_with(|| self.ports.clock.sleep(STORE_MS));
        self.begun = self.begun.max(index + 1);
        let about = StoredFile { name: last_part(&name).to_owned(), size, mime_type, sha256 };
        let (bytes, coming) = mpsc::channel(1);
        let (sender, done) = oneshot::channel();
        let (store, id) = (Rc::clone(&self.ports.artifacts), self.id);
        self.ports.background.spawn(Box::pin(async move {
            let stored = store.put(id, index, about, coming.map(Ok).boxed_local()).await;
            // Nobody waits any more for a file that takes too long.
            let _ = sender.send(stored);
        }));
        self.current = Some(Current { index, bytes, done });
    }

    /// Bytes of the file that has begun. The bucket holds the stream up while it takes them, until the time is over.
    pub async fn add(&mut self, bytes: Vec<u8>) {
        let (Some(current), Some(patience)) = (&mut self.current, &mut self.patience) else { return };
        match select(pin!(current.bytes.send(bytes)), patience).await {
            Either::Left((Ok(()), _)) => {}
            // The bucket has failed.
            Either::Left((Err(_), _)) => self.end_current().await,
            Either::Right(_) => {
                self.is_late = true;
                self.end_current().await;
            }
        }
    }

    /// Puts the links into the result, when the last file is complete. Returns how many files the bucket may have.
    pub async fn finish(mut self, details: &mut RunDetails) -> u32 {
        self.end_current().await;
        for (index, file) in (0..).zip(details.artifacts.iter_mut().flatten()) {
            match &self.base_url {
                Some(base_url) if self.stored.contains(&index) => {
                    let run = (self.id, self.created_at);
                    file.url = Some(link(&self.ports.secret, base_url, run, index, &file.name));
                }
                _ if file.sha256.is_some() => file.error = Some(ArtifactError::NotStored),
                _ => {}
            }
        }
        self.begun
    }

    /// Waits until the bucket has the file whose bytes have all come.
    async fn end_current(&mut self) {
        let (Some(Current { index, bytes, done }), Some(patience)) = (self.current.take(), &mut self.patience) else {
            return;
        };
        // The end of the bytes.
        drop(bytes);
        let late = || Err(PortError("It takes too long.".to_owned()));
        let stored = match self.is_late {
            true => late(),
            false => match select(done, patience).await {
                Either::Left((stored, _)) => stored.unwrap_or_else(|_| Err(PortError("It was dropped.".to_owned()))),
                Either::Right(_) => {
                    self.is_late = true;
                    late()
                }
            },
        };
        match stored {
            Ok(()) => drop(self.stored.insert(index)),
            Err(error) => {
                let message = "A file that a run hands back could not be stored.";
                let line = json!({ "message": message, "run.id": self.id, "file.index": index, "error": error.0 });
                self.ports.log.write(Level::Error, line);
            }
        }
    }
}
