//! Copies a tree out of a jail by descriptor: regular files, directories and relative links that stay inside.
//!
//! Runs in the jail's first process after every other process of it is gone, so nothing moves underneath. Copies
//! belong to the runner, are read-only and carry no set-user-id; devices, sockets and pipes are left behind.

use super::entries::{DIRECTORY, entries, kind};
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, mkdirat};
use nix::unistd::symlinkat;
use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path};

/// Directories inside each other; packages in use have a dozen.
const MAX_DEPTH: usize = 64;

/// Files, directories and links of one tree. The largest trees in use, node_modules of a web framework, have tens of
/// thousands, and a file system of 2 GB has 131,072 for everything.
const MAX_ENTRIES: u64 = 65_536;

/// What a copy may still take.
struct Room {
    bytes: u64,
    entries: u64,
}

impl Room {
    /// Takes room for one entry with so much content.
    fn take(&mut self, bytes: u64) -> io::Result<()> {
        let full = || io::Error::from_raw_os_error(libc::EFBIG);
        self.bytes = self.bytes.checked_sub(bytes).ok_or_else(full)?;
        self.entries = self.entries.checked_sub(1).ok_or_else(full)?;
        Ok(())
    }
}

/// Copies everything below `source` into the empty directory `target`, at most `max_bytes` of content: a sparse file or
/// one with many names takes more room outside than it did inside.
pub fn copy_tree(source: &Path, target: &OwnedFd, max_bytes: u64) -> io::Result<()> {
    let source = nix::fcntl::open(source, DIRECTORY, Mode::empty())?;
    copy_directory(&source, target.as_fd(), 0, &mut Room { bytes: max_bytes, entries: MAX_ENTRIES })
}

fn copy_directory(source: &OwnedFd, target: BorrowedFd, depth: usize, room: &mut Room) -> io::Result<()> {
    if depth > MAX_DEPTH {
        return Err(io::Error::from_raw_os_error(libc::ELOOP));
    }
    for entry in entries(source)? {
        let (name, status) = entry?;
        let name = name.as_c_str();
        match kind(&status) {
            SFlag::S_IFDIR => {
                room.take(0)?;
                let inner = openat(source, name, DIRECTORY, Mode::empty())?;
                mkdirat(target, name, Mode::from_bits_truncate(0o755))?;
                let inner_target = openat(target, name, DIRECTORY, Mode::empty())?;
                copy_directory(&inner, inner_target.as_fd(), depth + 1, room)?;
            }
            SFlag::S_IFREG => {
                let size = u64::try_from(status.st_size).unwrap_or(u64::MAX);
                room.take(size)?;
                copy_file(source.as_fd(), target, name, &status)?;
            }
            SFlag::S_IFLNK => {
                room.take(0)?;
                copy_link(source.as_fd(), target, name, depth)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn copy_file(source: BorrowedFd, target: BorrowedFd, name: &CStr, status: &FileStat) -> io::Result<()> {
    let input = openat(source, name, OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())?;
    let mode = if status.st_mode & 0o100 != 0 { 0o555 } else { 0o444 };
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let output = openat(target, name, flags, Mode::from_bits_truncate(mode))?;
    io::copy(&mut File::from(input), &mut File::from(output))?;
    Ok(())
}

/// Keeps a link only when following it from where it lies cannot leave the tree.
fn copy_link(source: BorrowedFd, target: BorrowedFd, name: &CStr, depth: usize) -> io::Result<()> {
    let destination = readlinkat(source, name)?;
    if stays_inside(&destination, depth) {
        symlinkat(destination.as_os_str(), target, name)?;
    }
    Ok(())
}

/// Up first, as often as there are directories to leave, then only down: a way down may lead through another link,
/// and going up from where that one ends could leave the tree.
fn stays_inside(destination: &OsStr, depth: usize) -> bool {
    let mut components = Path::new(destination).components().peekable();
    let mut ups = 0;
    while components.next_if(|component| matches!(component, Component::ParentDir | Component::CurDir)).is_some_and(
        |component| {
            ups += usize::from(component == Component::ParentDir);
            true
        },
    ) {}
    ups <= depth && components.all(|component| matches!(component, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_of_empty_files_took_every_inode_of_the_disk() {
        let mut room = Room { bytes: 10, entries: 2 };
        room.take(0).unwrap();
        room.take(10).unwrap();
        assert_eq!(room.take(0).unwrap_err().raw_os_error(), Some(libc::EFBIG), "no entry is left");
        assert!(Room { bytes: 9, entries: 1 }.take(10).is_err(), "no byte is left");
    }

    #[test]
    fn a_link_whose_name_is_not_text_was_renamed() {
        use std::os::unix::ffi::OsStrExt;
        let base = std::env::temp_dir().join(format!("docle-export-{}", std::process::id()));
        let (from, to) = (base.join("from"), base.join("to"));
        std::fs::create_dir_all(&from).unwrap();
        std::fs::create_dir_all(&to).unwrap();
        let name = OsStr::from_bytes(b"\xff\n");
        std::os::unix::fs::symlink("file", from.join(name)).unwrap();
        copy_tree(&from, &OwnedFd::from(File::open(&to).unwrap()), 1_024).unwrap();
        assert_eq!(std::fs::read_link(to.join(name)).unwrap(), Path::new("file"));
        std::fs::remove_dir_all(base).unwrap();
    }

    #[test]
    fn links_that_leave_the_tree_are_dropped() {
        assert!(stays_inside(OsStr::new("../mime/cli.js"), 2));
        assert!(stays_inside(OsStr::new("./a/b"), 0));
        for escape in ["/etc/passwd", "..", "../..", "a/../../b", "a/../b", "a/b/../.."] {
            assert!(!stays_inside(OsStr::new(escape), 0), "{escape}");
        }
        assert!(!stays_inside(OsStr::new("../../x"), 1));
    }
}
