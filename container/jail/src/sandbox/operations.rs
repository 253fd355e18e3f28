//! Operations on the files of a sandbox, done by a process that is its user. Links lead where they lead programs, which is
//! never out of the sandbox.

use super::root::absolute;
use crate::launch::Content;
use crate::remove::remove_content;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, RenameFlags, renameat2};
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

/// Bytes of a path.
pub const MAX_PATH: usize = 4_096;
/// Entries and bytes of paths in one answer.
const MAX_ENTRIES: usize = 100_000;
const MAX_ANSWER: usize = 16 << 20;
/// Links that are followed one after another, as the kernel does.
const MAX_LINKS: usize = 40;
/// Directories inside each other that are copied.
const MAX_DEPTH: usize = 200;

/// A path as bytes: absolute, or relative to `/workspace`.
pub type Bytes = Vec<u8>;

/// What is to be done.
#[derive(Debug, Serialize, Deserialize)]
pub enum Operation {
    /// A link is not followed.
    Stat {
        path: Bytes,
    },
    List {
        path: Bytes,
        recursive: bool,
        include_hidden: bool,
        limit: u32,
    },
    Mkdir {
        path: Bytes,
        recursive: bool,
    },
    Move {
        from: Bytes,
        to: Bytes,
        overwrite: bool,
    },
    Copy {
        from: Bytes,
        to: Bytes,
        overwrite: bool,
    },
    Delete {
        path: Bytes,
        recursive: bool,
    },
    Chmod {
        path: Bytes,
        mode: u32,
    },
    /// Opens a file for reading; its descriptor comes with the answer.
    Open {
        path: Bytes,
    },
    /// Writes a whole file.
    Write {
        path: Bytes,
        content: Content,
    },
    /// Begins to write a file whose content follows. Nothing is answered but a failure.
    Begin {
        path: Bytes,
    },
    More {
        content: Content,
    },
    /// The content is complete.
    Finish,
}

/// What was done.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Done {
    Entry(Entry),
    Entries { entries: Vec<Entry>, more: bool },
    Deleted,
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

type Result = io::Result<(Done, Option<OwnedFd>)>;

/// Does one thing. What writes in pieces is an [`Upload`].
pub fn perform(operation: Operation) -> Result {
    let done = match operation {
        Operation::Stat { path } => entry(&located(&path)?)?,
        Operation::List { path, recursive, include_hidden, limit } => {
            let limit = (limit as usize).min(MAX_ENTRIES);
            List { recursive, include_hidden, limit, entries: Vec::new(), bytes: 0, more: false }
                .of(&located(&path)?)?
        }
        Operation::Mkdir { path, recursive } => {
            let path = located(&path)?;
            if recursive {
                fs::create_dir_all(&path)?
            } else {
                fs::create_dir(&path)?
            }
            entry(&path)?
        }
        Operation::Move { from, to, overwrite } => moved(&located(&from)?, &located(&to)?, overwrite)?,
        Operation::Copy { from, to, overwrite } => copied(&located(&from)?, &located(&to)?, overwrite)?,
        Operation::Delete { path, recursive } => delete(&located(&path)?, recursive)?,
        Operation::Chmod { path, mode } => {
            if mode > 0o7777 {
                return Err(Errno::EINVAL.into());
            }
            let path = located(&path)?;
            fs::set_permissions(&path, Permissions::from_mode(mode))?;
            entry(&path)?
        }
        Operation::Open { path } => {
            let path = located(&path)?;
            let file = open(&path)?;
            return Ok((Done::Entry(described(&path, &file.metadata()?, None)), Some(file.into())));
        }
        Operation::Write { path, content } => {
            let mut upload = Upload::begin(&path)?;
            upload.write(&content.0)?;
            return upload.finish();
        }
        Operation::Begin { .. } | Operation::More { .. } | Operation::Finish => {
            return Err(io::ErrorKind::InvalidInput.into());
        }
    };
    Ok((done, None))
}

/// Reads a path: absolute, with single separators, and with `..` where it is, because links may come before it.
fn located(path: &[u8]) -> io::Result<PathBuf> {
    if path.is_empty() || path.contains(&0) {
        return Err(Errno::EINVAL.into());
    }
    if path.len() >= MAX_PATH {
        return Err(Errno::ENAMETOOLONG.into());
    }
    Ok(absolute(Path::new(OsStr::from_bytes(path))).components().collect())
}

fn entry(path: &Path) -> io::Result<Done> {
    let found = fs::symlink_metadata(path)?;
    let target = found.is_symlink().then(|| fs::read_link(path)).transpose()?;
    Ok(Done::Entry(described(path, &found, target)))
}

fn described(path: &Path, found: &Metadata, target: Option<PathBuf>) -> Entry {
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

struct List {
    recursive: bool,
    include_hidden: bool,
    limit: usize,
    entries: Vec<Entry>,
    bytes: usize,
    more: bool,
}

impl List {
    fn of(mut self, top: &Path) -> io::Result<Done> {
        let mut left = vec![names(top)?.into_iter()];
        let mut above = vec![top.to_owned()];
        while let (Some(names_left), Some(directory)) = (left.last_mut(), above.last()) {
            let Some(name) = names_left.next() else {
                left.pop();
                above.pop();
                continue;
            };
            if !self.include_hidden && name.as_bytes().starts_with(b".") {
                continue;
            }
            let path = directory.join(&name);
            // It may have gone meanwhile.
            let Ok(found) = fs::symlink_metadata(&path) else { continue };
            self.bytes += path.as_os_str().len() + 64;
            if self.entries.len() >= self.limit || self.bytes > MAX_ANSWER {
                self.more = true;
                break;
            }
            let target = if found.is_symlink() { fs::read_link(&path).ok() } else { None };
            self.entries.push(described(&path, &found, target));
            if self.recursive && found.is_dir() {
                // What may not be read has no entries.
                left.push(names(&path).unwrap_or_default().into_iter());
                above.push(path);
            }
        }
        Ok(Done::Entries { entries: self.entries, more: self.more })
    }
}

/// The names in a directory, sorted by their bytes.
fn names(directory: &Path) -> io::Result<Vec<OsString>> {
    let mut names = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

/// Where something arrives: in `to` if that is a directory, else at `to`.
fn target(from: &Path, to: &Path) -> io::Result<PathBuf> {
    match fs::metadata(to) {
        Ok(found) if found.is_dir() => Ok(to.join(from.file_name().ok_or(Errno::EINVAL)?)),
        _ => Ok(to.to_owned()),
    }
}

fn moved(from: &Path, to: &Path, overwrite: bool) -> io::Result<Done> {
    let to = target(from, to)?;
    match rename(from, &to, overwrite) {
        Err(error) if error.raw_os_error() == Some(libc::EXDEV) => {
            let done = copied(from, &to, overwrite)?;
            delete(from, true)?;
            Ok(done)
        }
        result => result.and_then(|()| entry(&to)),
    }
}

fn rename(from: &Path, to: &Path, overwrite: bool) -> io::Result<()> {
    let flags = if overwrite { RenameFlags::empty() } else { RenameFlags::RENAME_NOREPLACE };
    Ok(renameat2(AT_FDCWD, from, AT_FDCWD, to, flags)?)
}

fn copied(from: &Path, to: &Path, overwrite: bool) -> io::Result<Done> {
    let to = target(from, to)?;
    if !overwrite && fs::symlink_metadata(&to).is_ok() {
        return Err(Errno::EEXIST.into());
    }
    let aside = Aside::beside(&to)?;
    copy_tree(from, &aside.0, 0)?;
    rename(&aside.0, &to, overwrite)?;
    entry(&to)
}

/// Copies a file, a link, a pipe or a directory with all that it has. Sockets are left out.
fn copy_tree(from: &Path, to: &Path, depth: usize) -> io::Result<()> {
    let found = fs::symlink_metadata(from)?;
    let kind = found.file_type();
    if kind.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if kind.is_file() {
        let mut source = open(from)?;
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(to)?;
        io::copy(&mut source, &mut file)?;
    } else if kind.is_dir() {
        if depth == MAX_DEPTH {
            return Err(Errno::ENAMETOOLONG.into());
        }
        fs::create_dir(to)?;
        for name in names(from)? {
            // A directory that is copied into itself would have no end.
            if !name.as_bytes().starts_with(ASIDE.as_bytes()) {
                copy_tree(&from.join(&name), &to.join(&name), depth + 1)?;
            }
        }
    } else if kind.is_fifo() {
        nix::unistd::mkfifo(to, nix::sys::stat::Mode::from_bits_truncate(0o600))?;
    } else if depth == 0 {
        return Err(Errno::from_raw(Refused::NOT_A_FILE).into());
    } else {
        return Ok(());
    }
    fs::set_permissions(to, Permissions::from_mode(found.mode() & 0o7777))
}

fn delete(path: &Path, recursive: bool) -> io::Result<Done> {
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

/// Opens a file that has content for reading. Neither a pipe nor a device makes this wait.
fn open(path: &Path) -> io::Result<File> {
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

fn check_is_file(found: &Metadata) -> io::Result<()> {
    match () {
        () if found.is_dir() => Err(Errno::EISDIR.into()),
        () if !found.is_file() => Err(Errno::from_raw(Refused::NOT_A_FILE).into()),
        () => Ok(()),
    }
}

/// How the names begin that something has until it is complete.
const ASIDE: &str = ".docle-part-";

/// A name beside that of something that is not complete. What still has it when this is dropped is removed.
struct Aside(PathBuf);

impl Aside {
    fn beside(path: &Path) -> io::Result<Self> {
        static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let directory = path.parent().ok_or(Errno::EISDIR)?;
        Ok(Self(directory.join(format!("{ASIDE}{}-{number}", std::process::id()))))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.0).is_ok() {
            let _ = delete(&self.0, true);
        }
    }
}

/// A file that is being written. Nobody sees it before it is complete.
pub struct Upload {
    file: File,
    aside: Aside,
    path: PathBuf,
    mode: u32,
}

impl Upload {
    /// Makes the directories above, and the file beside the one that it is to be.
    pub fn begin(path: &[u8]) -> io::Result<Self> {
        if path.ends_with(b"/") {
            return Err(Errno::EISDIR.into());
        }
        let path = followed(located(path)?)?;
        let mode = match fs::symlink_metadata(&path) {
            Ok(found) => {
                check_is_file(&found)?;
                found.mode() & 0o777
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0o644,
            Err(error) => return Err(error),
        };
        fs::create_dir_all(path.parent().ok_or(Errno::EISDIR)?)?;
        let aside = Aside::beside(&path)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
        // One that an earlier worker of this number has left is nobody's.
        let file = options.open(&aside.0).or_else(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                delete(&aside.0, true)?;
                options.open(&aside.0)
            }
            _ => Err(error),
        })?;
        Ok(Self { file, aside, path, mode })
    }

    pub fn write(&mut self, content: &[u8]) -> io::Result<()> {
        self.file.write_all(content)
    }

    /// Puts the file in its place.
    pub fn finish(self) -> Result {
        self.file.set_permissions(Permissions::from_mode(self.mode))?;
        fs::rename(&self.aside.0, &self.path)?;
        Ok((entry(&self.path)?, None))
    }
}

/// Where a path leads if its last name is a link, or a chain of them, whether or not there is something at the end.
fn followed(mut path: PathBuf) -> io::Result<PathBuf> {
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("/")).join(target),
            // Not a link, or not there.
            Err(_) => return Ok(path),
        }
    }
    Err(Errno::ELOOP.into())
}
