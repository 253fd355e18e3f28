//! Archives as others may send them.

use super::*;
use crate::sandbox::pack::pack_root;
use crate::sandbox::parts::{PLACE, clear};
use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicU32, Ordering};
use tar::{Builder, Header};

/// A root with the directories of a sandbox.
struct Root(PathBuf);

impl Root {
    fn new() -> Self {
        static ROOTS: AtomicU32 = AtomicU32::new(0);
        let number = ROOTS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("docle-archive-{}-{number}", std::process::id()));
        for fixed in FIXED {
            fs::create_dir_all(path.join(fixed)).unwrap();
        }
        fs::create_dir_all(path.join("etc")).unwrap();
        fs::write(path.join("etc/passwd"), "kept").unwrap();
        Self(path)
    }

    fn packed(&self) -> Vec<u8> {
        let mut archive = Vec::new();
        pack_root(&self.0, &mut archive).unwrap();
        archive
    }

    fn unpack(&self, archive: &[u8]) -> Result<(), i32> {
        unpack_root(&self.0, archive).map_err(|error| super::super::entry::Refused::from(error).errno)
    }

    /// Path → everything about what is there.
    fn look(&self) -> BTreeMap<PathBuf, String> {
        let (mut found, mut left) = (BTreeMap::new(), vec![self.0.clone()]);
        while let Some(path) = left.pop() {
            let status = fs::symlink_metadata(&path).unwrap();
            let content = match status.file_type() {
                kind if kind.is_symlink() => format!("{:?}", fs::read_link(&path).unwrap()),
                kind if kind.is_file() => format!("{:?}", fs::read(&path).unwrap()),
                _ => String::new(),
            };
            if status.is_dir() {
                left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
            let relative = path.strip_prefix(&self.0).unwrap().to_owned();
            if !is_saved(&relative) {
                continue;
            }
            let (mode, links) = (status.mode(), if status.is_dir() { 0 } else { status.nlink() });
            let time = (status.mtime(), status.mtime_nsec());
            found.insert(relative, format!("{mode:o} {links} {time:?} {content}"));
        }
        found
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = clear(&self.0);
    }
}

fn header(kind: EntryType, path: &[u8], link: &[u8], size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..path.len()].copy_from_slice(path);
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_mtime(7);
    header.set_size(size);
    header.set_cksum();
    header
}

/// An archive of entries with the content `x`.
fn archive(entries: &[(EntryType, &str, &str)]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (kind, path, link) in entries {
        let content: &[u8] = if kind.is_file() { b"x" } else { b"" };
        builder.append(&header(*kind, path.as_bytes(), link.as_bytes(), content.len() as u64), content).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn everything_about_a_file_comes_back() {
    let root = Root::new();
    let at = |path: &str| root.0.join("workspace").join(path);
    fs::create_dir_all(at("deep/er")).unwrap();
    fs::write(at("deep/er/file"), b"content\0").unwrap();
    fs::write(at("locked"), "secret").unwrap();
    fs::set_permissions(at("locked"), Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(at("deep"), Permissions::from_mode(0o2555)).unwrap();
    fs::hard_link(at("locked"), at("second")).unwrap();
    symlink("./a/../b//c/", at("link")).unwrap();
    symlink("t".repeat(300), at("long-link")).unwrap();
    fs::write(at(&"n".repeat(255)), "").unwrap();
    fs::write(at("x").with_file_name(OsStr::from_bytes(b"\xff line\nend")), "bytes").unwrap();
    let long = format!("{}/{}\n{}", "d".repeat(200), "e".repeat(100), "f".repeat(100));
    fs::create_dir_all(at(&long)).unwrap();
    mkfifo(&at("pipe"), Mode::from_bits_truncate(0o640)).unwrap();
    fs::create_dir(root.0.join("own")).unwrap();
    fs::write(root.0.join("own/x"), "own").unwrap();
    fs::create_dir_all(root.0.join("home/user/.cache/x")).unwrap();
    let archive = root.packed();
    let mut before = root.look();
    before.retain(|path, _| !path.starts_with("home/user/.cache"));

    let other = Root::new();
    fs::write(other.0.join("workspace/old"), "old").unwrap();
    fs::create_dir_all(other.0.join("own/old")).unwrap();
    fs::create_dir_all(other.0.join("older")).unwrap();
    other.unpack(&archive).unwrap();
    assert_eq!(other.look(), before);
    assert_eq!(other.packed(), archive, "and the archive of it is the same");
    other.unpack(&archive).unwrap();
    assert_eq!(other.look(), before, "twice is once");
}

#[test]
fn a_file_with_holes_takes_no_more_room_when_it_comes_back() {
    let root = Root::new();
    let mut file = File::create(root.0.join("workspace/sparse")).unwrap();
    file.seek(SeekFrom::Start(32 << 20)).unwrap();
    file.write_all(b"end").unwrap();
    file.set_len(64 << 20).unwrap();
    let other = Root::new();
    other.unpack(&root.packed()).unwrap();
    let found = fs::metadata(other.0.join("workspace/sparse")).unwrap();
    assert_eq!(found.len(), 64 << 20);
    assert!(found.blocks() * 512 < 1 << 20, "{}", found.blocks());
}

#[test]
fn an_archive_that_is_cut_or_broken_changed_what_was_there() {
    let root = Root::new();
    fs::write(root.0.join("workspace/old"), "old").unwrap();
    let before = root.look();
    let other = Root::new();
    fs::write(other.0.join("workspace/new"), vec![1; 5_000]).unwrap();
    let archive = other.packed();
    for length in [0, 100, 512, archive.len() / 2 / 512 * 512 + 100] {
        assert!(root.unpack(&archive[..length]).is_err(), "{length}");
    }
    let mut broken = archive.clone();
    broken[5] ^= 0xff;
    assert!(root.unpack(&broken).is_err());
    assert_eq!(root.look(), before);
    assert_eq!(fs::read_dir(root.0.join(PLACE)).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn no_entry_leads_out_of_where_files_are_saved() {
    use EntryType as Kind;
    let refused: [&[(Kind, &str, &str)]; 5] = [
        &[(Kind::Regular, "workspace/../etc/passwd", "")],
        &[(Kind::Regular, "../outside", "")],
        &[(Kind::Symlink, "workspace/a", "/etc"), (Kind::Regular, "workspace/a/passwd", "")],
        &[(Kind::Symlink, "workspace/a", "../etc"), (Kind::Link, "workspace/b", "workspace/a/passwd")],
        &[(Kind::Link, "workspace/b", "../etc/passwd")],
    ];
    for entries in refused {
        let root = Root::new();
        assert!(root.unpack(&archive(entries)).is_err(), "{entries:?}");
        assert_eq!(fs::read(root.0.join("etc/passwd")).unwrap(), b"kept");
        assert!(!root.0.with_file_name("outside").exists());
    }
    let harmless = archive(&[
        (Kind::Regular, "/workspace/absolute", ""),
        (Kind::Regular, "etc/passwd", ""),
        (Kind::Regular, "usr/bin/env", ""),
        (Kind::Char, "workspace/null", ""),
        (Kind::Block, "workspace/disk", ""),
        (Kind::Symlink, "workspace/out", "/etc/passwd"),
        (Kind::Regular, "workspace/out", ""),
        (Kind::Regular, "workspace/twice", ""),
        (Kind::Symlink, "workspace/twice", "absolute"),
    ]);
    let root = Root::new();
    root.unpack(&harmless).unwrap();
    let names: Vec<_> = root.look().into_keys().filter(|path| path.parent() == Some(Path::new("workspace"))).collect();
    assert_eq!(names, ["absolute", "out", "twice"].map(|name| Path::new("workspace").join(name)));
    assert_eq!(fs::read(root.0.join("etc/passwd")).unwrap(), b"kept");
    assert!(!root.0.join("usr").exists());
    assert!(fs::symlink_metadata(root.0.join("workspace/out")).unwrap().is_file());
}
