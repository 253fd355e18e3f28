//! Files that change between the tree that was saved and the one that comes.

use super::*;
use crate::sandbox::pack::pack_root;
use crate::sandbox::parts::{PLACE, clear};
use crate::sandbox::saved::FIXED;
use docle_tree::patch::Patch;
use docle_tree::{Manifest, Time};
use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicU32, Ordering};
use tar::Archive;

/// A root with the directories of a sandbox.
struct Root(PathBuf);

impl Root {
    fn new() -> Self {
        static ROOTS: AtomicU32 = AtomicU32::new(0);
        let number = ROOTS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("docle-patch-{}-{number}", std::process::id()));
        for fixed in FIXED {
            fs::create_dir_all(path.join(fixed)).unwrap();
        }
        Self(path)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.join("workspace").join(path)
    }

    fn write(&self, path: &str, content: &str) {
        fs::write(self.at(path), content).unwrap();
    }

    /// The files as a tree. Each file is one chunk, whose bytes are the pack of its number.
    fn tree(&self, packs: &mut Vec<Vec<u8>>) -> Manifest {
        let mut archive = Vec::new();
        pack_root(&self.0, &mut archive).unwrap();
        let mut manifest = Manifest::default();
        for entry in Archive::new(archive.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let kind = entry.header().entry_type();
            let target = || entry.link_name_bytes().unwrap().into_owned();
            let content = match () {
                () if kind.is_dir() => Content::Directory,
                () if kind.is_symlink() => Content::Symlink(target()),
                () if kind.is_hard_link() => Content::HardLink(target()),
                () => {
                    let mut bytes = Vec::new();
                    entry.read_to_end(&mut bytes).unwrap();
                    stored(&mut manifest, packs, bytes)
                }
            };
            let path = entry.path_bytes().into_owned();
            let mode = entry.header().mode().unwrap() & 0o7777;
            manifest.entries.push(docle_tree::Entry { path, mode, time: Time { seconds: 7, nanoseconds: 0 }, content });
        }
        manifest
    }

    fn patch(&self, before: &Manifest, after: &Manifest, packs: &[Vec<u8>]) -> Result<(), i32> {
        let Patch { steps, written } = Patch::new(before, after);
        let mut archive = Vec::new();
        let mut builder = tar::Builder::new(&mut archive);
        for entry in &written.entries {
            let content = match &entry.content {
                Content::File { chunks, .. } => chunks.iter().map(|chunk| bytes_of(&written, packs, chunk)).collect(),
                _ => Vec::new(),
            };
            let head = docle_tree::archive::Head::of(entry);
            docle_tree::archive::append(&mut builder, &head, content.concat().as_slice()).unwrap();
        }
        builder.into_inner().unwrap();
        let result = patch(&self.0, &steps, &mut archive.as_slice());
        assert_eq!(fs::read_dir(self.0.join(PLACE)).unwrap().count(), 0, "nothing is left behind");
        result.map_err(|error| error.raw_os_error().unwrap_or(0))
    }

    /// Path → mode, number of names, and content.
    fn look(&self) -> BTreeMap<String, String> {
        let top = self.0.join("workspace");
        let (mut found, mut left) = (BTreeMap::new(), vec![top.clone()]);
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
            let names = if status.is_dir() { 0 } else { status.nlink() };
            let path = path.strip_prefix(&top).unwrap().display().to_string();
            found.insert(path, format!("{:o} {names} {content}", status.mode() & 0o7777));
        }
        found
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = clear(&self.0);
    }
}

fn stored(manifest: &mut Manifest, packs: &mut Vec<Vec<u8>>, bytes: Vec<u8>) -> Content {
    let (length, size) = (bytes.len() as u32, bytes.len() as u64);
    if length == 0 {
        return Content::File { size, chunks: Vec::new() };
    }
    let name = docle_tree::PackName { save: 1, number: packs.len() as u32 };
    let (hash, pack) = (docle_tree::chunk::hash(&bytes), manifest.packs.len() as u32);
    manifest.packs.push(docle_tree::Pack { name, bytes: length, live: length });
    packs.push(bytes);
    let chunk = docle_tree::manifest::Stored { hash, length, pack, offset: 0, stored: length };
    Content::File { size, chunks: vec![Chunk::Stored(chunk)] }
}

fn bytes_of(manifest: &Manifest, packs: &[Vec<u8>], chunk: &Chunk) -> Vec<u8> {
    match chunk {
        Chunk::Zeros(length) => vec![0; *length as usize],
        Chunk::Stored(stored) => packs[manifest.packs[stored.pack as usize].name.number as usize].clone(),
    }
}

fn chmod(path: PathBuf, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn grow(root: &Root) {
    for directory in ["kept", "gone/deep", "closed"] {
        fs::create_dir_all(root.at(directory)).unwrap();
    }
    for path in ["kept/a", "kept/b", "gone/deep/x", "closed/c", "edited", "mode", "kind"] {
        root.write(path, path);
    }
    fs::hard_link(root.at("kept/a"), root.at("kept/again")).unwrap();
    symlink("kept", root.at("link")).unwrap();
    chmod(root.at("closed"), 0o500);
}

fn change(root: &Root) {
    fs::remove_dir_all(root.at("gone")).unwrap();
    chmod(root.at("closed"), 0o700);
    root.write("closed/new", "new");
    root.write("closed/c", "edited");
    chmod(root.at("closed"), 0o500);
    root.write("edited", "edited");
    chmod(root.at("mode"), 0o600);
    chmod(root.at("kept"), 0o750);
    fs::remove_file(root.at("link")).unwrap();
    symlink("gone", root.at("link")).unwrap();
    fs::remove_file(root.at("kind")).unwrap();
    fs::create_dir_all(root.at("kind/of")).unwrap();
    root.write("kind/of/file", "in");
    fs::hard_link(root.at("kept/b"), root.at("second")).unwrap();
    fs::hard_link(root.at("edited"), root.at("twice")).unwrap();
}

#[test]
fn every_change_comes_and_what_others_wrote_meanwhile_stays() {
    let (root, other, mut packs) = (Root::new(), Root::new(), Vec::new());
    grow(&root);
    grow(&other);
    let before = root.tree(&mut packs);
    change(&other);
    let after = other.tree(&mut packs);
    // What programs do between the two.
    root.write("own", "own");
    root.write("kept/own", "own");
    root.write("mode", "written since");
    root.patch(&before, &after, &packs).unwrap();
    let mut expected = other.look();
    for (path, what) in [("own", "644 1 own"), ("kept/own", "644 1 own"), ("mode", "600 1 written since")] {
        expected.insert(path.to_owned(), what.to_owned());
    }
    assert_eq!(root.look(), expected);
    // The way back: a directory becomes a file, and names become others.
    let (now, back) = (root.tree(&mut packs), before);
    root.patch(&now, &back, &packs).unwrap();
    let first = Root::new();
    grow(&first);
    assert_eq!(root.look(), first.look());
}

#[test]
fn a_path_that_is_not_as_expected_any_more_was_overwritten() {
    type Meanwhile = fn(&Root);
    let meanwhile: [Meanwhile; 11] = [
        |root| root.write("edited", "other"),
        |root| root.write("edited", "edites"),
        |root| chmod(root.at("edited"), 0o640),
        |root| fs::remove_file(root.at("edited")).unwrap(),
        |root| root.write("second", "made"),
        |root| root.write("kept/b", "linked"),
        |root| root.write("gone/deep/new", "made"),
        |root| root.write("gone/deep/x", "edited"),
        |root| chmod(root.at("mode"), 0o444),
        |root| {
            fs::remove_file(root.at("link")).unwrap();
            symlink("mine", root.at("link")).unwrap();
        },
        |root| {
            fs::rename(root.at("closed"), root.at("aside")).unwrap();
            symlink("aside", root.at("closed")).unwrap();
        },
    ];
    for (number, meanwhile) in meanwhile.into_iter().enumerate() {
        let (root, other, mut packs) = (Root::new(), Root::new(), Vec::new());
        grow(&root);
        grow(&other);
        let before = root.tree(&mut packs);
        change(&other);
        let after = other.tree(&mut packs);
        meanwhile(&root);
        let found = root.look();
        assert_eq!(root.patch(&before, &after, &packs), Err(CHANGED), "{number}");
        assert_eq!(root.look(), found, "{number}");
    }
}

#[test]
fn sockets_and_caches_go_with_their_directory() {
    let (root, mut packs) = (Root::new(), Vec::new());
    fs::create_dir(root.at("gone")).unwrap();
    let before = root.tree(&mut packs);
    let socket = UnixListener::bind(root.at("gone/socket")).unwrap();
    let after = Root::new().tree(&mut packs);
    root.patch(&before, &after, &packs).unwrap();
    assert!(!root.at("gone").exists());
    drop(socket);
}

#[test]
fn steps_lead_nowhere_else() {
    let root = Root::new();
    for path in ["etc/passwd", "../out", "workspace/../etc", "/workspace/a", "run/docle/x", ""] {
        let steps = [Step { path: path.into(), before: None, change: Change::Remove }];
        let error = patch(&root.0, &steps, &mut io::empty()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{path}");
    }
}

/// Changes some of a few names, as numbers say.
fn stir(root: &Root, numbers: &[u8]) {
    let names = ["a", "b", "d", "d/x", "d/y", "d/e", "d/e/z"];
    for pair in numbers.chunks_exact(2) {
        let place = root.at(names[usize::from(pair[0]) % names.len()]);
        let _ = match pair[1] % 8 {
            0 => clear(&place),
            1 => fs::create_dir_all(&place),
            2 => symlink("d/x", &place),
            3 => fs::hard_link(root.at("a"), &place),
            4 => fs::set_permissions(
                &place,
                Permissions::from_mode([0o700, 0o755, 0o500, 0o644][usize::from(pair[0]) % 4]),
            ),
            5 => fs::rename(root.at("d"), &place),
            number => fs::write(&place, number.to_string()),
        };
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(100))]

    #[test]
    fn files_are_those_of_the_new_tree_and_of_programs_or_as_before(
        first in proptest::collection::vec(0..64_u8, 0..24),
        second in proptest::collection::vec(0..64_u8, 0..16),
        meanwhile in proptest::collection::vec(0..64_u8, 0..6),
    ) {
        let (root, other, mut packs) = (Root::new(), Root::new(), Vec::new());
        stir(&root, &first);
        stir(&other, &first);
        let before = root.tree(&mut packs);
        let old = root.look();
        stir(&other, &second);
        let (after, new) = (other.tree(&mut packs), other.look());
        stir(&root, &meanwhile);
        let found = root.look();
        // The number of names tells which are names of one file, of which a change may be seen at another name.
        let unlinked = |look: &BTreeMap<String, String>| {
            let parts = |what: &String| what.splitn(3, ' ').map(str::to_owned).collect::<Vec<_>>();
            look.iter().map(|(path, what)| (path.clone(), [parts(what)[0].clone(), parts(what)[2].clone()])).collect::<BTreeMap<_, _>>()
        };
        match root.patch(&before, &after, &packs) {
            Err(errno) => {
                proptest::prop_assert_eq!(errno, CHANGED);
                proptest::prop_assert!(found != old, "nothing has changed since");
                proptest::prop_assert_eq!(root.look(), found);
            }
            Ok(()) => {
                // A program may have given a file another name. Its permissions then change at both.
                let has_names = |path: &str| found.get(path).is_some_and(|what| !["0", "1"].contains(&what.split(' ').nth(1).unwrap()));
                let shared: HashSet<_> = found.keys().filter(|path| has_names(path)).cloned().collect();
                let (old, new, found, now) = (unlinked(&old), unlinked(&new), unlinked(&found), unlinked(&root.look()));
                if found == old {
                    proptest::prop_assert_eq!(&now, &new);
                }
                let paths: HashSet<_> = [&old, &new, &found, &now].into_iter().flat_map(BTreeMap::keys).collect();
                for path in paths {
                    let at = |look: &BTreeMap<String, [String; 2]>| look.get(path).cloned();
                    // What the trees agree about is as programs have it, and what differs is as in the new one.
                    let [was, comes, is, becomes] = [&old, &new, &found, &now].map(at);
                    if was == comes && shared.contains(path) {
                        let content = |what: &Option<[String; 2]>| what.as_ref().map(|what| what[1].clone());
                        proptest::prop_assert_eq!(content(&becomes), content(&is), "{}", path);
                    } else if was == comes {
                        proptest::prop_assert_eq!(&becomes, &is, "{}", path);
                    } else if was == is {
                        proptest::prop_assert_eq!(&becomes, &comes, "{}", path);
                    }
                }
            }
        }
    }
}

#[test]
fn a_further_name_of_a_file_in_a_new_directory_was_lost() {
    let (root, mut packs) = (Root::new(), Vec::new());
    root.write("a", "a");
    let before = root.tree(&mut packs);
    let other = Root::new();
    other.write("a", "a");
    fs::create_dir_all(other.at("d/e")).unwrap();
    fs::hard_link(other.at("a"), other.at("d/e/x")).unwrap();
    let after = other.tree(&mut packs);
    root.patch(&before, &after, &packs).unwrap();
    assert_eq!(root.look(), other.look());
}
