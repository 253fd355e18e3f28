//! A directory of a sandbox as an archive, and an archive into a directory.
//!
//! What comes in is made beside its place first, so that an archive that breaks off, or does not fit to what is there, changes
//! nothing. No entry leads through a link or out of the directory.

use super::entry::{ASIDE, Done, entry, located, names};
use super::pack::{pack, pack_directory};
use super::unpack::{Rules, fill};
use super::upload::Aside;
use nix::errno::Errno;
use std::collections::HashSet;
use std::fs;
use std::io::{self, Read, Write};
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

/// Writes an archive of a directory; of the root everything that is saved.
pub fn export(top: &Path, to: impl Write) -> io::Result<()> {
    if top == Path::new("/") { pack(to) } else { pack_directory(top, to) }
}

/// Unpacks an archive into a directory, which is made if it is not there. Files take the place of files of their name, and everything
/// else stays.
pub fn import(path: &[u8], from: &mut impl Read) -> io::Result<Done> {
    fs::create_dir_all(located(path)?)?;
    let (top, _) = find(path)?;
    let staged = Aside(top.join(format!("{ASIDE}{}-archive", std::process::id())));
    fs::create_dir(&staged.0)?;
    let rules = Rules { keeps: |path| path.file_name().is_some(), most_entries: MAX_ENTRIES, mode: 0o755 };
    let directories = fill(&staged.0, from, &rules)?;
    let mut kept = HashSet::new();
    check(&staged.0, &top, Path::new(""), &mut kept)?;
    arrange(&staged.0, &top, Path::new(""), &kept)?;
    let mut new = directories.into_iter().rev().filter(|directory| !kept.contains(&directory.path));
    new.try_for_each(|directory| directory.finish(&top))?;
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

fn arrange(staged: &Path, top: &Path, below: &Path, kept: &HashSet<PathBuf>) -> io::Result<()> {
    for name in names(&staged.join(below))? {
        let path = below.join(&name);
        match kept.contains(&path) {
            true => arrange(staged, top, &path, kept)?,
            false => fs::rename(staged.join(&path), top.join(&path))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
