//! Archives as others may send them, into a directory.

use super::*;
use crate::sandbox::parts::PLACE;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::atomic::{AtomicU32, Ordering};
use tar::{Builder, EntryType, Header};

/// An empty directory.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static PLACES: AtomicU32 = AtomicU32::new(0);
        let number = PLACES.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("docle-import-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    fn import(&self, path: &str, archive: &[u8]) -> Result<(), i32> {
        let path = self.at(path);
        // Things that are not complete lie elsewhere.
        let root = Place::new();
        let result = import(&root.0, path.as_os_str().as_bytes(), &mut &*archive).map(drop);
        assert_eq!(fs::read_dir(root.at(PLACE)).into_iter().flatten().count(), 0, "nothing is left behind");
        result.map_err(|error| crate::sandbox::entry::Refused::from(error).errno)
    }

    fn exported(&self) -> Vec<u8> {
        let mut archive = Vec::new();
        export(&fs::canonicalize(&self.0).unwrap(), &mut archive).unwrap();
        archive
    }

    /// Every path below it, with what is there.
    fn look(&self) -> Vec<String> {
        let (mut found, mut left) = (Vec::new(), vec![self.0.clone()]);
        while let Some(path) = left.pop() {
            let status = fs::symlink_metadata(&path).unwrap();
            let content = match status.file_type() {
                kind if kind.is_symlink() => format!("-> {}", fs::read_link(&path).unwrap().display()),
                kind if kind.is_file() => fs::read_to_string(&path).unwrap(),
                _ => "/".to_owned(),
            };
            if status.is_dir() {
                left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
            let path = path.strip_prefix(&self.0).unwrap().display().to_string();
            if !path.is_empty() {
                found.push(format!("{path} {:o} {content}", status.mode() & 0o7777));
            }
        }
        found.sort();
        found
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An archive of entries: files with the content `x`.
fn archive(entries: &[(EntryType, &str, &str)]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (kind, path, link) in entries {
        let content: &[u8] = if kind.is_file() || kind.is_gnu_sparse() { b"x" } else { b"" };
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o640);
        header.set_mtime(7);
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn a_directory_comes_back_as_it_was_in_another_place() {
    let place = Place::new();
    fs::create_dir_all(place.at("a/b")).unwrap();
    fs::write(place.at("a/b/file"), "content").unwrap();
    fs::hard_link(place.at("a/b/file"), place.at("a/again")).unwrap();
    symlink("../nowhere", place.at("a/link")).unwrap();
    fs::set_permissions(place.at("a/b"), fs::Permissions::from_mode(0o750)).unwrap();
    let other = Place::new();
    other.import("new/place", &place.exported()).unwrap();
    let moved: Vec<_> = place.look().into_iter().map(|line| format!("new/place/{line}")).collect();
    assert_eq!(other.look()[2..], moved);
    assert_eq!(fs::metadata(other.at("new/place/a/again")).unwrap().nlink(), 2);
}

#[test]
fn what_is_there_stays_and_files_of_the_same_name_are_replaced() {
    use EntryType as Kind;
    let place = Place::new();
    fs::create_dir_all(place.at("d")).unwrap();
    fs::set_permissions(place.at("d"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(place.at("d/old"), "old").unwrap();
    fs::write(place.at("d/same"), "old").unwrap();
    symlink("old", place.at("d/link")).unwrap();
    let sent = [
        (Kind::Directory, "./", ""),
        (Kind::Directory, "d", ""),
        (Kind::Regular, "./d/same", ""),
        (Kind::Regular, "d/link", ""),
        (Kind::Regular, "e/f/new", ""),
    ];
    place.import("", &archive(&sent)).unwrap();
    let expected =
        ["d 700 /", "d/link 640 x", "d/old 644 old", "d/same 640 x", "e 755 /", "e/f 755 /", "e/f/new 640 x"];
    assert_eq!(place.look(), expected);
}

#[test]
fn an_archive_that_is_refused_changes_nothing() {
    use EntryType as Kind;
    let place = Place::new();
    let outside = Place::new();
    fs::write(outside.at("victim"), "kept").unwrap();
    fs::create_dir(place.at("directory")).unwrap();
    fs::write(place.at("file"), "kept").unwrap();
    symlink(&outside.0, place.at("out")).unwrap();
    let before = place.look();
    let escape = outside.at("victim").display().to_string();
    let up = format!("../{}/victim", outside.0.file_name().unwrap().display());
    type Refused<'a> = (&'a [(Kind, &'a str, &'a str)], i32);
    let refused: [Refused; 9] = [
        (&[(Kind::Regular, "ok", ""), (Kind::Regular, &up, "")], libc::EBADMSG),
        (&[(Kind::Regular, "a/../../x", "")], libc::EBADMSG),
        (&[(Kind::Symlink, "a", &escape), (Kind::Regular, "a/x", "")], libc::ENOTDIR),
        (&[(Kind::Link, "a", &up)], libc::EBADMSG),
        (&[(Kind::Link, "a", &escape)], libc::ENOENT),
        (&[(Kind::Regular, "ok", ""), (Kind::Regular, "out/victim", "")], libc::ENOTDIR),
        (&[(Kind::Regular, "ok", ""), (Kind::Regular, "directory", "")], libc::EISDIR),
        (&[(Kind::Regular, "file/x", "")], libc::ENOTDIR),
        (&[(Kind::GNUSparse, "sparse", "")], libc::EBADMSG),
    ];
    for (entries, errno) in refused {
        assert_eq!(place.import("", &archive(entries)), Err(errno), "{entries:?}");
        assert_eq!(place.look(), before, "{entries:?}");
    }
    for broken in [&b""[..], b"no archive", &archive(&[(Kind::Regular, "a", "")])[..600]] {
        assert!(place.import("", broken).is_err());
        assert_eq!(place.look(), before);
    }
    assert_eq!(place.import("file", &archive(&[(Kind::Regular, "a", "")])), Err(libc::EEXIST));
    assert_eq!(fs::read_to_string(outside.at("victim")).unwrap(), "kept");
}

#[test]
fn an_archive_of_too_many_entries_is_refused() {
    let place = Place::new();
    let one = archive(&[(EntryType::Regular, "a", "")])[..1_024].to_vec();
    let bytes = [one.repeat(MAX_ENTRIES + 1), vec![0; 1_024]].concat();
    assert_eq!(place.import("", &bytes), Err(libc::E2BIG));
    assert!(place.look().is_empty());
}

#[test]
fn files_of_a_few_bytes_made_an_archive_without_end() {
    let place = Place::new();
    fs::create_dir(place.at("in")).unwrap();
    for name in ["a", "in/b"] {
        fs::File::create(place.at(name)).unwrap().set_len(2 << 30).unwrap();
    }
    fs::hard_link(place.at("a"), place.at("again")).unwrap();
    symlink(&place.0, place.at("in/round")).unwrap();
    check_size(&place.0).unwrap();
    fs::write(place.at("in/c"), "x").unwrap();
    assert_eq!(check_size(&place.0).unwrap_err().raw_os_error(), Some(libc::EOVERFLOW));
    // Files that grow after that end the archive.
    let few = Place::new();
    for name in ["a", "b"] {
        fs::write(few.at(name), "x".repeat(10)).unwrap();
    }
    assert_eq!(pack_directory(&few.0, 19, io::sink()).unwrap_err().raw_os_error(), Some(libc::EOVERFLOW));
    pack_directory(&few.0, 20, io::sink()).unwrap();
}
