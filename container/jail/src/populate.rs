//! Copies a kept tree into the workspace of a program, below the files that are there already.
//!
//! The program's own files come first, into an empty workspace. What the tree has at the path of one of them is left out,
//! so nothing of the tree can lead a path of the program's own files astray.

use super::entries::{DIRECTORY, entries, kind};
use super::sys::ignore_unmapped;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, readlinkat};
use nix::sys::stat::{Mode, SFlag, mkdirat};
use nix::unistd::{Gid, Uid, fchownat, symlinkat};
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Copies what is below `source`, which [`super::export::copy_tree`] has made, into `target`. The copies belong to `uid`, who may
/// change them, and keep whether they can be executed.
pub fn copy_below(source: &Path, target: &Path, uid: u32) -> io::Result<()> {
    let (source, target) = (open(source, DIRECTORY, Mode::empty())?, open(target, DIRECTORY, Mode::empty())?);
    copy_directory(&source, target.as_fd(), uid)
}

fn copy_directory(source: &OwnedFd, target: BorrowedFd, uid: u32) -> io::Result<()> {
    for entry in entries(source)? {
        let (name, status) = entry?;
        let name = name.as_c_str();
        match kind(&status) {
            SFlag::S_IFDIR => {
                let inner = openat(source, name, DIRECTORY, Mode::empty())?;
                if let Some(target) = directory_at(target, name, uid)? {
                    copy_directory(&inner, target.as_fd(), uid)?;
                }
            }
            SFlag::S_IFREG => copy_file(source.as_fd(), target, name, status.st_mode & 0o100 != 0, uid)?,
            SFlag::S_IFLNK => {
                let made = symlinkat(readlinkat(source, name)?.as_os_str(), target, name);
                if is_new(made)?.is_some() {
                    own(target, name, uid)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The directory with this name, made if nothing is there; `None` if something else is.
fn directory_at(parent: BorrowedFd, name: &CStr, uid: u32) -> io::Result<Option<OwnedFd>> {
    if is_new(mkdirat(parent, name, Mode::from_bits_truncate(0o755)))?.is_some() {
        own(parent, name, uid)?;
    }
    match openat(parent, name, DIRECTORY, Mode::empty()) {
        Ok(directory) => Ok(Some(directory)),
        Err(Errno::ENOTDIR | Errno::ELOOP) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

fn copy_file(source: BorrowedFd, target: BorrowedFd, name: &CStr, executable: bool, uid: u32) -> io::Result<()> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mode = Mode::from_bits_truncate(if executable { 0o755 } else { 0o644 });
    let Some(output) = is_new(openat(target, name, flags, mode))? else { return Ok(()) };
    let input = openat(source, name, OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())?;
    io::copy(&mut File::from(input), &mut File::from(output))?;
    own(target, name, uid)
}

/// What was made; `None` if something was there already.
fn is_new<T>(made: nix::Result<T>) -> io::Result<Option<T>> {
    match made {
        Ok(made) => Ok(Some(made)),
        Err(Errno::EEXIST) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

fn own(parent: BorrowedFd, name: &CStr, uid: u32) -> io::Result<()> {
    let (user, group) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid)));
    fchownat(parent, name, user, group, AtFlags::AT_SYMLINK_NOFOLLOW).map_err(io::Error::from).or_else(ignore_unmapped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn what_is_there_stays_and_everything_else_comes_whatever_its_name() {
        let base = std::env::temp_dir().join(format!("docle-populate-{}", std::process::id()));
        let (from, to) = (base.join("from"), base.join("to"));
        let odd = OsStr::from_bytes(b"\xff \n*");
        for directory in ["from/both/inner", "from/own-file", "to/both", "to/link"] {
            fs::create_dir_all(base.join(directory)).unwrap();
        }
        for (path, content) in [
            ("from/both/inner/a", "theirs"),
            ("from/both/b", "theirs"),
            ("from/own-file/c", "theirs"),
            ("from/own-directory", "theirs"),
            ("to/both/b", "own"),
            ("to/own-file", "own"),
        ] {
            fs::write(base.join(path), content).unwrap();
        }
        fs::create_dir(to.join("own-directory")).unwrap();
        fs::write(from.join("run.sh"), "").unwrap();
        fs::set_permissions(from.join("run.sh"), fs::Permissions::from_mode(0o555)).unwrap();
        fs::write(from.join(odd), "odd").unwrap();
        symlink("both", from.join("link")).unwrap();
        symlink("both/b", from.join("other")).unwrap();

        copy_below(&from, &to, nix::unistd::geteuid().as_raw()).unwrap();

        let read = |path: &str| fs::read_to_string(to.join(path)).unwrap();
        assert_eq!(
            (read("both/inner/a"), read("both/b"), read("own-file")),
            ("theirs".into(), "own".into(), "own".into())
        );
        assert!(fs::symlink_metadata(to.join("own-directory")).unwrap().is_dir());
        assert!(fs::symlink_metadata(to.join("link")).unwrap().is_dir(), "a link does not replace a directory");
        assert_eq!(fs::read_link(to.join("other")).unwrap(), Path::new("both/b"));
        assert_eq!(fs::read(to.join(odd)).unwrap(), b"odd");
        let mode = |path: &str| fs::metadata(to.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("run.sh"), mode("both/inner/a"), mode("both/inner")), (0o755, 0o644, 0o755));
        fs::remove_dir_all(base).unwrap();
    }
}
