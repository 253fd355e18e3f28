//! All files of a sandbox at once, read and replaced by a worker inside it while its programs are stopped.

use super::files::{FileFailure, PIECE, file_error, response};
use super::living::Sandbox;
use super::worker::Worker;
use crate::jail::launch::Content;
use crate::jail::sandbox::entry::{Done, Refused};
use crate::jail::sandbox::operations::Operation;
use crate::jail::sandbox::{Job, Reply, Request};
use axum::body::Bytes;
use docle_protocol::sandbox::FileResponse;
use docle_tree::patch::Step;
use futures_util::{Stream, StreamExt, stream};
use serde::de::DeserializeOwned;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedRwLockWriteGuard;
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::timeout;

/// A reader that takes nothing for so long has gone, and the programs have waited long enough.
pub const READER_PATIENCE: Duration = Duration::from_secs(60);
/// Replacing deletes and moves everything that a sandbox may have.
const PATIENCE: Duration = Duration::from_secs(120);
/// Pieces that wait for a slow reader.
const PIECES: usize = 8;

/// A sandbox whose programs are stopped. They go on when this is dropped.
struct Stopped {
    sandbox: Arc<Sandbox>,
    _alone: OwnedRwLockWriteGuard<()>,
}

impl Stopped {
    async fn new(sandbox: &Arc<Sandbox>) -> io::Result<Self> {
        let alone = Arc::clone(&sandbox.archive).write_owned().await;
        // From here on they go on however this ends.
        let stopped = Self { sandbox: Arc::clone(sandbox), _alone: alone };
        match &sandbox.programs {
            Some(programs) => programs.freeze().await?,
            None => match sandbox.question(Request::Freeze).await? {
                Reply::Done => {}
                other => return Err(io::Error::other(format!("init has answered {other:?}"))),
            },
        }
        Ok(stopped)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let Some(programs) = &self.sandbox.programs else {
            let sandbox = Arc::clone(&self.sandbox);
            // Without an answer the sandbox has ended.
            tokio::spawn(async move { drop(sandbox.question(Request::Thaw).await) });
            return;
        };
        if let Err(error) = programs.thaw()
            && !self.sandbox.end.is_cancelled()
        {
            eprintln!("sandbox.not_thawed error={:?}", error.to_string());
        }
    }
}

impl Sandbox {
    /// The archive, piece by piece. The stream fails where the archive is not whole.
    pub async fn pack(self: &Arc<Self>) -> io::Result<impl Stream<Item = io::Result<Bytes>> + use<>> {
        let stopped = Stopped::new(self).await?;
        let worker = self.start_worker(Job::Pack).await?;
        let (sender, receiver) = channel(PIECES);
        tokio::spawn(async move {
            let result = pass(worker, &sender).await;
            drop(stopped);
            if let Err(error) = result {
                eprintln!("archive.broken error={:?}", error.to_string());
                let _ = timeout(READER_PATIENCE, sender.send(Err(error))).await;
            }
        });
        Ok(stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) }))
    }

    /// The archive of a directory, piece by piece. Programs go on meanwhile. The stream fails where the archive is not whole.
    pub async fn export(
        self: &Arc<Self>,
        path: Vec<u8>,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + use<>, FileFailure> {
        let mut worker = self.start_worker(Job::Export).await?;
        worker.send(&Operation::Begin { path: path.clone() }).await?;
        let (found, _): (Result<Done, Refused>, _) = worker.receive().await?;
        found.map_err(|refused| FileFailure::File(file_error(refused.errno, &path)))?;
        let (sender, receiver) = channel(PIECES);
        tokio::spawn(async move {
            if let Err(error) = pass(worker, &sender).await {
                let _ = timeout(READER_PATIENCE, sender.send(Err(error))).await;
            }
        });
        Ok(stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) }))
    }

    /// Unpacks an archive into a directory, or changes nothing.
    pub async fn import<E>(
        self: &Arc<Self>,
        path: Vec<u8>,
        mut archive: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<FileResponse, FileFailure> {
        let mut worker = self.start_worker(Job::Import).await?;
        worker.send(&Operation::Begin { path: path.clone() }).await?;
        send_content(&mut worker, &mut archive).await?;
        let sandbox = Arc::clone(self);
        let result = to_the_end(archive, async move {
            // While all files are read or replaced, none comes to its place.
            let _changes = sandbox.archive.read().await;
            sandbox.replace::<Done>(worker).await
        });
        result.await?.map(response).map_err(|refused| FileFailure::File(file_error(refused.errno, &path)))
    }

    /// Changes the files that steps name, with an archive of what is written, or changes nothing. Programs go on while the archive
    /// comes.
    pub async fn patch<E>(
        self: &Arc<Self>,
        steps: Vec<Step>,
        mut archive: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<(), FileFailure> {
        let mut worker = self.start_worker(Job::Patch).await?;
        worker.send(&Operation::Patch { steps }).await?;
        send_content(&mut worker, &mut archive).await?;
        let sandbox = Arc::clone(self);
        let result = to_the_end(archive, async move {
            let _stopped = Stopped::new(&sandbox).await?;
            sandbox.replace(worker).await
        });
        result.await?.map_err(|refused| FileFailure::File(file_error(refused.errno, b"a file of the tree")))
    }

    /// Replaces the files by those of an archive, or changes nothing.
    pub async fn unpack<E>(
        self: &Arc<Self>,
        mut archive: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<(), FileFailure> {
        let stopped = Stopped::new(self).await?;
        let mut worker = self.start_worker(Job::Unpack).await?;
        send_content(&mut worker, &mut archive).await?;
        let sandbox = Arc::clone(self);
        let result = to_the_end(archive, async move {
            let _stopped = stopped;
            sandbox.replace(worker).await
        });
        result.await?.map_err(|refused| FileFailure::File(file_error(refused.errno, b"the archive")))
    }

    /// Tells a worker that its archive is whole, and waits until everything has its place.
    async fn replace<T: DeserializeOwned>(&self, mut worker: Worker) -> io::Result<Result<T, Refused>> {
        // Where this fails, the worker has answered already and read no further.
        let _ = worker.send(&Operation::Finish).await;
        let (result, _) = worker.receive_within(PATIENCE).await?;
        self.changed();
        Ok(result)
    }
}

/// Replaces files in a task of its own, so that a caller that leaves does not let programs and saves go on in the middle of it. What is
/// left of the archive is read meanwhile: a sender that is cut off takes the connection for lost, and reads no answer.
async fn to_the_end<T: Send + 'static, E>(
    mut archive: impl Stream<Item = Result<Bytes, E>> + Unpin,
    replaces: impl Future<Output = io::Result<Result<T, Refused>>> + Send + 'static,
) -> io::Result<Result<T, Refused>> {
    let task = tokio::spawn(replaces);
    while let Some(Ok(_)) = archive.next().await {}
    task.await.map_err(io::Error::other)?
}

/// Sends an archive to a worker, until it is whole or the worker reads no further.
async fn send_content<E>(
    worker: &mut Worker,
    archive: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
) -> Result<(), FileFailure> {
    while let Some(bytes) = archive.next().await {
        // Without the last word, the worker keeps what was there.
        let bytes = bytes.map_err(|_| FileFailure::Body)?;
        for piece in bytes.chunks(PIECE) {
            if worker.send(&Operation::More { content: Content(piece.to_vec()) }).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Passes an archive on, until it is whole or nobody wants it any more.
async fn pass(mut worker: Worker, to: &Sender<io::Result<Bytes>>) -> io::Result<()> {
    loop {
        let (operation, _) = worker.receive().await?;
        let content = match operation {
            Operation::More { content } => content.0,
            Operation::Finish => return Ok(()),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        match timeout(READER_PATIENCE, to.send(Ok(content.into()))).await {
            Ok(Ok(())) => {}
            // The caller has gone.
            Ok(Err(_)) => return Ok(()),
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        }
    }
}
