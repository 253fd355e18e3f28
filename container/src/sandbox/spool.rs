//! Packs that have come and wait for the others: a file that has no name.

use super::files::FileFailure;
use super::files::file_error;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file that is gone when this is dropped, or the runner ends.
pub struct Spool {
    file: File,
    /// Where each pack begins.
    begins: Vec<u64>,
    length: u64,
    most: u64,
}

impl Spool {
    /// An empty one for at most `most` bytes.
    pub fn new(directory: &Path, most: u64) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("spool-{}-{number}", std::process::id()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        fs::remove_file(&path)?;
        Ok(Self { file, begins: Vec::new(), length: 0, most })
    }

    /// Adds a pack.
    pub async fn append(mut self, bytes: Vec<u8>) -> Result<Self, FileFailure> {
        let begin = self.length;
        self.length += bytes.len() as u64;
        if self.length > self.most {
            return Err(FileFailure::File(file_error(libc::ENOSPC, b"the tree")));
        }
        self.begins.push(begin);
        let written = tokio::task::spawn_blocking(move || self.file.write_all_at(&bytes, begin).map(|()| self)).await;
        Ok(written.map_err(io::Error::other)??)
    }

    /// Reads from a pack.
    pub fn read(&self, pack: u32, offset: u32, buffer: &mut [u8]) -> io::Result<()> {
        let begin = self.begins.get(pack as usize).ok_or(io::ErrorKind::InvalidData)?;
        self.file.read_exact_at(buffer, begin + u64::from(offset))
    }
}
