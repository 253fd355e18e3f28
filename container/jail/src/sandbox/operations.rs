//! Operations on the files of a sandbox, done by a process that is its user. Links lead where they lead programs, which is
//! never out of the sandbox.

use super::connect::connect;
use super::entry::{Bytes, Done, Refused, delete, described, entry, located, names, open};
use super::list::List;
use super::listening::listening;
use super::parts::Part;
use super::search::{Query, Search};
use super::upload::Upload;
use crate::launch::Content;
use crate::terminal::{self, Size, Terminal};
use docle_tree::patch::Step;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::unistd::getuid;
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Directories inside each other that are copied.
const MAX_DEPTH: usize = 200;

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
    Search {
        path: Bytes,
        query: Query,
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
    /// Begins to change the files that differ between two trees. The archive of what is written follows.
    Patch {
        steps: Vec<Step>,
    },
    /// The content is complete.
    Finish,
    /// Asks whether a TCP socket listens on a port, whatever its address.
    Listening {
        port: u16,
    },
    /// Begins a connection to what listens on a port; the socket comes with the answer.
    Connect {
        port: u16,
        by_ipv6: bool,
    },
    /// Makes a terminal; both of its ends come with the answer, that of who sits at it first.
    OpenTerminal {
        size: Size,
    },
}

type Result = io::Result<(Done, Vec<OwnedFd>)>;

/// Does one thing. What writes in pieces is an [`Upload`].
pub fn perform(operation: Operation) -> Result {
    let done = match operation {
        Operation::Stat { path } => entry(&located(&path)?)?,
        Operation::List { path, recursive, include_hidden, limit } => {
            List::new(recursive, include_hidden, limit as usize).of(&located(&path)?)?
        }
        Operation::Search { path, query } => Search::of(&query, &located(&path)?)?,
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
            return Ok((Done::Entry(described(&path, &file.metadata()?, None)), vec![file.into()]));
        }
        Operation::Write { path, content } => {
            let mut upload = Upload::begin(&path)?;
            upload.write(&content.0)?;
            upload.finish()?
        }
        Operation::Listening { port } => Done::Listening(listening(port)?),
        Operation::Connect { port, by_ipv6 } => return Ok((Done::Connecting, vec![connect(port, by_ipv6)?])),
        Operation::OpenTerminal { size } => {
            // By the user, whom it belongs to from its beginning.
            let Terminal { outer, inner } = terminal::open(size, getuid().as_raw())?;
            return Ok((Done::Terminal, vec![outer, inner]));
        }
        Operation::Begin { .. } | Operation::More { .. } | Operation::Patch { .. } | Operation::Finish => {
            return Err(io::ErrorKind::InvalidInput.into());
        }
    };
    Ok((done, Vec::new()))
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
    let copy = Part::toward(Path::new("/"), to.parent().ok_or(Errno::EISDIR)?)?;
    copy_tree(from, &copy.0, 0, None)?;
    rename(&copy.0, &to, overwrite)?;
    entry(&to)
}

/// Copies a file, a link, a pipe or a directory with all that it has. Sockets are left out, and so is `copy`, the directory that
/// is made: within itself it would have no end.
fn copy_tree(from: &Path, to: &Path, depth: usize, copy: Option<(u64, u64)>) -> io::Result<()> {
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
        if copy == Some((found.dev(), found.ino())) {
            return Ok(());
        }
        fs::create_dir(to)?;
        let made = fs::symlink_metadata(to)?;
        let copy = copy.or(Some((made.dev(), made.ino())));
        for name in names(from)? {
            copy_tree(&from.join(&name), &to.join(&name), depth + 1, copy)?;
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
