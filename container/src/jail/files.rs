//! The program's files on their way in.

use super::launch::Launch;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::path::Path;

/// Hands a path over to the program's user.
pub fn own(path: &Path, uid: u32) -> io::Result<()> {
    chown(path, Some(uid), Some(uid)).or_else(ignore_unmapped)
}

/// Writes the program's files into its still empty workspace, where nothing can lead a path astray.
///
/// A file takes the place of a script that an interpreter is already waiting for: what it then reads comes from
/// [`super::script::Script`], and what anybody opens from now on is the file.
///
/// `aside` is a name on the same file system, and `inside` the workspace as that file system knows it.
pub fn write_files(launch: &Launch, uid: u32, aside: &Path, inside: &Path) -> io::Result<()> {
    let workspace = Path::new("/workspace");
    for (path, content) in &launch.files {
        let path = Path::new(path);
        for directory in path.ancestors().skip(1).collect::<Vec<_>>().into_iter().rev() {
            let directory = workspace.join(directory);
            if !directory.exists() {
                fs::create_dir(&directory)?;
                own(&directory, uid)?;
            }
        }
        let path = workspace.join(path);
        let replaces = launch.command.is_none() && path.exists();
        let written = if replaces { aside.to_owned() } else { path.clone() };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o644).custom_flags(libc::O_NOFOLLOW);
        let mut file = options.open(&written)?;
        file.write_all(content.as_bytes())?;
        std::os::unix::fs::fchown(&file, Some(uid), Some(uid)).or_else(ignore_unmapped)?;
        if replaces {
            fs::rename(&written, inside.join(path.strip_prefix(workspace).unwrap_or(&path)))?;
        }
    }
    Ok(())
}

/// In a user namespace only one number is mapped and everything belongs to it already.
fn ignore_unmapped(error: io::Error) -> io::Result<()> {
    if error.raw_os_error() == Some(libc::EINVAL) { Ok(()) } else { Err(error) }
}
