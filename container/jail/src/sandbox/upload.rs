//! A file that is written whole: elsewhere at first, and then in its place.

use super::entry::{Done, check_is_file, entry, located};
use super::parts::Part;
use nix::errno::Errno;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Links that are followed one after another, as the kernel does.
const MAX_LINKS: usize = 40;

/// A file that is being written. Nobody sees it before it is complete.
pub struct Upload {
    file: File,
    part: Part,
    path: PathBuf,
    mode: u32,
}

impl Upload {
    /// Makes the directories above, and the file elsewhere.
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
        let directory = path.parent().ok_or(Errno::EISDIR)?;
        fs::create_dir_all(directory)?;
        let part = Part::toward(Path::new("/"), directory)?;
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(&part.0)?;
        Ok(Self { file, part, path, mode })
    }

    pub fn write(&mut self, content: &[u8]) -> io::Result<()> {
        self.file.write_all(content)
    }

    /// Puts the file in its place.
    pub fn finish(self) -> io::Result<Done> {
        self.file.set_permissions(Permissions::from_mode(self.mode))?;
        fs::rename(&self.part.0, &self.path)?;
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
