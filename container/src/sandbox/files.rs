//! Work on the files of a sandbox, done by workers inside it.

use super::living::Sandbox;
use super::worker::Worker;
use crate::jail::launch::Content as Bytes;
use crate::jail::sandbox::entry::{Done, Entry, Kind, Match, Place, Refused};
use crate::jail::sandbox::operations::Operation;
use crate::jail::sandbox::patch::CHANGED;
use crate::jail::sandbox::search::Query;
use crate::jail::sandbox::{Job, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use docle_protocol::sandbox::{
    FileEntry, FileError, FileErrorCode, FileKind, FileMatch, FileRequest, FileResponse, MatchPlace,
};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::PoisonError;

/// Workers that wait for the next operation.
const IDLE: usize = 2;
/// Bytes of a file that are written in one go.
pub const PIECE: usize = 256 << 10;
/// Bytes of a path in a message.
const SHOWN: usize = 200;

/// Paths that have bytes which no text has.
#[derive(Debug, Default)]
pub struct Paths {
    /// In the place of `path` or `from`.
    pub first: Option<Vec<u8>>,
    /// In the place of `to`.
    pub second: Option<Vec<u8>>,
}

/// Why an operation on files failed.
#[derive(Debug)]
pub enum FileFailure {
    /// For the caller.
    File(FileError),
    /// The worker or the sandbox failed.
    Broken(io::Error),
    /// The caller broke its body off.
    Body,
}

impl From<io::Error> for FileFailure {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// A file that a worker has opened.
#[derive(Debug)]
pub struct Content {
    pub file: File,
    pub entry: FileEntry,
}

impl Sandbox {
    /// Has a worker started.
    pub async fn start_worker(&self, job: Job) -> io::Result<Worker> {
        let (worker, theirs) = Worker::new()?;
        self.ask(Request::Work(job), &[&theirs]).await?;
        Ok(worker)
    }

    /// A worker that nobody uses, or a new one.
    async fn worker(&self) -> io::Result<Worker> {
        let idle = self.workers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(worker) => Ok(worker),
            None => self.start_worker(Job::Operate).await,
        }
    }

    fn keep(&self, worker: Worker) {
        let mut idle = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE && !self.end.is_cancelled() {
            idle.push(worker);
        }
    }

    /// Does one operation. An idle worker may have been ended by a program of its user; then a new one does it.
    pub(super) async fn operate(
        &self,
        operation: &Operation,
        path: &[u8],
    ) -> Result<(Done, Vec<OwnedFd>), FileFailure> {
        let mut worker = self.worker().await?;
        let sent = worker.send(operation).await;
        let answer = match sent {
            Ok(()) => worker.receive().await,
            Err(error) => Err(error),
        };
        let (result, file): (Result<Done, Refused>, _) = match answer {
            Ok(answer) => answer,
            Err(error) if is_gone(&error) && !self.end.is_cancelled() && is_repeatable(operation) => {
                worker = self.start_worker(Job::Operate).await?;
                worker.send(operation).await?;
                worker.receive().await?
            }
            Err(error) => return Err(error.into()),
        };
        self.keep(worker);
        match result {
            Ok(done) => Ok((done, file)),
            Err(refused) => Err(FileFailure::File(file_error(refused.errno, path))),
        }
    }

    /// Carries out one request about files. `paths` stand in the place of those of the request, which cannot have every byte.
    pub async fn file(&self, request: FileRequest, paths: Paths) -> Result<FileResponse, FileFailure> {
        let changes =
            !matches!(request, FileRequest::Stat { .. } | FileRequest::List { .. } | FileRequest::Search { .. });
        let (operation, path) = operation(request, paths);
        if let Operation::Search { query, .. } = &operation
            && let Err(error) = query.compile()
        {
            let message = error.to_string();
            return Err(FileFailure::File(FileError { code: FileErrorCode::BadSearch, message }));
        }
        let _changes = if changes { Some(self.archive.read().await) } else { None };
        let done = self.operate(&operation, &path).await;
        if changes {
            self.changed();
        }
        Ok(response(done?.0))
    }

    /// Whether a TCP socket listens on a port in the sandbox.
    pub async fn listens(&self, port: u16) -> Result<bool, FileFailure> {
        Ok(self.operate(&Operation::Listening { port }, b"").await?.0 == Done::Listening(true))
    }

    /// Opens a file for reading.
    pub async fn open(&self, path: Vec<u8>) -> Result<Content, FileFailure> {
        let operation = Operation::Open { path: path.clone() };
        let (done, descriptors) = self.operate(&operation, &path).await?;
        let file =
            File::from(descriptors.into_iter().next().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?);
        // Of a worker's word nothing is believed that could make this process wait.
        let (Done::Entry(entry), true) = (done, file.metadata()?.is_file()) else {
            return Err(io::Error::from(io::ErrorKind::InvalidData).into());
        };
        Ok(Content { file, entry: described(entry) })
    }

    /// Writes a whole file, whose content is at hand.
    pub async fn write(&self, path: Vec<u8>, content: Vec<u8>) -> Result<FileResponse, FileFailure> {
        let operation = Operation::Write { path: path.clone(), content: Bytes(content) };
        let _changes = self.archive.read().await;
        let done = self.operate(&operation, &path).await;
        self.changed();
        Ok(response(done?.0))
    }

    /// Writes a whole file as its content comes, by a worker of its own. Nothing is changed unless all of it has come.
    pub async fn write_stream<E>(
        &self,
        path: Vec<u8>,
        mut content: impl futures_util::Stream<Item = Result<axum::body::Bytes, E>> + Unpin,
    ) -> Result<FileResponse, FileFailure> {
        use futures_util::StreamExt;
        let mut worker = self.start_worker(Job::Operate).await?;
        let mut sent = worker.send(&Operation::Begin { path: path.clone() }).await;
        while let (Ok(()), Some(bytes)) = (&sent, content.next().await) {
            let bytes = bytes.map_err(|_| FileFailure::Body)?;
            for piece in bytes.chunks(PIECE) {
                sent = worker.send(&Operation::More { content: Bytes(piece.to_vec()) }).await;
                if sent.is_err() {
                    break;
                }
            }
        }
        let _changes = self.archive.read().await;
        if sent.is_ok() {
            // Where this fails, the worker has answered already and read no further.
            let _ = worker.send(&Operation::Finish).await;
        }
        let (result, _): (Result<Done, Refused>, _) = worker.receive().await?;
        self.changed();
        match result {
            Ok(done) => Ok(response(done)),
            Err(refused) => Err(FileFailure::File(file_error(refused.errno, &path))),
        }
    }
}

/// Whether a worker ended without an answer.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof)
}

/// Whether doing it twice is the same as doing it once.
fn is_repeatable(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::Stat { .. }
            | Operation::List { .. }
            | Operation::Search { .. }
            | Operation::Open { .. }
            | Operation::Chmod { .. }
            | Operation::Write { .. }
            | Operation::Listening { .. }
            | Operation::Connect { .. }
            | Operation::OpenTerminal { .. }
    )
}

/// What a worker is to do, and the path that an error is about.
fn operation(request: FileRequest, paths: Paths) -> (Operation, Vec<u8>) {
    let first = |path: String| paths.first.clone().unwrap_or(path.into_bytes());
    let second = |path: String| paths.second.clone().unwrap_or(path.into_bytes());
    let path = match &request {
        FileRequest::Stat { path }
        | FileRequest::List { path, .. }
        | FileRequest::Search { path, .. }
        | FileRequest::Mkdir { path, .. }
        | FileRequest::Delete { path, .. }
        | FileRequest::Chmod { path, .. } => first(path.clone()),
        FileRequest::Move { from, .. } | FileRequest::Copy { from, .. } => first(from.clone()),
    };
    let about = path.clone();
    let operation = match request {
        FileRequest::Stat { .. } => Operation::Stat { path },
        FileRequest::List { recursive, include_hidden, limit, .. } => {
            Operation::List { path, recursive, include_hidden, limit }
        }
        FileRequest::Search { text, is_regex, include_hidden, limit, .. } => {
            Operation::Search { path, query: Query { text, is_regex, include_hidden, limit } }
        }
        FileRequest::Mkdir { recursive, .. } => Operation::Mkdir { path, recursive },
        FileRequest::Move { to, overwrite, .. } => Operation::Move { from: path, to: second(to), overwrite },
        FileRequest::Copy { to, overwrite, .. } => Operation::Copy { from: path, to: second(to), overwrite },
        FileRequest::Delete { recursive, .. } => Operation::Delete { path, recursive },
        FileRequest::Chmod { mode, .. } => Operation::Chmod { path, mode },
    };
    (operation, about)
}

pub(super) fn response(done: Done) -> FileResponse {
    match done {
        Done::Entry(entry) => FileResponse::Entry { entry: described(entry) },
        Done::Entries { entries, more } => {
            FileResponse::Entries { entries: entries.into_iter().map(described).collect(), more }
        }
        Done::Matches { matches, more } => {
            FileResponse::Matches { matches: matches.into_iter().map(shown_match).collect(), more }
        }
        // No request about files is answered by the others.
        Done::Deleted | Done::Listening(_) | Done::Connecting | Done::Terminal => FileResponse::Deleted,
    }
}

fn shown_match(Match { path, at }: Match) -> FileMatch {
    let (path, path64) = shown_path(path);
    let place = at.map(|Place { line, column, excerpt }| MatchPlace {
        line,
        column,
        excerpt: String::from_utf8_lossy(&excerpt).into_owned(),
    });
    FileMatch { path, path64, place }
}

/// A path as text, and its bytes in base64 if it is none.
fn shown_path(path: Vec<u8>) -> (String, Option<String>) {
    match String::from_utf8(path) {
        Ok(path) => (path, None),
        Err(error) => {
            let bytes = error.into_bytes();
            (String::from_utf8_lossy(&bytes).into_owned(), Some(STANDARD.encode(&bytes)))
        }
    }
}

fn described(entry: Entry) -> FileEntry {
    let (path, path64) = shown_path(entry.path);
    FileEntry {
        path,
        path64,
        kind: match entry.kind {
            Kind::File => FileKind::File,
            Kind::Directory => FileKind::Directory,
            Kind::Symlink => FileKind::Symlink,
            Kind::Other => FileKind::Other,
        },
        size: entry.size,
        mode: entry.mode,
        modified_ms: entry.modified_ms,
        target: entry.target.map(|target| String::from_utf8_lossy(&target).into_owned()),
    }
}

/// What an error number of the kernel means for a path.
pub fn file_error(errno: i32, path: &[u8]) -> FileError {
    use FileErrorCode as Code;
    let (code, says) = match errno {
        libc::ENOENT => (Code::NotFound, "does not exist"),
        libc::EEXIST => (Code::AlreadyExists, "exists already"),
        libc::EISDIR => (Code::IsDirectory, "is a directory"),
        libc::ENOTDIR => (Code::NotADirectory, "is not a directory, or lies below a file"),
        libc::ENOTEMPTY => (Code::NotEmpty, "is a directory that is not empty"),
        Refused::NOT_A_FILE => (Code::NotAFile, "is neither a file nor a directory, so it has no content"),
        libc::EACCES | libc::EPERM | libc::EROFS => (Code::PermissionDenied, "may not be used that way by the user"),
        libc::ENOSPC | libc::EDQUOT | libc::EFBIG => (Code::NoSpace, "does not fit on the disk of the sandbox"),
        libc::EINVAL | libc::ENAMETOOLONG | libc::EILSEQ => {
            (Code::InvalidPath, "is empty, too long, or not possible here")
        }
        libc::ELOOP => (Code::TooManyLinks, "is a loop of symbolic links"),
        libc::EBADMSG => (Code::Failed, "is not an archive of this kind, or not whole"),
        libc::E2BIG => (Code::Failed, "would get more than 100,000 entries of one archive"),
        libc::EOVERFLOW => {
            (Code::Failed, "would be an archive of more than 4 GiB, for which files with holes count whole")
        }
        CHANGED => (Code::Changed, "is not as it was when the new files were computed"),
        libc::EBUSY => (Code::Failed, "is in use by the sandbox itself"),
        _ => (Code::Failed, "could not be worked on"),
    };
    let shown: String = String::from_utf8_lossy(&path[..path.len().min(SHOWN)]).into_owned();
    FileError { code, message: format!("{shown:?} {says}.") }
}
