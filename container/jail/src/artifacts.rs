//! Hands the files of an ended program over: finds them by pattern, and opens them.
//!
//! Runs in the jail's first process after every other process of it is gone, so nothing moves underneath. It follows no
//! link all the same, and opens nothing but regular files that belong to the program. The server gets open descriptors and
//! never sees a path of the jail.

use super::entries::is_itself;
use super::launch::MAX_ARTIFACTS;
use super::pattern::{covers, depth};
use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Directories inside each other.
const MAX_DEPTH: usize = 64;
/// Names that are looked at. A jail has at most 32,768 files and directories.
const MAX_NAMES: usize = 65_536;
/// Bytes of a name in JSON: longer ones, and those that are not UTF-8, are left out.
const MAX_NAME_BYTES: usize = 1_024;
/// Directories only, and no links to them.
const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);
/// A file, and no link to one. Opening a pipe would wait for its writer.
const FILE: OFlag = OFlag::O_RDONLY.union(OFlag::O_NOFOLLOW).union(OFlag::O_NONBLOCK).union(OFlag::O_CLOEXEC);

/// Calls `say` with each file below `top` that a pattern covers, sorted by name: the first [`MAX_ARTIFACTS`]. Returns how
/// many further files there are.
pub fn hand_over(
    top: &Path,
    patterns: &[String],
    mut say: impl FnMut(String, &OwnedFd) -> io::Result<()>,
) -> io::Result<u32> {
    let directory = nix::fcntl::open(top, DIRECTORY, Mode::empty())?;
    let own = fstat(&directory)?;
    let deepest = patterns.iter().map(|pattern| depth(pattern).unwrap_or(MAX_DEPTH)).max().unwrap_or(0);
    let mut search =
        Search { patterns, own, deepest: deepest.min(MAX_DEPTH), left: MAX_NAMES, found: BTreeSet::new(), omitted: 0 };
    search.look(directory.try_clone()?, "")?;
    for name in &search.found {
        match open(directory.as_fd(), name, &own) {
            Some(file) => say(name.clone(), &file)?,
            None => search.omitted += 1,
        }
    }
    Ok(search.omitted)
}

struct Search<'a> {
    patterns: &'a [String],
    /// The status of the top directory, which belongs to the program's user.
    own: FileStat,
    deepest: usize,
    left: usize,
    /// The first names.
    found: BTreeSet<String>,
    omitted: u32,
}

impl Search<'_> {
    /// Looks through a directory, whose path below the top is `above`.
    fn look(&mut self, directory: OwnedFd, above: &str) -> io::Result<()> {
        let at = directory.try_clone()?;
        // What one directory has is read as a whole, because the stream of it holds a descriptor.
        let mut below = Vec::new();
        for entry in Dir::from_fd(directory)?.iter() {
            let Ok(entry) = entry else { break };
            let name = entry.file_name();
            if is_itself(name) {
                continue;
            }
            let Some(left) = self.left.checked_sub(1) else { break };
            self.left = left;
            let Ok(status) = fstatat(&at, name, AtFlags::AT_SYMLINK_NOFOLLOW) else { continue };
            let Ok(text) = name.to_str() else {
                self.omitted += u32::from(is_file(&status) && self.patterns.iter().any(|pattern| pattern == "**"));
                continue;
            };
            let path = if above.is_empty() { text.to_owned() } else { format!("{above}/{text}") };
            if is_file(&status) && is_own(&status, &self.own) {
                self.add(path);
            } else if is_kind(&status, SFlag::S_IFDIR) && path.matches('/').count() < self.deepest {
                below.push(path);
            }
        }
        for path in below {
            let name = path.rsplit('/').next().unwrap_or_default();
            if let Ok(inner) = openat(&at, name, DIRECTORY, Mode::empty()) {
                self.look(inner, &path)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: String) {
        if !self.patterns.iter().any(|pattern| covers(pattern, &path)) {
            return;
        }
        if serde_json::to_string(&path).map_or(usize::MAX, |json| json.len() - 2) > MAX_NAME_BYTES {
            self.omitted += 1;
            return;
        }
        self.found.insert(path);
        if self.found.len() > MAX_ARTIFACTS {
            self.found.pop_last();
            self.omitted += 1;
        }
    }
}

/// Opens a file, directory by directory; `None` if it is not there any more as it was found.
fn open(top: BorrowedFd, path: &str, own: &FileStat) -> Option<OwnedFd> {
    let (directories, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut at = top.try_clone_to_owned().ok()?;
    for directory in directories.split('/').filter(|directory| !directory.is_empty()) {
        at = openat(&at, directory, DIRECTORY, Mode::empty()).ok()?;
    }
    let file = openat(&at, name, FILE, Mode::empty()).ok()?;
    let status = fstat(&file).ok()?;
    (is_file(&status) && is_own(&status, own)).then_some(file)
}

/// Whether a file belongs to the program. One that others own, which the program has only given another name, does not.
fn is_own(status: &FileStat, own: &FileStat) -> bool {
    status.st_uid == own.st_uid
}

fn is_file(status: &FileStat) -> bool {
    is_kind(status, SFlag::S_IFREG)
}

fn is_kind(status: &FileStat, kind: SFlag) -> bool {
    SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits()) == kind
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    /// A directory that is removed when this is dropped.
    struct Tree(std::path::PathBuf);

    impl Tree {
        fn new(name: &str) -> Self {
            let top = std::env::temp_dir().join(format!("docle-artifacts-{name}-{}", std::process::id()));
            fs::create_dir_all(&top).unwrap();
            Self(top)
        }

        fn file(&self, path: &str, content: &str) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }

        fn handed_over(&self, patterns: &[&str]) -> (Vec<(String, String)>, u32) {
            let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
            let mut files = Vec::new();
            let omitted = hand_over(&self.0, &patterns, |name, file| {
                let mut content = String::new();
                fs::File::from(file.try_clone()?).read_to_string(&mut content)?;
                files.push((name, content));
                Ok(())
            });
            (files, omitted.unwrap())
        }

        fn names(&self, patterns: &[&str]) -> Vec<String> {
            self.handed_over(patterns).0.into_iter().map(|(name, _)| name).collect()
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn files_are_found_by_pattern_and_sorted() {
        let tree = Tree::new("patterns");
        for path in ["b.png", "a.png", "out/c.png", "out/deep/d.png", "e.txt"] {
            tree.file(path, path);
        }
        assert_eq!(tree.names(&["*.png"]), ["a.png", "b.png"]);
        assert_eq!(tree.names(&["out/*.png"]), ["out/c.png"]);
        assert_eq!(tree.names(&["**/*.png", "e.txt"]), ["a.png", "b.png", "e.txt", "out/c.png", "out/deep/d.png"]);
        assert_eq!(tree.names(&["out", "../*", "/etc/passwd", "out/../*", "nothing"]), [""; 0]);
        assert_eq!(tree.handed_over(&["e.txt"]), (vec![("e.txt".into(), "e.txt".into())], 0));
    }

    #[test]
    fn what_is_no_regular_file_is_not_handed_over() {
        let tree = Tree::new("kinds");
        tree.file("real", "real");
        tree.file("dir/real", "real");
        symlink("/etc/passwd", tree.0.join("link")).unwrap();
        symlink("real", tree.0.join("inner")).unwrap();
        symlink("/etc", tree.0.join("etc")).unwrap();
        symlink("dir", tree.0.join("also")).unwrap();
        nix::unistd::mkfifo(&tree.0.join("fifo"), Mode::from_bits_truncate(0o644)).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(tree.0.join("socket")).unwrap();
        assert_eq!(tree.names(&["**"]), ["dir/real", "real"]);
        assert_eq!(tree.names(&["link", "etc/passwd", "also/real", "fifo", "socket"]), [""; 0]);
    }

    #[test]
    fn a_hard_link_to_a_file_of_others_is_not_handed_over() {
        let tree = Tree::new("owner");
        tree.file("own", "");
        tree.file("theirs", "");
        if std::os::unix::fs::chown(tree.0.join("theirs"), Some(12_345), None).is_ok() {
            assert_eq!(tree.names(&["**"]), ["own"]);
        }
        tree.file("two", "2");
        fs::hard_link(tree.0.join("two"), tree.0.join("names")).unwrap();
        let named = tree.names(&["two", "names"]);
        assert_eq!(named, ["names", "two"], "two names of a file of its own are fine");
    }

    #[test]
    fn names_that_are_long_or_no_text_are_counted() {
        use std::os::unix::ffi::OsStrExt;
        let tree = Tree::new("names");
        tree.file("a\nb", "");
        fs::write(tree.0.join(std::ffi::OsStr::from_bytes(b"\xff")), "").unwrap();
        tree.file(&"\u{1}".repeat(200), "");
        assert_eq!(tree.handed_over(&["**"]), (vec![("a\nb".into(), String::new())], 2));
    }

    #[test]
    fn many_files_and_a_deep_tree_are_bounded() {
        let tree = Tree::new("many");
        for n in 0..2_000 {
            tree.file(&format!("{n:04}"), "");
        }
        let (files, omitted) = tree.handed_over(&["*"]);
        assert_eq!((files.len(), omitted), (MAX_ARTIFACTS, 2_000 - MAX_ARTIFACTS as u32));
        assert_eq!(files[0].0, "0000");
        let deep = "d/".repeat(200);
        fs::create_dir_all(tree.0.join(&deep)).unwrap();
        tree.file(&format!("{deep}last"), "");
        tree.file(&format!("{}near", "d/".repeat(MAX_DEPTH)), "");
        assert_eq!(tree.names(&["**/last", "**/near"]), [format!("{}near", "d/".repeat(MAX_DEPTH))]);
    }

    #[test]
    fn a_directory_that_was_swapped_for_a_link_is_left_out() {
        let tree = Tree::new("swapped");
        tree.file("out/passwd", "own");
        let own = fs::metadata(&tree.0).unwrap();
        let top = nix::fcntl::open(&tree.0, DIRECTORY, Mode::empty()).unwrap();
        let status = fstat(&top).unwrap();
        assert!(open(top.as_fd(), "out/passwd", &status).is_some(), "{own:?}");
        fs::remove_dir_all(tree.0.join("out")).unwrap();
        symlink("/etc", tree.0.join("out")).unwrap();
        assert!(open(top.as_fd(), "out/passwd", &status).is_none());
    }
}
