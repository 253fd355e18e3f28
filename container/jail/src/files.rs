//! The program's files on their way in.

use super::launch::{Content, Launch};
use super::sys::ignore_unmapped;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{Gid, Uid, fchownat};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::path::Path;

/// Hands a path over to the program's user.
pub fn own(path: &Path, uid: u32) -> io::Result<()> {
    chown(path, Some(uid), Some(uid)).or_else(ignore_unmapped)
}

/// Writes the program's files into its still empty workspace, where nothing can lead a path astray. A script that an
/// interpreter is already waiting for is left out: it comes last, by [`super::script::Script::arrive`].
pub fn write_files(launch: &Launch, waiting: Option<&str>, uid: u32) -> io::Result<()> {
    write_tree(Path::new("/workspace"), &launch.files, waiting, uid)
}

/// Writes files below `top`. Goes from directory to directory by descriptor, so that a file costs the same at every
/// depth.
fn write_tree(top: &Path, files: &[(String, Content)], waiting: Option<&str>, uid: u32) -> io::Result<()> {
    let wanted = files.iter().filter(|(path, _)| Some(path.as_str()) != waiting);
    let mut wanted: Vec<_> = wanted.map(|(path, content)| (path.split('/').collect::<Vec<_>>(), content)).collect();
    // Files of one directory come together, and so do the directories below it.
    wanted.sort_unstable();
    let top = OwnedFd::from(File::open(top)?);
    // The directories from the top down to that of the last file, by name.
    let mut open: Vec<(&str, OwnedFd)> = Vec::new();
    for (path, content) in &wanted {
        let Some((name, directories)) = path.split_last() else { continue };
        let common = open.iter().zip(directories).take_while(|((known, _), name)| known == *name).count();
        open.truncate(common);
        for name in &directories[common..] {
            let parent = open.last().map_or(top.as_fd(), |(_, directory)| directory.as_fd());
            let directory = make_directory(parent, name, uid)?;
            open.push((*name, directory));
        }
        let parent = open.last().map_or(top.as_fd(), |(_, directory)| directory.as_fd());
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        fill(openat(parent, *name, flags, Mode::from_bits_truncate(0o644))?.into(), &content.0, uid)?;
    }
    Ok(())
}

/// Makes a directory of the program's user and opens it.
fn make_directory(parent: BorrowedFd, name: &str, uid: u32) -> io::Result<OwnedFd> {
    mkdirat(parent, name, Mode::from_bits_truncate(0o755))?;
    let (user, group) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid)));
    fchownat(parent, name, user, group, AtFlags::AT_SYMLINK_NOFOLLOW)
        .map_err(io::Error::from)
        .or_else(ignore_unmapped)?;
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(openat(parent, name, flags, Mode::empty())?)
}

/// Makes one file of the program's user.
pub fn write_file(path: &Path, content: &[u8], uid: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o644).custom_flags(libc::O_NOFOLLOW);
    fill(options.open(path)?, content, uid)
}

fn fill(mut file: File, content: &[u8], uid: u32) -> io::Result<()> {
    file.write_all(content)?;
    std::os::unix::fs::fchown(&file, Some(uid), Some(uid)).or_else(ignore_unmapped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn files_far_down_cost_a_look_at_every_directory_above_them() {
        let top = std::env::temp_dir().join(format!("docle-files-{}", std::process::id()));
        fs::create_dir_all(&top).unwrap();
        let deep = "a/".repeat(200);
        let paths = ["z", "a.b", "a/b", &format!("{deep}one"), "b/c/d", &format!("{deep}two"), "main.py", "b/a"];
        let files: Vec<_> =
            paths.iter().map(|path| ((*path).to_owned(), Content(format!("in {path}").into()))).collect();
        let own = nix::unistd::geteuid().as_raw();
        write_tree(&top, &files, Some("main.py"), own).unwrap();
        for (path, content) in &files {
            let found = fs::read(top.join(path)).ok().map(Content);
            assert_eq!(found.as_ref(), (path != "main.py").then_some(content), "{path}");
        }
        assert!(write_tree(&top, &[("z".into(), Content::default())], None, own).is_err(), "it is there already");
        fs::remove_dir_all(top).unwrap();
    }
}
