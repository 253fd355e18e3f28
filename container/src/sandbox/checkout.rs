//! The files of a repository, which were fetched in a jail of their own, on their way into a sandbox.

use super::archive::READER_PATIENCE;
use super::files::FileFailure;
use super::living::Sandbox;
use super::tree::{PIECE, PIECES, Writer};
use axum::body::Bytes;
use docle_protocol::sandbox::{FileError, FileErrorCode, FileRequest, FileResponse};
use docle_tree::Time;
use docle_tree::archive::{Head, append};
use futures_util::stream;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tar::{Builder, EntryType};
use tokio::runtime::Handle;
use tokio::sync::mpsc::channel;
use tokio::time::timeout;

impl Sandbox {
    /// Whether a directory is empty, or not there.
    pub async fn check_is_free(&self, path: &str) -> Result<(), FileFailure> {
        let request = FileRequest::List { path: path.to_owned(), recursive: false, include_hidden: true, limit: 1 };
        match self.file(request, Default::default()).await {
            Ok(FileResponse::Entries { entries, .. }) if entries.is_empty() => Ok(()),
            Ok(_) => {
                let message = format!("{path:?} is a directory that is not empty.");
                Err(FileFailure::File(FileError { code: FileErrorCode::NotEmpty, message }))
            }
            Err(FileFailure::File(FileError { code: FileErrorCode::NotFound, .. })) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Copies files of the runner into a directory: regular files, directories and links. Nobody else writes them meanwhile.
    pub async fn copy_in(self: &Arc<Self>, path: Vec<u8>, directory: PathBuf) -> Result<FileResponse, FileFailure> {
        let (sender, mut receiver) = channel::<io::Result<Bytes>>(PIECES);
        let writing = tokio::task::spawn_blocking(move || {
            let result = write_archive(&directory, BufWriter::with_capacity(PIECE, Writer(&sender)));
            if let Err(error) = &result {
                // Without it the archive would seem whole.
                let error = io::Error::new(error.kind(), error.to_string());
                let _ = Handle::current().block_on(timeout(READER_PATIENCE, sender.send(Err(error))));
            }
            result
        });
        let archive = stream::poll_fn(|context| receiver.poll_recv(context));
        let copied = self.import(path, archive).await;
        drop(receiver);
        match (copied, writing.await.map_err(io::Error::other)?) {
            (Err(FileFailure::Body), Err(error)) => Err(error.into()),
            (copied, _) => copied,
        }
    }
}

fn write_archive(top: &Path, to: impl Write) -> io::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let time = Time { seconds: now.as_secs() as i64, nanoseconds: now.subsec_nanos() };
    let mut builder = Builder::new(to);
    let mut left = vec![PathBuf::new()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(top.join(&directory))? {
            let entry = entry?;
            let (kind, path) = (entry.file_type()?, directory.join(entry.file_name()));
            let bytes = path.as_os_str().as_bytes();
            let head = |kind, target, mode, size| Head { path: bytes, kind, target, mode, time, size };
            if kind.is_dir() {
                append(&mut builder, &head(EntryType::Directory, None, 0o755, 0), io::empty())?;
                left.push(path);
            } else if kind.is_symlink() {
                let target = fs::read_link(entry.path())?;
                let target = Some(target.as_os_str().as_bytes());
                append(&mut builder, &head(EntryType::Symlink, target, 0o777, 0), io::empty())?;
            } else {
                let file = File::open(entry.path())?;
                let found = file.metadata()?;
                // The copy of the runner is read-only for everybody.
                let mode = if found.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 };
                append(&mut builder, &head(EntryType::Regular, None, mode, found.len()), file)?;
            }
        }
    }
    if fs::read_dir(top)?.next().is_none() {
        // An archive without entries would be none.
        let head = Head { path: b".", kind: EntryType::Directory, target: None, mode: 0o755, time, size: 0 };
        append(&mut builder, &head, io::empty())?;
    }
    builder.into_inner()?.flush()
}
