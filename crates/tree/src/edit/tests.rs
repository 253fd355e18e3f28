//! Differences of trees, and trees with paths of others.

use super::*;
use crate::manifest::{PackName, Stored, Time};

/// A tree of `path=content` entries: `path/` is a directory, `path->target` a link, `path=>first` a further name. Each content
/// lies in a pack of its own.
pub(crate) fn tree(save: u64, entries: &[&str]) -> Manifest {
    let mut manifest = Manifest::default();
    for entry in entries {
        let (path, content) = if let Some((path, first)) = entry.split_once("=>") {
            (path, Content::HardLink(first.into()))
        } else if let Some((path, target)) = entry.split_once("->") {
            (path, Content::Symlink(target.into()))
        } else if let Some((path, text)) = entry.split_once('=') {
            let (pack, length) = (manifest.packs.len() as u32, text.len() as u32);
            let name = PackName { save, number: pack };
            manifest.packs.push(Pack { name, bytes: length, live: length });
            let hash = *blake3::hash(text.as_bytes()).as_bytes();
            let stored = Stored { hash, length, pack, offset: 0, stored: length };
            (path, Content::File { size: length.into(), chunks: vec![Chunk::Stored(stored)] })
        } else {
            (entry.strip_suffix('/').unwrap(), Content::Directory)
        };
        let time = Time { seconds: save as i64, nanoseconds: 0 };
        manifest.entries.push(Entry { path: path.into(), mode: 0o644, time, content });
    }
    Manifest::decode(&manifest.encode().unwrap()).unwrap()
}

fn differing(before: &[&str], after: &[&str]) -> Vec<String> {
    let (before, after) = (tree(1, before), tree(2, after));
    let named = |one: &Difference| {
        let kind = match (one.before, one.after) {
            (None, _) => "+",
            (_, None) => "-",
            _ => "*",
        };
        format!("{kind}{}", String::from_utf8_lossy(one.path))
    };
    differences(&before, &after).iter().map(named).collect()
}

#[test]
fn what_differs_is_named_and_times_and_packs_are_no_difference() {
    let before = ["w/", "w/a=1", "w/b=2", "w/c->x", "w/d=>w/a", "w/e=5"];
    assert_eq!(differing(&before, &before), [] as [&str; 0]);
    let after = ["w/", "w/a=1", "w/b=3", "w/c->y", "w/d=1", "w/f/"];
    assert_eq!(differing(&before, &after), ["*w/b", "*w/c", "-w/e", "+w/f"]);
    let mut after = tree(2, &before);
    after.entries[1].mode = 0o755;
    // Both names of the file.
    assert_eq!(differences(&tree(1, &before), &after).len(), 2);
}

#[test]
fn paths_come_back_and_the_others_stay() {
    let from = tree(1, &["w/", "w/d/", "w/d/a=old", "w/d/b=old b", "w/x=old x"]);
    let now = tree(2, &["w/", "w/x=new x", "w/d2=other", "w/y=new y"]);
    let made = with_paths(&now, &from, &[b"w/d".to_vec()]).unwrap();
    let expected = tree(3, &["w/", "w/d/", "w/d/a=old", "w/d/b=old b", "w/x=new x", "w/d2=other", "w/y=new y"]);
    assert!(differences(&made, &expected).is_empty());
    let names: Vec<_> = made.packs.iter().map(|pack| pack.name).collect();
    assert_eq!(names.len(), 5, "{names:?}");
    Manifest::decode(&made.encode().unwrap()).unwrap();
}

#[test]
fn what_was_added_below_a_path_goes_and_missing_directories_come_along() {
    let from = tree(1, &["w/", "w/d/", "w/d/e/", "w/d/e/a=1"]);
    let now = tree(2, &["w/", "w/z=2"]);
    let made = with_paths(&now, &from, &[b"w/d/e/a".to_vec()]).unwrap();
    assert!(differences(&made, &tree(3, &["w/", "w/d/", "w/d/e/", "w/d/e/a=1", "w/z=2"])).is_empty());
    let now = tree(2, &["w/", "w/d/", "w/d/added=3"]);
    let made = with_paths(&now, &from, &[b"w/d".to_vec()]).unwrap();
    assert!(differences(&made, &from).is_empty());
    assert_eq!(with_paths(&now, &from, &[b"w/none".to_vec()]), Err(b"w/none".to_vec()));
}

#[test]
fn a_further_name_whose_file_does_not_come_along_is_a_file() {
    let from = tree(1, &["w/", "w/a=1", "w/b=>w/a"]);
    let now = tree(2, &["w/", "w/a=2", "w/c=>w/a"]);
    let made = with_paths(&now, &from, &[b"w/b".to_vec()]).unwrap();
    assert!(differences(&made, &tree(3, &["w/", "w/a=2", "w/b=1", "w/c=>w/a"])).is_empty());
    let made = with_paths(&now, &from, &[b"w/a".to_vec()]).unwrap();
    assert!(differences(&made, &tree(3, &["w/", "w/a=1", "w/c=2"])).is_empty());
}
