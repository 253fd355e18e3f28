//! Where things of the runner lie until they are complete: a directory that is never saved.
//!
//! A rename puts them in their place, so they lie on the mount of that place. Everything that is saved is on the mount of the root.
//! `/dev/shm` is another one; what goes there waits there, and nothing there is saved.

use crate::remove::remove_content;
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use std::ffi::CString;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

/// The directory, below the root. It is in a place of the system, so no name of the user means it.
pub const PLACE: &str = "run/docle";

/// What the name of a part begins with. The number of its worker follows.
const PREFIX: &str = ".docle-part-";

/// The path of something that is not complete. What still has it when this is dropped is removed.
pub struct Part(pub PathBuf);

impl Part {
    /// For something that gets its place below a root.
    pub fn below(root: &Path) -> io::Result<Self> {
        let place = root.join(PLACE);
        DirBuilder::new().recursive(true).mode(0o700).create(&place)?;
        static SWEEP: Once = Once::new();
        SWEEP.call_once(|| sweep(&place));
        Self::within(&place)
    }

    /// For something that gets its place in a directory below a root.
    pub fn toward(root: &Path, directory: &Path) -> io::Result<Self> {
        let part = Self::below(root)?;
        let place = part.0.parent().ok_or(Errno::EISDIR)?;
        if mount_of(place)? == mount_of(directory)? { Ok(part) } else { Self::within(directory) }
    }

    fn within(place: &Path) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = place.join(format!("{PREFIX}{}-{number}", std::process::id()));
        // One that an earlier worker of this number has left is nobody's.
        clear(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = clear(&self.0);
    }
}

/// Removes what workers have left that were killed: it takes room on the disk of the sandbox.
fn sweep(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let worker = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse().ok());
        if worker.is_some_and(|worker| kill(Pid::from_raw(worker), None) == Err(Errno::ESRCH)) {
            let _ = clear(&entry.path());
        }
    }
}

/// The number of the mount that a path is on. A rename does not lead from one to another, even within a file system.
fn mount_of(path: &Path) -> io::Result<u64> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut found = MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: both places outlive the call, and a structure of zeros is one.
    let found = unsafe {
        Errno::result(libc::statx(libc::AT_FDCWD, path.as_ptr(), 0, libc::STATX_MNT_ID, found.as_mut_ptr()))?;
        found.assume_init()
    };
    Ok(found.stx_mnt_id)
}

/// Removes whatever is at a path.
pub fn clear(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => {
            open_up(path)?;
            remove_content(path, None)?;
            fs::remove_dir(path)
        }
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes all directories of a tree such that their owner may remove what is in them.
pub fn open_up(top: &Path) -> io::Result<()> {
    let mut left = vec![top.to_owned()];
    while let Some(path) = left.pop() {
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        if !found.is_dir() {
            continue;
        }
        if found.mode() & 0o700 != 0o700 {
            fs::set_permissions(&path, Permissions::from_mode(found.mode() & 0o7777 | 0o700))?;
        }
        // A path that is too long is met by its descriptors later.
        let below = fs::read_dir(&path).into_iter().flatten().flatten();
        let directories = below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        left.extend(directories.map(|entry| entry.path()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn what_a_killed_worker_has_left_took_room_for_good() {
        let place = std::env::temp_dir().join(format!("docle-sweep-{}", std::process::id()));
        let mut ended = Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        let (left, own, other) =
            (format!("{PREFIX}{}-3", ended.id()), format!("{PREFIX}{}-4", std::process::id()), "notes");
        for name in [&left, &own, other] {
            fs::create_dir_all(place.join(name).join("below")).unwrap();
        }
        sweep(&place);
        assert_eq!([&*left, &own, other].map(|name| place.join(name).exists()), [false, true, true]);
        fs::remove_dir_all(place).unwrap();
    }
}
