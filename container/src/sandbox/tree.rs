//! Trees of a sandbox: its archive as chunks on the way out, and chunks as an archive on the way in.

use super::archive::READER_PATIENCE;
use super::files::{FileFailure, file_error};
use super::living::Sandbox;
use super::spool::Spool;
use axum::body::Bytes;
use docle_tree::patch::Patch;
use docle_tree::restore::restore;
use docle_tree::save::save;
use docle_tree::{Frame, FrameReader, MAX_PACK_BYTES, Manifest};
use futures_util::{Stream, StreamExt, stream};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Frames that wait for a slow reader, each at most a pack.
const FRAMES: usize = 2;
/// Pieces of an archive that wait.
pub(super) const PIECES: usize = 8;
/// Bytes of a piece.
pub(super) const PIECE: usize = 256 << 10;

impl Sandbox {
    /// The frames of a new tree. The stream fails where the tree is not whole.
    pub async fn save_tree(
        self: &Arc<Self>,
        base: Option<Manifest>,
        number: u64,
    ) -> io::Result<impl Stream<Item = io::Result<Bytes>> + use<>> {
        let archive = self.pack().await?;
        let (sender, receiver) = channel(FRAMES);
        tokio::task::spawn_blocking(move || {
            let result =
                save(Reader::new(archive), base.as_ref(), number, |frame| send(&sender, frame.encode().into()));
            if let Err(error) = result {
                eprintln!("tree.broken error={:?}", error.to_string());
                // The reader may have gone.
                let _ = Handle::current().block_on(timeout(READER_PATIENCE, sender.send(Err(error))));
            }
        });
        Ok(stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) }))
    }

    /// Replaces the files by those of a tree, or changes nothing. Packs wait in `directory` until all have come.
    pub async fn restore_tree<E>(
        self: &Arc<Self>,
        frames: impl Stream<Item = Result<Bytes, E>> + Unpin,
        directory: &Path,
    ) -> Result<(), FileFailure> {
        let most = (u64::from(self.spec.disk_mb) << 22) + (64 << 20);
        let mut incoming = Incoming::new(frames);
        let (manifest, next) = incoming.manifest().await?;
        let manifest = manifest.ok_or_else(damaged)?;
        let spool = incoming.packs(next, &manifest, Spool::new(directory, most)?).await?;
        let (archive, writing) = archive_of(manifest, spool);
        finished(self.unpack(archive).await, writing).await
    }

    /// Changes the files that differ between two trees, or nothing. Packs wait in `directory` until all have come.
    pub async fn patch_tree<E>(
        self: &Arc<Self>,
        frames: impl Stream<Item = Result<Bytes, E>> + Unpin,
        directory: &Path,
    ) -> Result<(), FileFailure> {
        let most = (u64::from(self.spec.disk_mb) << 22) + (64 << 20);
        let mut incoming = Incoming::new(frames);
        let before = incoming.only_manifest().await?.ok_or_else(damaged)?;
        let (after, next) = incoming.manifest().await?;
        let after = after.ok_or_else(damaged)?;
        let patch = tokio::task::spawn_blocking(move || Patch::new(&before, &after)).await.map_err(io::Error::other)?;
        let spool = incoming.packs(next, &patch.written, Spool::new(directory, most)?).await?;
        let Patch { steps, written } = patch;
        if steps.is_empty() {
            return Ok(());
        }
        let (archive, writing) = archive_of(written, spool);
        finished(self.patch(steps, archive).await, writing).await
    }
}

/// The archive of a tree, and the thread that makes it.
fn archive_of(manifest: Manifest, spool: Spool) -> (Archive, JoinHandle<io::Result<()>>) {
    let (sender, mut receiver) = channel::<io::Result<Bytes>>(PIECES);
    let writing = tokio::task::spawn_blocking(move || {
        let to = BufWriter::with_capacity(PIECE, Writer(&sender));
        let result = restore(&manifest, |pack, offset, buffer| spool.read(pack, offset, buffer), to);
        if let Err(error) = &result {
            // Without it the archive would seem whole.
            let _ = Handle::current().block_on(sender.send(Err(io::Error::new(error.kind(), error.to_string()))));
        }
        result
    });
    (Box::pin(stream::poll_fn(move |context| receiver.poll_recv(context))), writing)
}

/// What became of an archive, which the caller has dropped by now.
async fn finished(taken: Result<(), FileFailure>, writing: JoinHandle<io::Result<()>>) -> Result<(), FileFailure> {
    match (taken, writing.await.map_err(io::Error::other)?) {
        (Err(FileFailure::Body), Err(error)) => {
            eprintln!("tree.not_restored error={:?}", error.to_string());
            Err(damaged())
        }
        (taken, _) => taken,
    }
}

/// An archive on its way into a sandbox.
type Archive = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

fn damaged() -> FileFailure {
    FileFailure::File(file_error(libc::EBADMSG, b"the tree"))
}

/// The manifest that a request brings along; `None` if it brings none.
pub async fn receive_base<E>(
    frames: impl Stream<Item = Result<Bytes, E>> + Unpin,
) -> Result<Option<Manifest>, FileFailure> {
    Incoming::new(frames).only_manifest().await
}

/// The frames that a request brings along.
struct Incoming<S> {
    frames: S,
    reader: FrameReader,
}

impl<S: Stream<Item = Result<Bytes, E>> + Unpin, E> Incoming<S> {
    fn new(frames: S) -> Self {
        Self { frames, reader: FrameReader::default() }
    }

    /// A manifest, if there is one, and the end of a tree.
    async fn only_manifest(&mut self) -> Result<Option<Manifest>, FileFailure> {
        match self.manifest().await? {
            (manifest, Frame::End(_)) => Ok(manifest),
            _ => Err(damaged()),
        }
    }

    /// A manifest, if there is one, and the frame after it.
    async fn manifest(&mut self) -> Result<(Option<Manifest>, Frame), FileFailure> {
        let mut encoded = Vec::new();
        loop {
            match self.next().await? {
                Frame::Manifest(part) => encoded.extend(part),
                next if encoded.is_empty() => return Ok((None, next)),
                next => return Ok((Some(decode(encoded).await?), next)),
            }
        }
    }

    /// The packs of a manifest in their order, and the end of a tree. `frame` is the first of these frames.
    async fn packs(&mut self, mut frame: Frame, manifest: &Manifest, mut spool: Spool) -> Result<Spool, FileFailure> {
        for pack in &manifest.packs {
            let Frame::Pack(bytes) = frame else { return Err(damaged()) };
            if bytes.len() != pack.bytes as usize {
                return Err(damaged());
            }
            spool = spool.append(bytes).await?;
            frame = self.next().await?;
        }
        if matches!(frame, Frame::End(_)) { Ok(spool) } else { Err(damaged()) }
    }

    async fn next(&mut self) -> Result<Frame, FileFailure> {
        loop {
            if let Some(frame) = self.reader.next_frame().map_err(|_| damaged())? {
                return Ok(frame);
            }
            match self.frames.next().await {
                Some(Ok(bytes)) => self.reader.push(&bytes),
                Some(Err(_)) => return Err(FileFailure::Body),
                None => return Err(damaged()),
            }
        }
    }
}

async fn decode(encoded: Vec<u8>) -> Result<Manifest, FileFailure> {
    let decoded = tokio::task::spawn_blocking(move || Manifest::decode(&encoded)).await.map_err(io::Error::other)?;
    decoded.map_err(|_| damaged())
}

fn send(sender: &Sender<io::Result<Bytes>>, bytes: Bytes) -> io::Result<()> {
    match Handle::current().block_on(timeout(READER_PATIENCE, sender.send(Ok(bytes)))) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// A stream that a thread reads.
struct Reader<S> {
    stream: Pin<Box<S>>,
    piece: Bytes,
}

impl<S: Stream<Item = io::Result<Bytes>>> Reader<S> {
    fn new(stream: S) -> Self {
        Self { stream: Box::pin(stream), piece: Bytes::new() }
    }
}

impl<S: Stream<Item = io::Result<Bytes>>> Read for Reader<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match Handle::current().block_on(self.stream.next()) {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.piece.len());
        buffer[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}

/// A channel that a thread writes to.
pub(super) struct Writer<'a>(pub &'a Sender<io::Result<Bytes>>);

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(MAX_PACK_BYTES)];
        send(self.0, Bytes::copy_from_slice(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
