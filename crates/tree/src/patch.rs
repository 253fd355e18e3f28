//! What leads from one tree to another: what becomes of each path that differs, and the files that it takes.
//!
//! Each step names what it expects, so that it can be refused where the files are not those of the tree before any more.

use crate::edit::{Difference, Found, Packs, by_path, differences, move_to, ordered};
use crate::manifest::{Content, Entry, Manifest, PackName, bytes};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The way from one tree to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// By path, so a directory comes before what is in it.
    pub steps: Vec<Step>,
    /// The entries that are written, and no others: neither the directories above them nor the target of [`Change::Link`].
    pub written: Manifest,
}

/// What becomes of one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    #[serde(with = "bytes")]
    pub path: Vec<u8>,
    /// What is expected there.
    pub before: Option<Node>,
    pub change: Change,
}

/// A file, directory or link, whenever it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub mode: u32,
    pub content: Content,
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// It stays, and is expected as the target of a link.
    Stay,
    Remove,
    /// The entry of this path among those that are written takes its place.
    Write,
    /// It becomes a further name of the file at this path, which stays.
    Link(#[serde(with = "bytes")] Vec<u8>),
    /// It gets other permissions, whatever its content is by then.
    Mode(u32),
}

impl Patch {
    /// What leads from `before` to `after`. Both lie in the packs of one sandbox. Other times are no difference.
    pub fn new(before: &Manifest, after: &Manifest) -> Self {
        let all = differences(before, after);
        let (linked, entries): (_, BTreeMap<&[u8], &Entry>) =
            (linked(before), after.entries.iter().map(|entry| (entry.path.as_slice(), entry)).collect());
        let is_written = |one: &Difference| match (&one.before, &one.after) {
            (Some(old), Some(new)) => !old.is_same_content(new) || linked.contains(one.path),
            (_, new) => new.is_some(),
        };
        let written: BTreeSet<&[u8]> = all.iter().filter(|one| is_written(one)).map(|one| one.path).collect();
        let (old, mut expected) = (by_path(before), BTreeSet::new());
        let mut steps = BTreeMap::new();
        let mut packs = Packs::default();
        let places = packs.add(&after.packs);
        let mut made = BTreeMap::new();
        for one in &all {
            let change = match (&one.after, entries.get(one.path)) {
                (Some(_), Some(entry)) if written.contains(one.path) => match &entry.content {
                    Content::HardLink(target) if !written.contains(target.as_slice()) => {
                        expected.insert(target.as_slice());
                        Change::Link(target.clone())
                    }
                    _ => {
                        let mut entry = (*entry).clone();
                        move_to(&mut entry.content, &places);
                        made.insert(entry.path.clone(), entry);
                        Change::Write
                    }
                },
                (Some(found), Some(_)) => Change::Mode(found.mode),
                _ => Change::Remove,
            };
            steps.insert(one.path, Step { path: one.path.to_vec(), before: one.before.map(node), change });
        }
        for path in expected {
            // It stays, so a step of its own says no more than this one.
            let stays = Step { path: path.to_vec(), before: old.get(path).copied().map(node), change: Change::Stay };
            steps.entry(path).or_insert(stays);
        }
        Self { steps: steps.into_values().collect(), written: ordered(packs.into_list(), made) }
    }

    /// The packs that hold the content of what is written, in the order in which a runner takes them.
    pub fn packs(&self) -> impl Iterator<Item = PackName> {
        self.written.packs.iter().map(|pack| pack.name)
    }
}

fn node(found: Found<'_>) -> Node {
    Node { mode: found.mode, content: found.content.clone() }
}

/// The paths of files that have several names. Permissions belong to the file, so one name of them cannot get others.
fn linked(manifest: &Manifest) -> BTreeSet<&[u8]> {
    let links = manifest.entries.iter().filter_map(|entry| match &entry.content {
        Content::HardLink(target) => Some([entry.path.as_slice(), target.as_slice()]),
        _ => None,
    });
    links.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::tests::tree;
    use proptest::prelude::*;

    fn steps(before: &Manifest, after: &Manifest) -> Vec<String> {
        let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
        let described = |Step { path, change, .. }: Step| match change {
            Change::Link(target) => format!("{} Link {}", text(&path), text(&target)),
            change => format!("{} {change:?}", text(&path)),
        };
        Patch::new(before, after).steps.into_iter().map(described).collect()
    }

    #[test]
    fn only_what_differs_becomes_a_step() {
        let before = tree(1, &["w/", "w/a=1", "w/b=2", "w/c/", "w/c/d=3", "w/e->x", "w/f=4"]);
        let mut after = tree(1, &["w/", "w/a=1", "w/b=5", "w/e->y", "w/f=4", "w/g/", "w/g/h=6"]);
        after.entries[1].mode = 0o700;
        after.entries[4].time.seconds += 9;
        let expected =
            ["w/a Mode(448)", "w/b Write", "w/c Remove", "w/c/d Remove", "w/e Write", "w/g Write", "w/g/h Write"];
        assert_eq!(steps(&before, &after), expected);
        let patch = Patch::new(&before, &after);
        let paths: Vec<_> = patch.written.entries.iter().map(|entry| entry.path.as_slice()).collect();
        assert_eq!(paths, [&b"w/b"[..], b"w/e", b"w/g", b"w/g/h"]);
        assert_eq!(patch.steps[1].before.as_ref().unwrap().mode, 0o644);
    }

    #[test]
    fn names_of_one_file_stay_names_of_one_file() {
        let file = tree(1, &["w/", "w/a=1", "w/b=2"]);
        let mut linked = file.clone();
        linked.entries[2].content = Content::HardLink(b"w/a".to_vec());
        // A further name of a file that stays.
        assert_eq!(steps(&tree(1, &["w/", "w/a=1"]), &linked), ["w/a Stay", "w/b Link w/a"]);
        // Both names are new.
        assert_eq!(steps(&tree(1, &["w/"]), &linked), ["w/a Write", "w/b Write"]);
        // One of two names gets other permissions, and the other one keeps its own.
        let mut apart = tree(1, &["w/", "w/a=1", "w/b=1"]);
        apart.entries[2].mode = 0o600;
        assert_eq!(steps(&linked, &apart), ["w/b Write"]);
    }

    proptest! {
        #[test]
        fn both_sides_of_a_wire_name_the_same_packs(
            contents in proptest::collection::vec((0..4_u8, 0..4_u8), 1..6),
        ) {
            let listed = |pick: fn(&(u8, u8)) -> u8| {
                let files: Vec<String> =
                    contents.iter().enumerate().map(|(at, both)| format!("w/{at}={}", pick(both))).collect();
                let names: Vec<&str> = std::iter::once("w/").chain(files.iter().map(String::as_str)).collect();
                tree(1, &names)
            };
            let (before, after) = (listed(|both| both.0), listed(|both| both.1));
            let patch = Patch::new(&before, &after);
            prop_assert_eq!(patch.steps.len(), contents.iter().filter(|(one, other)| one != other).count());
            let reread = Manifest::decode(&after.encode().unwrap()).unwrap();
            prop_assert_eq!(&Patch::new(&before, &reread), &patch);
            prop_assert!(patch.packs().all(|name| after.packs.iter().any(|pack| pack.name == name)));
            prop_assert!(patch.written.stored().all(|stored| (stored.pack as usize) < patch.written.packs.len()));
        }
    }
}
