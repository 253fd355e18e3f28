//! What a directory has, by descriptor, for those who copy trees.

use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{FileStat, SFlag, fstatat};
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;

/// Opens a directory, and nothing that a link leads to.
pub const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// The names in a directory, each with what it stands for. A link stands for itself.
pub fn entries(directory: &OwnedFd) -> io::Result<impl Iterator<Item = io::Result<(CString, FileStat)>>> {
    let names = Dir::from_fd(directory.try_clone()?)?.into_iter();
    Ok(names.filter(|entry| !entry.as_ref().is_ok_and(|entry| is_itself(entry.file_name()))).map(move |entry| {
        let name = entry?.file_name().to_owned();
        let status = fstatat(directory, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
        Ok((name, status))
    }))
}

/// Whether a name in a directory means the directory itself or the one above.
pub fn is_itself(name: &CStr) -> bool {
    name == c"." || name == c".."
}

/// Whether it is a file, a directory or something else.
pub fn kind(status: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits())
}
