//! Reads and writes the files of control groups.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Not every kernel has every file, and what it then lacks is only the comfort named at the call.
pub fn optional(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error)
            if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINVAL | libc::EOPNOTSUPP | libc::EBUSY)) =>
        {
            Ok(())
        }
        // Opening a file that does not exist in a kernel file system asks for its creation.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}

/// A file whose peak begins now; `None` where the kernel cannot begin anew.
pub fn begin_peak(path: &Path) -> Option<File> {
    let file = File::options().read(true).write(true).open(path).ok()?;
    file.write_at(b"0", 0).ok().map(|_| file)
}

/// The number that a file of the kernel's says now, read through the same opening of it.
pub fn read_again(file: &File) -> u64 {
    let mut text = [0; 32];
    let length = file.read_at(&mut text, 0).unwrap_or(0);
    str::from_utf8(&text[..length]).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

pub fn read_number(path: &Path) -> u64 {
    read(path).trim().parse().unwrap_or(0)
}

pub fn read_field(path: &Path, name: &str) -> u64 {
    let text = read(path);
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or(0)
}

pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
