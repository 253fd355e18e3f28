//! A file that is written whole: beside the one that it is to be, and then in its place.

use super::entry::{ASIDE, Done, check_is_file, delete, entry, located};
use nix::errno::Errno;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Links that are followed one after another, as the kernel does.
const MAX_LINKS: usize = 40;

/// A name beside that of something that is not complete. What still has it when this is dropped is removed.
pub struct Aside(pub PathBuf);

impl Aside {
    /// A name in the same directory.
    pub fn beside(path: &Path) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
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
    pub fn finish(self) -> io::Result<Done> {
        self.file.set_permissions(Permissions::from_mode(self.mode))?;
        fs::rename(&self.aside.0, &self.path)?;
        entry(&self.path)
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
