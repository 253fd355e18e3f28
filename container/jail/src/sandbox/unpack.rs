//! Replaces all files that are saved by those of an archive.
//!
//! The files are made elsewhere first, so that an archive that breaks off changes nothing. No entry
//! leads through a link: what is in the archive lies where its name says, or the archive is refused.

use super::changes::Changes;
use super::entry::names;
use super::parts::Part;
use super::saved::{FIXED, is_own, is_saved};
use docle_tree::archive::Extensions;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::sys::stat::{FchmodatFlags, Mode, UtimensatFlags, fchmodat, futimens, mkdirat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{UnlinkatFlags, linkat, mkfifo, symlinkat, unlinkat};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use tar::{Archive, Entry, EntryType};

/// Bytes that are written in one go. Those that are all zero are left out, and the file has a hole there.
const BLOCK: usize = 64 << 10;
const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Reads an archive to its end and replaces the files, or changes nothing.
pub fn unpack(from: impl Read) -> io::Result<()> {
    unpack_root(Path::new("/"), from)
}

/// The same below another directory than the root.
fn unpack_root(root: &Path, mut from: impl Read) -> io::Result<()> {
    let staged = Part::below(root)?;
    fs::create_dir(&staged.0)?;
    let directories = fill(&staged.0, &mut from, &Rules { keeps: is_saved, most_entries: usize::MAX, mode: 0o700 })?;
    let (old, mut changes) = (Part::below(root)?, Changes::default());
    fs::create_dir(&old.0)?;
    replace(root, &staged.0, &old.0, &mut changes)?;
    finish(directories, root, &mut changes)?;
    changes.keep();
    Ok(())
}

/// A directory whose mode and time are set when nothing below it changes any more.
pub(super) struct Directory {
    pub path: PathBuf,
    pub mode: u32,
    pub time: TimeSpec,
}

/// Sets the modes and times of directories that are in their place.
pub(super) fn finish(directories: Vec<Directory>, root: &Path, changes: &mut Changes) -> io::Result<()> {
    // From the deepest on: its owner may not be able to enter a directory afterwards.
    for Directory { path, mode, time } in directories.into_iter().rev() {
        let path = root.join(path);
        utimensat(AT_FDCWD, &path, &time, &time, UtimensatFlags::NoFollowSymlink)?;
        changes.set_mode(&path, mode)?;
    }
    Ok(())
}

/// What is taken from an archive.
pub(super) struct Rules {
    pub keeps: fn(&Path) -> bool,
    pub most_entries: usize,
    /// Of a directory that the archive does not list.
    pub mode: u32,
}

/// Makes the files of a whole archive in a directory, and gives the directories in it.
pub(super) fn fill(staged: &Path, from: &mut impl Read, rules: &Rules) -> io::Result<Vec<Directory>> {
    let directories = fill_from(staged, from, rules)?;
    // The sender has said that this was all, or this fails.
    io::copy(from, &mut io::sink())?;
    Ok(directories)
}

fn fill_from(staged: &Path, from: &mut impl Read, rules: &Rules) -> io::Result<Vec<Directory>> {
    let mut archive = Archive::new(from);
    let mode = Mode::from_bits_truncate(rules.mode);
    let mut stage = Stage { top: nix::fcntl::open(staged, DIRECTORY, Mode::empty())?, open: Vec::new(), mode };
    let (mut directories, mut extensions, mut entries) = (Vec::new(), Extensions::default(), 0);
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        entries += 1;
        if entries > rules.most_entries {
            return Err(Errno::E2BIG.into());
        }
        let kind = entry.header().entry_type();
        if let Some(read) = extensions.read(kind, &mut entry) {
            read?;
            continue;
        }
        let Extensions { path, target, time } = std::mem::take(&mut extensions);
        let path = clean(path.unwrap_or_else(|| entry.path_bytes().into_owned()))?;
        if !(rules.keeps)(&path) {
            continue;
        }
        let target = target.or_else(|| entry.link_name_bytes().map(|target| target.into_owned()));
        let (header_time, mode) = (entry.header().mtime()?, entry.header().mode()? & 0o7777);
        let time = time
            .map_or(TimeSpec::new(header_time as i64, 0), |time| TimeSpec::new(time.seconds, time.nanoseconds.into()));
        if kind.is_dir() {
            stage.directory(&path)?;
            directories.push(Directory { path, mode, time });
        } else {
            stage.add(&path, kind, target, mode, time, &mut entry)?;
        }
    }
    // Nothing at all is no archive, and would delete everything.
    if entries == 0 { Err(Errno::EBADMSG.into()) } else { Ok(directories) }
}

/// A path of plain names below the root.
fn clean(path: Vec<u8>) -> io::Result<PathBuf> {
    let path = PathBuf::from(OsString::from_vec(path));
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::RootDir | Component::CurDir => {}
            _ => return Err(Errno::EBADMSG.into()),
        }
    }
    Ok(clean)
}

/// Where the files are made.
struct Stage {
    top: OwnedFd,
    /// The directories from the top down to that of the last entry, by name.
    open: Vec<(OsString, OwnedFd)>,
    /// Of new directories.
    mode: Mode,
}

impl Stage {
    /// Makes a directory and those above it, as far as they are missing.
    fn directory(&mut self, path: &Path) -> io::Result<BorrowedFd<'_>> {
        let names: Vec<&OsStr> = path.iter().collect();
        let common = self.open.iter().zip(&names).take_while(|((known, _), name)| known == *name).count();
        self.open.truncate(common);
        for name in &names[common..] {
            let parent = self.open.last().map_or(self.top.as_fd(), |(_, directory)| directory.as_fd());
            match mkdirat(parent, *name, self.mode) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
            let directory = openat(parent, *name, DIRECTORY, Mode::empty())?;
            self.open.push(((*name).to_owned(), directory));
        }
        Ok(self.open.last().map_or(self.top.as_fd(), |(_, directory)| directory.as_fd()))
    }

    fn add(
        &mut self,
        path: &Path,
        kind: EntryType,
        target: Option<Vec<u8>>,
        mode: u32,
        time: TimeSpec,
        entry: &mut Entry<'_, impl Read>,
    ) -> io::Result<()> {
        let name = path.file_name().ok_or(Errno::EBADMSG)?;
        let above = path.parent().unwrap_or(Path::new(""));
        let target = || target.ok_or_else(|| io::Error::from(Errno::EBADMSG));
        if kind.is_hard_link() {
            let target = clean(target()?)?;
            let first = self.directory(target.parent().unwrap_or(Path::new("")))?.try_clone_to_owned()?;
            let directory = self.directory(above)?;
            replace_name(directory, name)?;
            return Ok(linkat(&first, target.file_name().ok_or(Errno::EBADMSG)?, directory, name, AtFlags::empty())?);
        }
        let directory = self.directory(above)?;
        replace_name(directory, name)?;
        let mode = Mode::from_bits_truncate(mode);
        if kind.is_symlink() {
            symlinkat(OsStr::from_bytes(&target()?), directory, name)?;
        } else if kind.is_fifo() {
            // There is no call for this by descriptor in the library; the name is a plain one.
            let here = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&directory));
            mkfifo(&Path::new(&here).join(name), Mode::from_bits_truncate(0o600))?;
            fchmodat(directory, name, mode, FchmodatFlags::FollowSymlink)?;
        } else if kind.is_file() || kind.is_contiguous() {
            let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let mut file = File::from(openat(directory, name, flags, Mode::from_bits_truncate(0o600))?);
            copy(entry, &mut file)?;
            file.set_permissions(Permissions::from_mode(mode.bits()))?;
            return Ok(futimens(&file, &time, &time)?);
        } else if kind.is_gnu_sparse() {
            // Its content would be taken for something else.
            return Err(Errno::EBADMSG.into());
        } else {
            // Devices: nobody but the machine's root makes any.
            return Ok(());
        }
        Ok(utimensat(directory, name, &time, &time, UtimensatFlags::NoFollowSymlink)?)
    }
}

/// The later of two entries with one name counts.
fn replace_name(directory: BorrowedFd, name: &OsStr) -> io::Result<()> {
    match unlinkat(directory, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Writes the content of an entry, with holes where it has nothing but zeros.
fn copy(entry: &mut Entry<'_, impl Read>, file: &mut File) -> io::Result<()> {
    let size = entry.size();
    let (mut buffer, mut written) = (vec![0; BLOCK], 0);
    while written < size {
        let wanted = ((size - written) as usize).min(BLOCK);
        entry.read_exact(&mut buffer[..wanted])?;
        if buffer[..wanted].iter().all(|&byte| byte == 0) {
            file.seek(SeekFrom::Current(wanted as i64))?;
        } else {
            file.write_all(&buffer[..wanted])?;
        }
        written += wanted as u64;
    }
    file.set_len(size)
}

/// Puts the staged files in the place of those that are saved, which come into the directory `old`.
fn replace(root: &Path, staged: &Path, old: &Path, changes: &mut Changes) -> io::Result<()> {
    let mut count = 0;
    let mut remove = |path: &Path, changes: &mut Changes| {
        // The parent of a directory is written in it.
        if fs::symlink_metadata(path)?.is_dir() {
            changes.open(path)?;
        }
        count += 1;
        changes.add(path, &old.join(count.to_string()))
    };
    for fixed in FIXED {
        let place = root.join(fixed);
        changes.open(&place)?;
        for name in names(&place)? {
            remove(&place.join(name), changes)?;
        }
        match names(&staged.join(fixed)) {
            Ok(names) => {
                for name in names {
                    changes.add(&staged.join(fixed).join(&name), &place.join(&name))?;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    let device = fs::metadata(root.join(FIXED[0]))?.dev();
    for name in names(root)?.into_iter().filter(|name| is_own(name.as_bytes())) {
        let path = root.join(&name);
        // What is mounted is the system's.
        if fs::symlink_metadata(&path)?.dev() == device {
            remove(&path, changes)?;
        }
    }
    for name in names(staged)?.into_iter().filter(|name| is_own(name.as_bytes())) {
        changes.add(&staged.join(&name), &root.join(&name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
