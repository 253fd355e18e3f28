//! Trees made of trees: some paths of another one, and what differs.

use crate::manifest::{Chunk, Content, Entry, Manifest, Pack};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// One path that differs between two trees. A directory whose content differs does not differ itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference<'a> {
    pub path: &'a [u8],
    pub before: Option<Found<'a>>,
    pub after: Option<Found<'a>>,
}

/// What is at a path. A further name of a file is that file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found<'a> {
    pub mode: u32,
    pub content: &'a Content,
}

impl Found<'_> {
    /// Whether both are the same file, whenever they were written and in whichever packs they lie.
    pub fn is_same_content(&self, other: &Found) -> bool {
        match (self.content, other.content) {
            (Content::File { size, chunks }, Content::File { size: other_size, chunks: other_chunks }) => {
                size == other_size
                    && chunks.len() == other_chunks.len()
                    && chunks.iter().zip(other_chunks).all(|(one, other)| is_same_chunk(one, other))
            }
            (one, other) => one == other,
        }
    }
}

fn is_same_chunk(one: &Chunk, other: &Chunk) -> bool {
    match (one, other) {
        (Chunk::Zeros(one), Chunk::Zeros(other)) => one == other,
        (Chunk::Stored(one), Chunk::Stored(other)) => one.hash == other.hash && one.length == other.length,
        _ => false,
    }
}

/// What is at each path of a tree.
pub fn by_path(manifest: &Manifest) -> BTreeMap<&[u8], Found<'_>> {
    let mut all = BTreeMap::new();
    for Entry { path, mode, content, .. } in &manifest.entries {
        let found = match content {
            // A link to nothing is damage, and shows itself as a link.
            Content::HardLink(target) => all.get(target.as_slice()).copied().unwrap_or(Found { mode: *mode, content }),
            _ => Found { mode: *mode, content },
        };
        all.insert(path.as_slice(), found);
    }
    all
}

/// What differs, by path.
pub fn differences<'a>(before: &'a Manifest, after: &'a Manifest) -> Vec<Difference<'a>> {
    let (before, after) = (by_path(before), by_path(after));
    let paths: BTreeSet<&[u8]> = before.keys().chain(after.keys()).copied().collect();
    let all = paths.into_iter().map(|path| Difference {
        path,
        before: before.get(path).copied(),
        after: after.get(path).copied(),
    });
    let differs = |one: &Difference| match (&one.before, &one.after) {
        (Some(before), Some(after)) => before.mode != after.mode || !before.is_same_content(after),
        _ => true,
    };
    all.filter(differs).collect()
}

/// The tree `now` with everything at and below `paths` as it is in `from`. Both lie in the packs of one sandbox. Directories above
/// that are missing come along. `Err` names the first path that `from` does not have.
pub fn with_paths(now: &Manifest, from: &Manifest, paths: &[Vec<u8>]) -> Result<Manifest, Vec<u8>> {
    let is_at = |path: &[u8]| paths.iter().any(|top| is_below(path, top));
    let kept: BTreeSet<&[u8]> =
        now.entries.iter().map(|entry| entry.path.as_slice()).filter(|path| !is_at(path)).collect();
    for path in paths {
        if !from.entries.iter().any(|entry| &entry.path == path) {
            return Err(path.clone());
        }
    }
    let is_above = |path: &[u8]| paths.iter().any(|top| is_below(top, path) && top != path);
    let mut packs = Packs::default();
    let mut entries = BTreeMap::new();
    for (manifest, is_taken) in [
        (now, &(|path: &[u8]| kept.contains(path)) as &dyn Fn(&[u8]) -> bool),
        (from, &|path: &[u8]| is_at(path) || is_above(path) && !kept.contains(path)),
    ] {
        let places = packs.add(&manifest.packs);
        let found = by_path(manifest);
        for entry in manifest.entries.iter().filter(|entry| is_taken(&entry.path)) {
            let content = match &entry.content {
                Content::HardLink(target) if !is_taken(target) => {
                    found.get(target.as_slice()).map_or(&entry.content, |found| found.content)
                }
                content => content,
            };
            let mut entry = Entry { content: content.clone(), ..entry.clone() };
            move_to(&mut entry.content, &places);
            entries.insert(entry.path.clone(), entry);
        }
    }
    Ok(ordered(packs.into_list(), entries))
}

/// Whether a path is `top`, or below it.
pub fn is_below(path: &[u8], top: &[u8]) -> bool {
    path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

/// A manifest in the order of an archive.
pub(crate) fn ordered(packs: Vec<Pack>, entries: BTreeMap<Vec<u8>, Entry>) -> Manifest {
    // A path comes after the directories above it. Links come last, after the files that they name.
    let (links, others): (Vec<_>, Vec<_>) =
        entries.into_values().partition(|entry| matches!(entry.content, Content::HardLink(_)));
    let mut manifest = Manifest { packs, entries: others.into_iter().chain(links).collect() };
    manifest.settle_packs();
    manifest
}

/// The packs of several trees of one sandbox.
#[derive(Default)]
pub(crate) struct Packs(Vec<Pack>);

impl Packs {
    /// Adds packs, and gives their places.
    pub(crate) fn add(&mut self, packs: &[Pack]) -> Vec<u32> {
        let mut known: HashMap<_, _> = self.0.iter().zip(0_u32..).map(|(pack, place)| (pack.name, place)).collect();
        packs
            .iter()
            .map(|pack| {
                *known.entry(pack.name).or_insert_with(|| {
                    self.0.push(pack.clone());
                    self.0.len() as u32 - 1
                })
            })
            .collect()
    }

    pub(crate) fn into_list(self) -> Vec<Pack> {
        self.0
    }
}

pub(crate) fn move_to(content: &mut Content, places: &[u32]) {
    let Content::File { chunks, .. } = content else { return };
    for chunk in chunks {
        if let Chunk::Stored(stored) = chunk {
            stored.pack = places[stored.pack as usize];
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
