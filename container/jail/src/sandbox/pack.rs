//! Writes an archive of all files that are saved: a tar archive with extended headers, so that times have nanoseconds and
//! names have every byte and any length.

use super::entry::names;
use super::parts::PLACE;
use super::patch::open;
use super::saved::{FIXED, is_cache, is_own};
use docle_tree::Time;
use docle_tree::archive::{self, Head};
use nix::errno::Errno;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, Metadata, Permissions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType};

/// Bytes that are written in one go.
const BUFFER: usize = 256 << 10;

/// Bytes of the files of an archive that goes out: twice the largest disk. Files with holes count whole, because they are sent whole.
pub const MAX_EXPORT_BYTES: u64 = 4 << 30;

/// Writes the archive, whose end tells that it is whole. Nothing may change meanwhile.
pub fn pack(to: impl Write) -> io::Result<()> {
    pack_root(Path::new("/"), to)
}

/// The same for files below another directory than the root.
pub(super) fn pack_root(root: &Path, to: impl Write) -> io::Result<()> {
    // A directory of the user's own, because the root may be what is below it.
    let device = fs::metadata(root.join(FIXED[0]))?.dev();
    pack_with(root, device, u64::MAX, to, Pack::add_all)
}

/// Writes an archive of everything below a directory. What changes meanwhile is in it as it was before, or as it is after.
/// It ends with an error where its files have more than `most` bytes.
pub(super) fn pack_directory(top: &Path, most: u64, to: impl Write) -> io::Result<()> {
    pack_with(top, fs::metadata(top)?.dev(), most, to, |pack| {
        names(top)?.iter().try_for_each(|name| pack.add(Path::new(name)))
    })
}

fn pack_with<'a, W: Write>(
    root: &'a Path,
    device: u64,
    most: u64,
    to: W,
    add: impl FnOnce(&mut Pack<'a, W>) -> io::Result<()>,
) -> io::Result<()> {
    let builder = Builder::new(BufWriter::with_capacity(BUFFER, to));
    let parts = Path::new("/").join(PLACE);
    let mut pack = Pack { root, device, parts, left: most, builder, links: HashMap::new(), opened: Vec::new() };
    let result = add(&mut pack);
    pack.close_again();
    result?;
    pack.builder.into_inner()?.flush()
}

struct Pack<'a, W: Write> {
    root: &'a Path,
    /// Of the file system that the user writes to. Everything else is mounted.
    device: u64,
    /// Things of the runner that are not complete.
    parts: PathBuf,
    /// Bytes that may still come.
    left: u64,
    builder: Builder<BufWriter<W>>,
    /// The first name of each file that has several.
    links: HashMap<u64, PathBuf>,
    /// Directories that were made readable for this, and their modes.
    opened: Vec<(PathBuf, u32)>,
}

impl<W: Write> Pack<'_, W> {
    fn add_all(&mut self) -> io::Result<()> {
        for fixed in FIXED {
            self.add(Path::new(fixed))?;
        }
        for name in names(self.root)?.into_iter().filter(|name| is_own(name.as_bytes())) {
            self.add(Path::new(&name))?;
        }
        Ok(())
    }

    /// Gives directories their modes back, from the last to the first.
    fn close_again(&mut self) {
        for (path, mode) in self.opened.drain(..).rev() {
            let _ = fs::set_permissions(path, Permissions::from_mode(mode));
        }
    }

    /// Adds what is at a path below the root, and everything below that.
    fn add(&mut self, top: &Path) -> io::Result<()> {
        let mut left = vec![top.to_owned()];
        while let Some(path) = left.pop() {
            let found = match fs::symlink_metadata(self.root.join(&path)) {
                Ok(found) => found,
                // A path that is longer than the kernel takes cannot be named by anybody.
                Err(error) if is_left_out(&error) => continue,
                Err(error) => return Err(error),
            };
            if found.dev() != self.device || is_cache(&path) || self.root.join(&path) == self.parts {
                continue;
            }
            match self.add_one(&path, &found) {
                // Gone since, before anything of it was written.
                Err(error) if is_left_out(&error) => continue,
                result => result?,
            }
            if found.is_dir() {
                let below = match self.names(&path, &found) {
                    Err(error) if is_left_out(&error) => continue,
                    result => result?,
                };
                // Taken from the end.
                left.extend(below.into_iter().rev().map(|name: OsString| path.join(name)));
            }
        }
        Ok(())
    }

    fn add_one(&mut self, path: &Path, found: &Metadata) -> io::Result<()> {
        let kind = found.file_type();
        if found.nlink() > 1 && !kind.is_dir() {
            if let Some(first) = self.links.get(&found.ino()) {
                let first = first.clone();
                return self.append(path, found, EntryType::Link, Some(first.as_os_str().as_bytes()), io::empty(), 0);
            }
            self.links.insert(found.ino(), path.to_owned());
        }
        if kind.is_symlink() {
            let target = fs::read_link(self.root.join(path))?;
            self.append(path, found, EntryType::Symlink, Some(target.as_os_str().as_bytes()), io::empty(), 0)
        } else if kind.is_dir() {
            self.append(path, found, EntryType::Directory, None, io::empty(), 0)
        } else if kind.is_fifo() {
            self.append(path, found, EntryType::Fifo, None, io::empty(), 0)
        } else if kind.is_file() {
            let file = open(&self.root.join(path), found)?;
            let size = found.size();
            self.left = self.left.checked_sub(size).ok_or(Errno::EOVERFLOW)?;
            // Exactly as much as the header says.
            self.append(path, found, EntryType::Regular, None, file.chain(io::repeat(0)).take(size), size)
        } else {
            // A socket is nothing without the process that made it.
            Ok(())
        }
    }

    fn append(
        &mut self,
        path: &Path,
        found: &Metadata,
        kind: EntryType,
        target: Option<&[u8]>,
        data: impl Read,
        size: u64,
    ) -> io::Result<()> {
        let time = Time { seconds: found.mtime(), nanoseconds: found.mtime_nsec() as u32 };
        let (path, mode) = (path.as_os_str().as_bytes(), found.mode() & 0o7777);
        archive::append(&mut self.builder, &Head { path, kind, target, mode, time, size }, data)
    }

    /// The names in a directory. What is below it is looked at later, so one that its owner may not enter stays open.
    fn names(&mut self, path: &Path, found: &Metadata) -> io::Result<Vec<OsString>> {
        let path = self.root.join(path);
        if found.mode() & 0o500 != 0o500 {
            let opened = fs::set_permissions(&path, Permissions::from_mode(0o700));
            // Of one that is not the user's own, only what is there for all is saved.
            if opened.is_ok() {
                self.opened.push((path.clone(), found.mode() & 0o7777));
            }
        }
        names(&path)
    }
}

/// Whether the error of a path means that it is left out.
fn is_left_out(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENAMETOOLONG | libc::ENOENT))
}
