//! Removes what a program has left, however deep it is: with two descriptors, and in one pass over all of it.

use super::entries::is_itself;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, renameat};
use nix::sys::stat::{Mode, SFlag, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::ffi::{CStr, CString};
use std::io;
use std::path::Path;

const LOOK: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Removes everything in a directory that belongs to `uid`; with `None` everything. Nobody else may change it meanwhile.
///
/// Directories inside each other are moved up, so neither a path nor a number of open descriptors grows with their depth.
pub fn remove_content(directory: &Path, uid: Option<u32>) -> io::Result<()> {
    let mut top = Dir::open(directory, LOOK, Mode::empty())?;
    let (mut directories, mut moved) = (Vec::new(), 0);
    for name in names(&mut top)? {
        let status = fstatat(&top, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
        if uid.is_some_and(|uid| status.st_uid != uid) {
            continue;
        }
        if is_directory(status.st_mode) {
            directories.push(name);
        } else {
            unlinkat(&top, name.as_c_str(), UnlinkatFlags::NoRemoveDir)?;
        }
    }
    while let Some(name) = directories.pop() {
        raise(&top, &name, &mut directories, &mut moved)?;
        unlinkat(&top, name.as_c_str(), UnlinkatFlags::RemoveDir)?;
    }
    Ok(())
}

/// Empties a directory in `top`: moves its directories up into `top`, which `directories` tells, and removes all else.
fn raise(top: &Dir, name: &CStr, directories: &mut Vec<CString>, moved: &mut u64) -> io::Result<()> {
    let mut inner = Dir::openat(top, name, LOOK, Mode::empty())?;
    for name in names(&mut inner)? {
        let status = fstatat(&inner, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
        if !is_directory(status.st_mode) {
            unlinkat(&inner, name.as_c_str(), UnlinkatFlags::NoRemoveDir)?;
            continue;
        }
        let free = loop {
            *moved += 1;
            let free = CString::new(format!(".removed-{moved}"))?;
            if matches!(fstatat(top, free.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW), Err(Errno::ENOENT)) {
                break free;
            }
        };
        renameat(&inner, name.as_c_str(), top, free.as_c_str())?;
        directories.push(free);
    }
    Ok(())
}

fn is_directory(mode: libc::mode_t) -> bool {
    SFlag::from_bits_truncate(mode & SFlag::S_IFMT.bits()) == SFlag::S_IFDIR
}

/// What lies in a directory. Read to its end first, because it is changed afterwards.
fn names(directory: &mut Dir) -> io::Result<Vec<CString>> {
    let names = directory.iter().map(|entry| Ok(entry?.file_name().to_owned()));
    let names: nix::Result<Vec<_>> = names.filter(|name| !name.as_ref().is_ok_and(|name| is_itself(name))).collect();
    Ok(names?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::fcntl::open;
    use nix::sys::stat::mkdirat;
    use std::fs;

    #[test]
    fn directories_in_directories_used_up_the_descriptors_of_the_runner() {
        let place = std::env::temp_dir().join(format!("docle-remove-{}", std::process::id()));
        fs::create_dir_all(&place).unwrap();
        // Deeper than a path may be long, and with more levels than a process has descriptors by default.
        let mut below = open(&place, LOOK, Mode::empty()).unwrap();
        for _ in 0..3_000 {
            for name in ["d", ".removed-7"] {
                mkdirat(&below, name, Mode::from_bits_truncate(0o755)).unwrap();
            }
            below = nix::fcntl::openat(&below, "d", LOOK, Mode::empty()).unwrap();
        }
        fs::write(place.join("file"), "x").unwrap();
        std::os::unix::fs::symlink("/", place.join("d/link")).unwrap();
        remove_content(&place, None).unwrap();
        assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
        fs::remove_dir(place).unwrap();
    }

    #[test]
    fn what_belongs_to_others_stays() {
        let place = std::env::temp_dir().join(format!("docle-keep-{}", std::process::id()));
        fs::create_dir_all(place.join("theirs")).unwrap();
        remove_content(&place, Some(nix::unistd::geteuid().as_raw() + 1)).unwrap();
        assert!(place.join("theirs").is_dir());
        remove_content(&place, Some(nix::unistd::geteuid().as_raw())).unwrap();
        assert!(!place.join("theirs").exists());
        fs::remove_dir(place).unwrap();
    }
}
