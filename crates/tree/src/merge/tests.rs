//! Merges of trees, by example and by property.

use super::*;
use crate::edit::differences;
use crate::edit::tests::tree;
use proptest::prelude::*;

const NUMBER: u64 = 9;

fn merged(base: &[&str], ours: &[&str], theirs: &[&str]) -> Result<Manifest, Vec<String>> {
    let (base, ours, theirs) = (tree(1, base), tree(2, ours), tree(3, theirs));
    let named = |conflict: Conflict| String::from_utf8_lossy(conflict.path).into_owned();
    match merge(&base, &ours, &theirs, NUMBER) {
        Ok(Merged { manifest, .. }) => Ok(Manifest::decode(&manifest.encode().unwrap()).unwrap()),
        Err(conflicts) => Err(conflicts.into_iter().map(named).collect()),
    }
}

fn assert_merges(base: &[&str], ours: &[&str], theirs: &[&str], expected: &[&str]) {
    let (found, expected) = (merged(base, ours, theirs).unwrap(), tree(4, expected));
    assert!(differences(&found, &expected).is_empty(), "{:?}", differences(&found, &expected));
}

fn assert_conflicts(base: &[&str], ours: &[&str], theirs: &[&str], expected: &[&str]) {
    assert_eq!(merged(base, ours, theirs).unwrap_err(), expected);
}

#[test]
fn each_side_keeps_what_it_alone_has_changed() {
    let base = ["w/", "w/a=1", "w/b=1", "w/c=1", "w/d->x"];
    assert_merges(
        &base,
        &["w/", "w/a=2", "w/b=1", "w/d->x", "w/new=ours"],
        &["w/", "w/a=1", "w/b=3", "w/c=1", "w/d->y", "w/e/", "w/e/f=4"],
        &["w/", "w/a=2", "w/b=3", "w/d->y", "w/e/", "w/e/f=4", "w/new=ours"],
    );
}

#[test]
fn the_same_change_on_both_sides_is_no_conflict() {
    assert_merges(
        &["w/", "w/a=1", "w/b=1"],
        &["w/", "w/a=2", "w/c=3"],
        &["w/", "w/a=2", "w/c=3"],
        &["w/", "w/a=2", "w/c=3"],
    );
}

#[test]
fn different_changes_of_one_path_conflict() {
    let base = ["w/", "w/a=1", "w/b=1", "w/c->x"];
    let ours = ["w/", "w/a=2", "w/c->y", "w/d=ours"];
    let theirs = ["w/", "w/a=3", "w/b=2", "w/c->z", "w/d=theirs"];
    assert_conflicts(&base, &ours, &theirs, &["w/a", "w/b", "w/c", "w/d"]);
}

#[test]
fn a_file_against_what_lies_in_a_directory_conflicts() {
    assert_conflicts(&["w/"], &["w/", "w/a=1"], &["w/", "w/a/", "w/a/b=1"], &["w/a"]);
    let base = ["w/", "w/a/", "w/a/b=1"];
    assert_conflicts(&base, &["w/", "w/a/", "w/a/b=1", "w/a/new=1"], &["w/", "w/a=file"], &["w/a"]);
    assert_conflicts(&base, &["w/", "w/a/", "w/a/b=2"], &["w/", "w/a->x"], &["w/a/b"]);
    assert_merges(&base, &base, &["w/", "w/a=file"], &["w/", "w/a=file"]);
    assert_merges(&["w/", "w/a=1"], &["w/", "w/a/", "w/a/b=1"], &["w/", "w/a=1"], &["w/", "w/a/", "w/a/b=1"]);
}

#[test]
fn a_directory_stays_while_one_side_puts_something_into_it() {
    let base = ["w/", "w/a/", "w/a/old=1"];
    let added = ["w/", "w/a/", "w/a/old=1", "w/a/new=2"];
    assert_merges(&base, &["w/"], &added, &["w/", "w/a/", "w/a/new=2"]);
    assert_merges(&base, &added, &["w/"], &["w/", "w/a/", "w/a/new=2"]);
}

#[test]
fn permissions_and_content_merge_each_by_itself() {
    let base = tree(1, &["w/", "w/a=1", "w/b=1"]);
    let (mut ours, mut theirs) = (tree(2, &["w/", "w/a=1", "w/b=1"]), tree(3, &["w/", "w/a=2", "w/b=1"]));
    ours.entries[1].mode = 0o755;
    let both = merge(&base, &ours, &theirs, NUMBER).unwrap().manifest;
    let mut expected = tree(4, &["w/", "w/a=2", "w/b=1"]);
    expected.entries[1].mode = 0o755;
    assert!(differences(&both, &expected).is_empty());
    theirs.entries[1].mode = 0o700;
    assert_eq!(merge(&base, &ours, &theirs, NUMBER).unwrap_err()[0].path, b"w/a");
    theirs.entries.remove(1);
    assert_eq!(
        merge(&base, &ours, &theirs, NUMBER).unwrap_err()[0].path,
        b"w/a",
        "deleted against changed permissions"
    );
}

#[test]
fn further_names_stay_one_file_where_nothing_differs_between_them() {
    let base = ["w/", "w/a=1", "w/b=>w/a"];
    let found = merged(&base, &base, &["w/", "w/a=2", "w/b=>w/a"]).unwrap();
    assert!(matches!(found.entries[2].content, Content::HardLink(_)), "{found:?}");
    assert_merges(&base, &["w/", "w/b=1"], &base, &["w/", "w/b=1"]);
    assert_merges(&["w/", "w/a=1"], &["w/", "w/a=1", "w/z=>w/a"], &["w/", "w/a=2"], &["w/", "w/a=2", "w/z=1"]);
}

#[test]
fn only_packs_with_new_content_are_copied_and_none_gets_the_name_of_another_one() {
    let base = tree(1, &["w/", "w/a=1"]);
    let ours = tree(2, &["w/", "w/a=1", "w/b=same"]);
    // The saves of the two sandboxes have the same numbers.
    let theirs = tree(2, &["w/", "w/a=1", "w/c=same", "w/d=new"]);
    let Merged { manifest, copies } = merge(&base, &ours, &theirs, NUMBER).unwrap();
    assert_eq!(copies, [(PackName { save: 2, number: 2 }, PackName { save: NUMBER, number: 2 })]);
    let names: Vec<_> = manifest.packs.iter().map(|pack| pack.name).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}

/// What is at a name of a generated tree.
#[derive(Debug, Clone)]
enum Node {
    Nothing,
    File(u8, bool),
    Link(u8),
    Directory(bool, Vec<Node>),
}

fn leaf() -> BoxedStrategy<Node> {
    prop_oneof![
        2 => Just(Node::Nothing),
        4 => (0..3_u8, any::<bool>()).prop_map(|(content, mode)| Node::File(content, mode)),
        1 => (0..2_u8).prop_map(Node::Link),
    ]
    .boxed()
}

fn directory() -> BoxedStrategy<Node> {
    let child = prop_oneof![4 => leaf(), 1 => Just(Node::Directory(false, vec![Node::File(0, false)]))];
    (any::<bool>(), prop::collection::vec(child, 2)).prop_map(|(mode, all)| Node::Directory(mode, all)).boxed()
}

fn generated() -> impl Strategy<Value = Vec<Node>> {
    prop::collection::vec(prop_oneof![2 => leaf(), 3 => directory()], 3)
}

/// A side: each name is that of the base, or another one.
fn side(base: &[Node]) -> impl Strategy<Value = Vec<Node>> + use<> {
    let names: Vec<_> = base
        .iter()
        .map(|node| match node {
            Node::Directory(mode, all) => {
                let children: Vec<_> =
                    all.iter().map(|one| prop_oneof![3 => Just(one.clone()), 1 => leaf()].boxed()).collect();
                let mode = *mode;
                prop_oneof![
                    4 => children.prop_map(move |all| Node::Directory(mode, all)),
                    1 => leaf(),
                    1 => directory(),
                ]
                .boxed()
            }
            node => prop_oneof![3 => Just(node.clone()), 1 => leaf(), 1 => directory()].boxed(),
        })
        .collect();
    names
}

fn manifest_of(save: u64, nodes: &[Node]) -> Manifest {
    fn add(path: &str, node: &Node, all: &mut Vec<(String, bool)>) {
        match node {
            Node::Nothing => {}
            Node::File(content, mode) => all.push((format!("{path}={content}"), *mode)),
            Node::Link(target) => all.push((format!("{path}->{target}"), false)),
            Node::Directory(mode, children) => {
                all.push((format!("{path}/"), *mode));
                children.iter().zip(["x", "y"]).for_each(|(child, name)| add(&format!("{path}/{name}"), child, all));
            }
        }
    }
    let mut all = Vec::new();
    nodes.iter().zip(["a", "b", "c"]).for_each(|(node, name)| add(name, node, &mut all));
    let mut manifest = tree(save, &all.iter().map(|(entry, _)| entry.as_str()).collect::<Vec<_>>());
    manifest.entries.iter_mut().zip(&all).for_each(|(entry, (_, is_other))| entry.mode = 0o644 | u32::from(*is_other));
    manifest
}

fn sides() -> impl Strategy<Value = (Manifest, Manifest, Manifest)> {
    generated()
        .prop_flat_map(|base| (side(&base), side(&base), Just(base)))
        .prop_map(|(ours, theirs, base)| (manifest_of(1, &base), manifest_of(2, &ours), manifest_of(2, &theirs)))
}

fn is_same(one: Option<&Found>, other: Option<&Found>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.mode == other.mode && one.is_same_content(other),
        (None, None) => true,
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_side_that_changes_nothing_gives_the_other_one((base, other, _) in sides()) {
        for (ours, theirs) in [(&base, &other), (&other, &base), (&other, &other)] {
            let Merged { manifest, .. } = merge(&base, ours, theirs, NUMBER).unwrap();
            prop_assert!(differences(&manifest, &other).is_empty());
        }
    }

    #[test]
    fn a_merge_loses_no_change_and_invents_none((base, ours, theirs) in sides()) {
        let (found, mirrored) = (merge(&base, &ours, &theirs, NUMBER), merge(&base, &theirs, &ours, NUMBER));
        let (base_at, ours_at, theirs_at) = (by_path(&base), by_path(&ours), by_path(&theirs));
        let Ok(Merged { manifest, copies }) = found else {
            let paths = |found: Result<Merged, Vec<Conflict>>| {
                found.unwrap_err().into_iter().map(|conflict| conflict.path.to_vec()).collect::<Vec<_>>()
            };
            prop_assert_eq!(paths(found.clone()), paths(mirrored), "it does not matter who merges whom");
            for Conflict { path, base, ours, theirs } in found.unwrap_err() {
                let is_below = |side: &BTreeMap<&[u8], Found>| side.keys().any(|one| above(one).any(|top| top == path));
                let both_changed = !is_same(base.as_ref(), ours.as_ref())
                    && !is_same(base.as_ref(), theirs.as_ref())
                    && !is_same(ours.as_ref(), theirs.as_ref());
                prop_assert!(both_changed || is_below(&ours_at) || is_below(&theirs_at));
            }
            return Ok(());
        };
        let mirrored = mirrored.unwrap().manifest;
        prop_assert!(differences(&manifest, &mirrored).is_empty(), "it does not matter who merges whom");
        let merged_at = by_path(&manifest);
        let paths: BTreeSet<_> = base_at.keys().chain(ours_at.keys()).chain(theirs_at.keys()).copied().collect();
        for path in paths {
            let [base, ours, theirs, merged] = [&base_at, &ours_at, &theirs_at, &merged_at].map(|side| side.get(path));
            let is_kept_for_others = merged.is_some_and(|found| *found.content == Content::Directory)
                && merged_at.keys().any(|one| above(one).any(|top| top == path));
            if is_same(base, ours) {
                prop_assert!(is_same(merged, theirs) || is_kept_for_others);
            }
            if is_same(base, theirs) {
                prop_assert!(is_same(merged, ours) || is_kept_for_others);
            }
            if let Some(merged) = merged {
                let has_mode = |found: Option<&Found>| found.is_some_and(|found| found.mode == merged.mode);
                let has_content = |found: Option<&Found>| found.is_some_and(|found| found.is_same_content(merged));
                prop_assert!(has_mode(ours) || has_mode(theirs));
                prop_assert!(has_content(ours) || has_content(theirs));
            }
            for top in above(path).filter(|_| merged.is_some()) {
                prop_assert_eq!(merged_at.get(top).map(|found| found.content), Some(&Content::Directory));
            }
        }
        // Every chunk is in a pack that has it.
        Manifest::decode(&manifest.encode().unwrap()).unwrap();
        let all_chunks = |manifest: &Manifest| -> HashMap<(PackName, u32), [u8; 32]> {
            manifest.stored().map(|one| ((manifest.packs[one.pack as usize].name, one.offset), one.hash)).collect()
        };
        let (in_ours, in_theirs) = (all_chunks(&ours), all_chunks(&theirs));
        for ((pack, offset), hash) in all_chunks(&manifest) {
            let found = match copies.iter().find(|(_, name)| *name == pack) {
                Some((from, _)) => in_theirs.get(&(*from, offset)),
                None => in_ours.get(&(pack, offset)),
            };
            prop_assert_eq!(found, Some(&hash));
        }
    }
}
