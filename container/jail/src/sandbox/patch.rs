//! Changes the files that differ between two trees, and no others.
//!
//! What is new is made elsewhere first, while programs go on. Then they stand still, and every path is compared with what it is expected
//! to be. Only if all of them are that, everything takes its place. If one of them is something else, a program has changed it since, and
//! nothing is changed: [`CHANGED`] says so.

use super::changes::Changes;
use super::entry::names;
use super::parts::Part;
use super::saved::{is_cache, is_saved};
use super::unpack::{Rules, fill, finish};
use docle_tree::chunk::is_same;
use docle_tree::manifest::{Chunk, Content, is_plain};
use docle_tree::patch::{Change, Node, Step};
use nix::errno::Errno;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The error number for a path that is not what it is expected to be.
pub const CHANGED: i32 = libc::ESTALE;
/// Bytes of zeros that are compared in one go.
const BLOCK: usize = 64 << 10;

/// Carries steps out below a root; the archive has what is written. After an error nothing has changed.
pub fn patch(root: &Path, steps: &[Step], archive: &mut impl Read) -> io::Result<()> {
    let (made, old) = (Part::below(root)?, Part::below(root)?);
    for directory in [&made.0, &old.0] {
        fs::create_dir(directory)?;
    }
    let rules = Rules { keeps: is_saved, most_entries: usize::MAX, mode: 0o700 };
    // An archive of nothing is no archive.
    let directories = match steps.iter().any(|step| step.change == Change::Write) {
        true => fill(&made.0, archive, &rules)?,
        false => io::copy(archive, &mut io::sink()).map(|_| Vec::new())?,
    };
    let mut target = Target { root, paths: HashSet::new(), checked: HashSet::new(), changes: Changes::default() };
    target.check(steps)?;
    target.arrange(steps, &made.0, &old.0)?;
    finish(directories, root, &mut target.changes)?;
    for Step { path, change, .. } in steps.iter().rev() {
        if let Change::Mode(mode) = change {
            target.changes.set_mode(&target.at(path), *mode)?;
        }
    }
    target.changes.keep();
    Ok(())
}

fn changed() -> io::Error {
    io::Error::from_raw_os_error(CHANGED)
}

struct Target<'a> {
    root: &'a Path,
    /// Those that are removed or written.
    paths: HashSet<&'a [u8]>,
    /// Directories that are there, and no links.
    checked: HashSet<PathBuf>,
    changes: Changes,
}

impl<'a> Target<'a> {
    fn at(&self, path: &[u8]) -> PathBuf {
        self.root.join(OsStr::from_bytes(path))
    }

    /// Looks whether everything is as it is expected to be.
    fn check(&mut self, steps: &'a [Step]) -> io::Result<()> {
        if let Some(wrong) =
            steps.iter().find(|step| !is_plain(&step.path) || !is_saved(Path::new(OsStr::from_bytes(&step.path))))
        {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{:?} is not saved", wrong.path)));
        }
        let gone = |step: &&Step| matches!(step.change, Change::Remove | Change::Write | Change::Link(_));
        self.paths = steps.iter().filter(gone).map(|step| step.path.as_slice()).collect();
        for step in steps {
            // What lies below something that is new is new, too.
            let is_new = |above: &[u8]| self.paths.contains(above);
            if step.before.is_none() && above(&step.path).any(is_new) {
                continue;
            }
            self.check_above(&step.path)?;
            self.check_one(step)?;
        }
        Ok(())
    }

    /// The directories above a path are directories, in which its owner may work meanwhile.
    fn check_above(&mut self, path: &[u8]) -> io::Result<()> {
        for directory in above(path) {
            let directory = self.at(directory);
            if self.checked.contains(&directory) {
                continue;
            }
            match fs::symlink_metadata(&directory) {
                Ok(found) if found.is_dir() => self.changes.open(&directory)?,
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => return Err(changed()),
            }
            self.checked.insert(directory);
        }
        Ok(())
    }

    fn check_one(&mut self, Step { path, before, change }: &Step) -> io::Result<()> {
        let place = self.at(path);
        let found = match fs::symlink_metadata(&place) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let (Some(Node { mode, content }), Some(found)) = (before, &found) else {
            return if before.is_none() && found.is_none() { Ok(()) } else { Err(changed()) };
        };
        let is_same_mode = found.is_symlink() || self.changes.mode_of(&place)? == *mode;
        if !is_same_mode || !is_kind(found, content) {
            return Err(changed());
        }
        match (content, change) {
            (_, Change::Mode(_)) | (Content::Directory, Change::Stay) => return Ok(()),
            (Content::Directory, _) => {
                // It is moved away as a whole.
                self.changes.open(&place)?;
                return self.check_inside(path, &place);
            }
            _ => {}
        }
        let is_same = match content {
            Content::File { size, chunks } => is_same_file(&place, found, *size, chunks)?,
            Content::Symlink(target) => fs::read_link(&place)?.as_os_str().as_bytes() == target.as_slice(),
            _ => true,
        };
        if is_same { Ok(()) } else { Err(changed()) }
    }

    /// Everything in a directory that goes goes with it. What is never saved is no reason to keep it.
    fn check_inside(&self, path: &[u8], place: &Path) -> io::Result<()> {
        for name in names(place)? {
            let inner = [path, b"/", name.as_bytes()].concat();
            if self.paths.contains(inner.as_slice()) || is_cache(Path::new(OsStr::from_bytes(&inner))) {
                continue;
            }
            let kind = fs::symlink_metadata(place.join(&name))?.file_type();
            if !kind.is_socket() {
                return Err(changed());
            }
        }
        Ok(())
    }

    fn arrange(&mut self, steps: &[Step], made: &Path, old: &Path) -> io::Result<()> {
        let mut whole: HashSet<&[u8]> = HashSet::new();
        for (number, Step { path, before, change }) in steps.iter().enumerate() {
            // It came, or went, with a directory above it. A further name of a file that stays is in no archive.
            let has_come = above(path).any(|above| whole.contains(above));
            if has_come && !matches!(change, Change::Link(_)) {
                continue;
            }
            let (place, new) = (self.at(path), made.join(OsStr::from_bytes(path)));
            match change {
                Change::Stay | Change::Mode(_) => continue,
                Change::Remove => self.changes.add(&place, &old.join(number.to_string()))?,
                Change::Write if before.is_none() => self.changes.add(&new, &place)?,
                Change::Write => self.changes.exchange(&new, &place)?,
                Change::Link(target) => {
                    let link = old.join(format!("{number}-link"));
                    fs::hard_link(self.at(target), &link)?;
                    match before {
                        Some(_) if !has_come => self.changes.exchange(&link, &place)?,
                        _ => self.changes.add(&link, &place)?,
                    }
                }
            }
            whole.insert(path);
        }
        Ok(())
    }
}

/// The paths of the directories above a path, the highest first.
fn above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| &path[..at])
}

fn is_kind(found: &Metadata, content: &Content) -> bool {
    let kind = found.file_type();
    match content {
        Content::File { .. } | Content::HardLink(_) => kind.is_file(),
        Content::Directory => kind.is_dir(),
        Content::Symlink(_) => kind.is_symlink(),
        Content::Fifo => kind.is_fifo(),
    }
}

/// Whether a file has this content.
fn is_same_file(path: &Path, found: &Metadata, size: u64, chunks: &[Chunk]) -> io::Result<bool> {
    if found.size() != size {
        return Ok(false);
    }
    let mut file = open(path, found)?;
    let mut buffer = Vec::new();
    for chunk in chunks {
        match chunk {
            Chunk::Stored(stored) => {
                buffer.resize(stored.length as usize, 0);
                file.read_exact(&mut buffer)?;
                if !is_same(&buffer, stored) {
                    return Ok(false);
                }
            }
            Chunk::Zeros(length) => {
                let mut left = *length;
                while left > 0 {
                    buffer.resize(left.min(BLOCK as u64) as usize, 0);
                    file.read_exact(&mut buffer)?;
                    if buffer.iter().any(|byte| *byte != 0) {
                        return Ok(false);
                    }
                    left -= buffer.len() as u64;
                }
            }
        }
    }
    Ok(true)
}

/// Opens a file for reading, also one that its owner has made unreadable for himself.
pub(super) fn open(path: &Path, found: &Metadata) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags((nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK).bits());
    match options.open(path) {
        Err(error) if error.raw_os_error() == Some(Errno::EACCES as i32) => {
            fs::set_permissions(path, Permissions::from_mode(0o600))?;
            let file = options.open(path);
            fs::set_permissions(path, Permissions::from_mode(found.mode() & 0o7777))?;
            file
        }
        result => result,
    }
}

#[cfg(test)]
mod tests;
