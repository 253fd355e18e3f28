//! Renames and permissions that take effect together: what is not kept is undone.

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Changes in the order in which they were made. Unless they are kept, they are undone from the last to the first.
#[derive(Default)]
pub struct Changes {
    made: Vec<Change>,
    /// Open directories by path, which is also the order from above to below.
    opened: BTreeMap<PathBuf, Opened>,
}

/// A directory that is open for its owner meanwhile.
struct Opened {
    inode: u64,
    /// The mode that it had.
    before: u32,
    /// The mode that it gets when the changes are kept.
    after: u32,
}

enum Change {
    Moved { from: PathBuf, to: PathBuf, inode: u64 },
    Exchanged { one: PathBuf, other: PathBuf, inode: u64 },
    Mode { path: PathBuf, mode: u32 },
}

impl Change {
    /// Whether what this has put into its place is still there. A program may have written something newer, which stays.
    fn is_in_place(&self) -> bool {
        match self {
            Self::Moved { to: place, inode, .. } | Self::Exchanged { other: place, inode, .. } => {
                fs::symlink_metadata(place).is_ok_and(|found| found.ino() == *inode)
            }
            Self::Mode { .. } => true,
        }
    }
}

impl Changes {
    /// Moves something to where nothing is.
    pub fn add(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let inode = fs::symlink_metadata(from)?.ino();
        rename(from, to, RenameFlags::RENAME_NOREPLACE)?;
        self.made.push(Change::Moved { from: from.to_owned(), to: to.to_owned(), inode });
        Ok(())
    }

    /// Exchanges two paths at once: no process sees that one is missing. `other` is the place that gets something new.
    pub fn exchange(&mut self, one: &Path, other: &Path) -> io::Result<()> {
        let inode = fs::symlink_metadata(one)?.ino();
        rename(one, other, RenameFlags::RENAME_EXCHANGE)?;
        self.made.push(Change::Exchanged { one: one.to_owned(), other: other.to_owned(), inode });
        Ok(())
    }

    /// Sets the permissions of something that is no link; of what is open when the changes are kept.
    pub fn set_mode(&mut self, path: &Path, mode: u32) -> io::Result<()> {
        let found = fs::symlink_metadata(path)?;
        if let Some(opened) = self.opened.get_mut(path).filter(|opened| opened.inode == found.ino()) {
            opened.after = mode;
            return Ok(());
        }
        let before = found.mode() & 0o7777;
        fs::set_permissions(path, Permissions::from_mode(mode))?;
        self.made.push(Change::Mode { path: path.to_owned(), mode: before });
        Ok(())
    }

    /// Lets the owner of a directory work in it until the changes are kept or undone.
    pub fn open(&mut self, path: &Path) -> io::Result<()> {
        let found = fs::symlink_metadata(path)?;
        let mode = found.mode() & 0o7777;
        if mode & 0o700 == 0o700 {
            return Ok(());
        }
        match fs::set_permissions(path, Permissions::from_mode(mode | 0o700)) {
            // Of what is not the user's own, only what is there for all can be worked on.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
            result => result?,
        }
        self.opened.insert(path.to_owned(), Opened { inode: found.ino(), before: mode, after: mode });
        Ok(())
    }

    /// The mode that a directory has beside [`Self::open`].
    pub fn mode_of(&self, path: &Path) -> io::Result<u32> {
        match self.opened.get(path) {
            Some(opened) => Ok(opened.before),
            None => Ok(fs::symlink_metadata(path)?.mode() & 0o7777),
        }
    }

    /// Closes what was opened, from the deepest on.
    fn close(&mut self, are_kept: bool) {
        for (path, Opened { inode, before, after }) in std::mem::take(&mut self.opened).into_iter().rev() {
            // It may have been moved away, and something else be in its place.
            if fs::symlink_metadata(&path).is_ok_and(|found| found.ino() == inode) {
                let mode = if are_kept { after } else { before };
                let _ = fs::set_permissions(path, Permissions::from_mode(mode));
            }
        }
    }

    /// Makes all of it last.
    pub fn keep(mut self) {
        self.close(true);
        self.made.clear();
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        for change in self.made.drain(..).rev().filter(Change::is_in_place) {
            // Nothing helps where this fails; the rest is undone nevertheless.
            let _ = match change {
                Change::Moved { from, to, .. } => rename(&to, &from, RenameFlags::RENAME_NOREPLACE),
                Change::Exchanged { one, other, .. } => rename(&one, &other, RenameFlags::RENAME_EXCHANGE),
                Change::Mode { path, mode } => fs::set_permissions(path, Permissions::from_mode(mode)),
            };
        }
        self.close(false);
    }
}

fn rename(from: &Path, to: &Path, flags: RenameFlags) -> io::Result<()> {
    renameat2(AT_FDCWD, from, AT_FDCWD, to, flags).map_err(|errno: Errno| errno.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_which_one_failed_were_made_in_part() {
        let place = std::env::temp_dir().join(format!("docle-changes-{}", std::process::id()));
        fs::create_dir_all(place.join("closed")).unwrap();
        for (name, content) in [("new", "new"), ("old", "old"), ("other", "other"), ("closed/in", "in")] {
            fs::write(place.join(name), content).unwrap();
        }
        fs::set_permissions(place.join("closed"), Permissions::from_mode(0o500)).unwrap();
        let at = |name: &str| place.join(name);
        let make = |changes: &mut Changes| {
            changes.open(&at("closed"))?;
            changes.add(&at("closed/in"), &at("closed/out"))?;
            changes.exchange(&at("new"), &at("old"))?;
            changes.set_mode(&at("other"), 0o600)?;
            assert_eq!(fs::read_to_string(at("old"))?, "new");
            assert_eq!(changes.mode_of(&at("closed"))?, 0o500);
            changes.add(&at("other"), &at("old"))
        };
        let look = || {
            let read = |name| fs::read_to_string(at(name)).unwrap_or_default();
            let mode = |name| fs::metadata(at(name)).unwrap().mode() & 0o7777;
            (["new", "old", "closed/in", "closed/out"].map(read), mode("closed"), mode("other"))
        };
        let before = look();
        let mut changes = Changes::default();
        assert_eq!(make(&mut changes).unwrap_err().raw_os_error(), Some(libc::EEXIST));
        drop(changes);
        assert_eq!(look(), before);
        let mut changes = Changes::default();
        make(&mut changes).unwrap_err();
        changes.keep();
        assert_eq!(look(), (["old", "new", "", "in"].map(str::to_owned), 0o500, 0o600));
        fs::set_permissions(at("closed"), Permissions::from_mode(0o700)).unwrap();
        fs::remove_dir_all(place).unwrap();
    }

    #[test]
    fn what_a_program_wrote_after_a_change_was_undone_with_it() {
        let place = std::env::temp_dir().join(format!("docle-newer-{}", std::process::id()));
        fs::create_dir_all(&place).unwrap();
        let at = |name: &str| place.join(name);
        for (name, content) in
            [("new", "new"), ("old", "old"), ("added", "added"), ("newer", "newer"), ("newest", "newest")]
        {
            fs::write(at(name), content).unwrap();
        }
        let mut changes = Changes::default();
        changes.exchange(&at("new"), &at("old")).unwrap();
        changes.add(&at("added"), &at("place")).unwrap();
        fs::rename(at("newer"), at("old")).unwrap();
        fs::rename(at("newest"), at("place")).unwrap();
        drop(changes);
        let read = |name| fs::read_to_string(at(name)).unwrap_or_default();
        assert_eq!(["old", "place", "added"].map(read), ["newer", "newest", ""]);
        fs::remove_dir_all(place).unwrap();
    }
}
