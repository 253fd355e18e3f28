//! A directory of a sandbox as an archive, and an archive into a directory.
//!
//! What comes in is made elsewhere first, so that an archive that breaks off, or does not fit to what is there, changes
//! nothing. No entry leads through a link or out of the directory.

use super::changes::Changes;
use super::entry::{Done, entry, located, names};
use super::pack::{MAX_EXPORT_BYTES, pack, pack_directory};
use super::parts::Part;
use super::saved::{FIXED, is_saved};
use super::unpack::{Rules, fill, finish};
use nix::errno::Errno;
use std::collections::HashSet;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Entries of an archive that comes in: more than a sandbox of 512 MiB may have files.
const MAX_ENTRIES: usize = 100_000;

/// The directory at a path, links followed, and what is known of it.
pub fn find(path: &[u8]) -> io::Result<(PathBuf, Done)> {
    let top = fs::canonicalize(located(path)?)?;
    if !fs::metadata(&top)?.is_dir() {
        return Err(Errno::ENOTDIR.into());
    }
    let done = entry(&top)?;
    Ok((top, done))
}

/// Looks whether the archive of a directory has a size that anybody could want. A few bytes may be a file of 2 GiB.
pub fn check_size(top: &Path) -> io::Result<()> {
    let device = fs::metadata(top)?.dev();
    let (mut left, mut names_seen, mut bytes) = (vec![top.to_owned()], HashSet::new(), 0_u64);
    while let Some(path) = left.pop() {
        // What goes while this looks is not in the archive either.
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        let is_sent = top != Path::new("/") || path == top || path.strip_prefix(top).is_ok_and(holds_saved);
        if found.dev() != device || !is_sent {
            continue;
        }
        if found.is_dir() {
            left.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        } else if found.is_file() && (found.nlink() == 1 || names_seen.insert(found.ino())) {
            bytes += found.size();
        }
        if bytes > MAX_EXPORT_BYTES {
            return Err(Errno::EOVERFLOW.into());
        }
    }
    Ok(())
}

/// Writes an archive of a directory; of the root everything that is saved.
pub fn export(top: &Path, to: impl Write) -> io::Result<()> {
    if top == Path::new("/") { pack(to) } else { pack_directory(top, MAX_EXPORT_BYTES, to) }
}

/// Unpacks an archive into a directory below a root, which is made if it is not there. Files take the place of files of their name, and everything
/// else stays.
pub fn import(root: &Path, path: &[u8], from: &mut impl Read) -> io::Result<Done> {
    fs::create_dir_all(located(path)?)?;
    let (top, _) = find(path)?;
    let staged = Part::toward(root, &top)?;
    fs::create_dir(&staged.0)?;
    let rules = Rules { keeps: |path| path.file_name().is_some(), most_entries: MAX_ENTRIES, mode: 0o755 };
    let directories = fill(&staged.0, from, &rules)?;
    let mut kept = HashSet::new();
    check(&staged.0, &top, Path::new(""), &mut kept)?;
    let mut changes = Changes::default();
    arrange(&staged.0, &top, Path::new(""), &kept, &mut changes)?;
    let new = directories.into_iter().filter(|directory| !kept.contains(&directory.path)).collect();
    finish(new, &top, &mut changes)?;
    changes.keep();
    entry(&top)
}

/// Looks whether everything that was staged has a place, and notes the directories that are there already.
fn check(staged: &Path, top: &Path, below: &Path, kept: &mut HashSet<PathBuf>) -> io::Result<()> {
    for name in names(&staged.join(below))? {
        let path = below.join(&name);
        let Ok(there) = fs::symlink_metadata(top.join(&path)) else { continue };
        let new = fs::symlink_metadata(staged.join(&path))?;
        match (new.is_dir(), there.is_dir()) {
            (true, true) => {
                check(staged, top, &path, kept)?;
                kept.insert(path);
            }
            (true, false) => return Err(Errno::ENOTDIR.into()),
            (false, true) => return Err(Errno::EISDIR.into()),
            (false, false) => {}
        }
    }
    Ok(())
}

/// Puts everything in its place. Programs go on meanwhile, so what is there may be something else than it was.
fn arrange(staged: &Path, top: &Path, below: &Path, kept: &HashSet<PathBuf>, changes: &mut Changes) -> io::Result<()> {
    for name in names(&staged.join(below))? {
        let path = below.join(&name);
        if kept.contains(&path) {
            arrange(staged, top, &path, kept, changes)?;
            continue;
        }
        let (new, place) = (staged.join(&path), top.join(&path));
        let is_directory = fs::symlink_metadata(&new)?.is_dir();
        match changes.add(&new, &place) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && !is_directory => {
                changes.exchange(&new, &place)?;
                if fs::symlink_metadata(&new)?.is_dir() {
                    return Err(Errno::EISDIR.into());
                }
            }
            result => result?,
        }
    }
    Ok(())
}

/// Whether a path below the root is saved, or something below it is.
fn holds_saved(path: &Path) -> bool {
    is_saved(path) || FIXED.iter().any(|fixed| Path::new(fixed).starts_with(path))
}

#[cfg(test)]
mod tests;
