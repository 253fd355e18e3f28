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

/// Writes the program's files into its still empty workspace, where nothing can lead a path astray. A script that an
/// interpreter is already waiting for is left out: it comes last, by [`super::script::Script::arrive`].
pub fn write_files(launch: &Launch, waiting: Option<&str>, uid: u32) -> io::Result<()> {
    let workspace = Path::new("/workspace");
    for (path, content) in launch.files.iter().filter(|(path, _)| Some(path.as_str()) != waiting) {
        let path = Path::new(path);
        for directory in path.ancestors().skip(1).collect::<Vec<_>>().into_iter().rev() {
            let directory = workspace.join(directory);
            if !directory.exists() {
                fs::create_dir(&directory)?;
                own(&directory, uid)?;
            }
        }
        write_file(&workspace.join(path), content, uid)?;
    }
    Ok(())
}

/// Makes one file of the program's user.
pub fn write_file(path: &Path, content: &str, uid: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o644).custom_flags(libc::O_NOFOLLOW);
    let mut file = options.open(path)?;
    file.write_all(content.as_bytes())?;
    std::os::unix::fs::fchown(&file, Some(uid), Some(uid)).or_else(ignore_unmapped)
}

/// In a user namespace only one number is mapped and everything belongs to it already.
fn ignore_unmapped(error: io::Error) -> io::Result<()> {
    if error.raw_os_error() == Some(libc::EINVAL) { Ok(()) } else { Err(error) }
}
