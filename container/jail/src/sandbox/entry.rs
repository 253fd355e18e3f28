//! Files, directories and links of a sandbox as they are, and why something cannot be done with them.

use super::root::absolute;
use crate::remove::remove_content;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

/// Bytes of a path.
pub const MAX_PATH: usize = 4_096;

/// A path as bytes: absolute, or relative to `/workspace`.
pub type Bytes = Vec<u8>;

/// What was done.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Done {
    Entry(Entry),
    Entries {
        entries: Vec<Entry>,
        more: bool,
    },
    Deleted,
    Matches {
        matches: Vec<Match>,
        more: bool,
    },
    /// Whether a socket listens.
    Listening(bool),
    /// A connection was begun.
    Connecting,
    /// A terminal was made.
    Terminal,
}

/// One file, directory or link, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub path: Bytes,
    pub kind: Kind,
    pub size: u64,
    pub mode: u32,
    pub modified_ms: u64,
    pub target: Option<Bytes>,
}

/// The kind of an [`Entry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    File,
    Directory,
    Symlink,
    Other,
}

/// A name or a line that a search has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    pub path: Bytes,
    /// `None` for a name.
    pub at: Option<Place>,
}

/// Where in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Counted from 1.
    pub line: u32,
    /// Characters before the match, and 1.
    pub column: u32,
    /// The line, or what of it is around the match.
    pub excerpt: Bytes,
}

/// Why nothing was done: an error number of the kernel, 0 for an error of ours. [`Self::NOT_A_FILE`] stands for what has
/// no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub errno: i32,
}

impl Refused {
    pub const NOT_A_FILE: i32 = libc::ENODEV;
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        let known = match error.kind() {
            io::ErrorKind::InvalidInput => libc::EINVAL,
            io::ErrorKind::InvalidData => libc::EBADMSG,
            _ => 0,
        };
        Self { errno: error.raw_os_error().unwrap_or(known) }
    }
}

/// Reads a path: absolute, with single separators, and with `..` where it is, because links may come before it.
pub fn located(path: &[u8]) -> io::Result<PathBuf> {
    if path.is_empty() || path.contains(&0) {
        return Err(Errno::EINVAL.into());
    }
    if path.len() >= MAX_PATH {
        return Err(Errno::ENAMETOOLONG.into());
    }
    Ok(absolute(Path::new(OsStr::from_bytes(path))).components().collect())
}

/// What is at a path, without following a link.
pub fn entry(path: &Path) -> io::Result<Done> {
    let found = fs::symlink_metadata(path)?;
    let target = found.is_symlink().then(|| fs::read_link(path)).transpose()?;
    Ok(Done::Entry(described(path, &found, target)))
}

/// What is known of it, with the target of a link.
pub fn described(path: &Path, found: &Metadata, target: Option<PathBuf>) -> Entry {
    let kind = found.file_type();
    let kind = match () {
        () if kind.is_file() => Kind::File,
        () if kind.is_dir() => Kind::Directory,
        () if kind.is_symlink() => Kind::Symlink,
        () => Kind::Other,
    };
    Entry {
        path: path.as_os_str().as_bytes().to_vec(),
        kind,
        size: found.size(),
        mode: found.mode() & 0o7777,
        modified_ms: (found.mtime().max(0) * 1_000 + found.mtime_nsec() / 1_000_000) as u64,
        target: target.map(|target| target.into_os_string().into_vec()),
    }
}

/// The names in a directory, sorted by their bytes.
pub fn names(directory: &Path) -> io::Result<Vec<OsString>> {
    let mut names = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

/// Opens a file that has content for reading. Neither a pipe nor a device makes this wait.
pub fn open(path: &Path) -> io::Result<File> {
    check_is_file(&fs::metadata(path)?)?;
    let flags = (OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    check_is_file(&file.metadata()?)?;
    // What the kernel makes up has no size, and says other things to another reader.
    if fstatfs(&file)?.filesystem_type() == PROC_SUPER_MAGIC {
        return Err(Errno::from_raw(Refused::NOT_A_FILE).into());
    }
    Ok(file)
}

/// Whether there is content, or why not.
pub fn check_is_file(found: &Metadata) -> io::Result<()> {
    match () {
        () if found.is_dir() => Err(Errno::EISDIR.into()),
        () if !found.is_file() => Err(Errno::from_raw(Refused::NOT_A_FILE).into()),
        () => Ok(()),
    }
}

/// Deletes a file, a link or a directory; one that is not empty only with all that it has.
pub fn delete(path: &Path, recursive: bool) -> io::Result<Done> {
    if path.components().all(|component| component == Component::RootDir) {
        return Err(Errno::EBUSY.into());
    }
    if !fs::symlink_metadata(path)?.is_dir() {
        fs::remove_file(path)?;
        return Ok(Done::Deleted);
    }
    if recursive {
        remove_content(path, None)?;
    }
    fs::remove_dir(path)?;
    Ok(Done::Deleted)
}
