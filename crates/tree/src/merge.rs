//! Merges two trees that have a third one in common.
//!
//! For each path, the permissions and the content are merged each by itself: what only one side has changed is taken from that side, and
//! what both have changed alike stays. Everything else is a conflict, and then there is no merged tree.

use crate::edit::{Found, Packs, by_path, move_to, ordered};
use crate::manifest::{Chunk, Content, Entry, Manifest, Pack, PackName, Stored};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A path that both sides have changed, each in its own way; or where one side has a file, and the other something below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict<'a> {
    pub path: &'a [u8],
    pub base: Option<Found<'a>>,
    pub ours: Option<Found<'a>>,
    pub theirs: Option<Found<'a>>,
}

/// A merged tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    pub manifest: Manifest,
    /// The packs of `theirs` that the manifest names, each with the name under which it has to be stored.
    pub copies: Vec<(PackName, PackName)>,
}

/// Merges what `theirs` has changed since `base` into `ours`. Packs of `theirs` whose content `ours` lacks are named as those of the
/// save `number`, because each sandbox counts its saves by itself. `Err` lists every conflict.
pub fn merge<'a>(
    base: &'a Manifest,
    ours: &'a Manifest,
    theirs: &'a Manifest,
    number: u64,
) -> Result<Merged, Vec<Conflict<'a>>> {
    let sides = Sides { base: by_path(base), ours: by_path(ours), theirs: by_path(theirs) };
    let picks = sides.picks()?;
    Ok(built(&picks, ours, theirs, number))
}

/// Where the entry at a path comes from, and the mode that it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pick {
    is_theirs: bool,
    mode: u32,
}

struct Sides<'a> {
    base: BTreeMap<&'a [u8], Found<'a>>,
    ours: BTreeMap<&'a [u8], Found<'a>>,
    theirs: BTreeMap<&'a [u8], Found<'a>>,
}

impl<'a> Sides<'a> {
    fn at(&self, path: &'a [u8]) -> Conflict<'a> {
        let found = |side: &BTreeMap<&[u8], Found<'a>>| side.get(path).copied();
        Conflict { path, base: found(&self.base), ours: found(&self.ours), theirs: found(&self.theirs) }
    }

    /// What becomes of each path that is in the merged tree.
    fn picks(&self) -> Result<BTreeMap<&'a [u8], Pick>, Vec<Conflict<'a>>> {
        let paths: BTreeSet<&'a [u8]> = self.ours.keys().chain(self.theirs.keys()).copied().collect();
        let (mut picks, mut conflicts) = (BTreeMap::new(), BTreeSet::new());
        for path in paths {
            match pick(&self.at(path)) {
                Ok(Some(pick)) => drop(picks.insert(path, pick)),
                Ok(None) => {}
                Err(Unmergeable) => drop(conflicts.insert(path)),
            }
        }
        let directories: BTreeSet<&'a [u8]> = picks.keys().flat_map(|path| above(path)).collect();
        for path in directories {
            match picks.get(path) {
                Some(pick) if self.is_directory(path, pick.is_theirs) => {}
                // One side has deleted the directory, and the other has put something into it.
                None if !conflicts.contains(path) => {
                    let is_theirs = !self.is_directory(path, false);
                    let side = if is_theirs { &self.theirs } else { &self.ours };
                    if let Some(found) = side.get(path) {
                        picks.insert(path, Pick { is_theirs, mode: found.mode });
                    }
                }
                _ => drop(conflicts.insert(path)),
            }
        }
        if conflicts.is_empty() { Ok(picks) } else { Err(conflicts.into_iter().map(|path| self.at(path)).collect()) }
    }

    fn is_directory(&self, path: &[u8], is_theirs: bool) -> bool {
        let side = if is_theirs { &self.theirs } else { &self.ours };
        side.get(path).is_some_and(|found| *found.content == Content::Directory)
    }
}

struct Unmergeable;

fn pick(Conflict { base, ours, theirs, .. }: &Conflict) -> Result<Option<Pick>, Unmergeable> {
    let is_same = |one: &Option<Found>, other: &Option<Found>| match (one, other) {
        (Some(one), Some(other)) => one.mode == other.mode && one.is_same_content(other),
        (None, None) => true,
        _ => false,
    };
    let whole = |found: &Option<Found>, is_theirs| found.map(|Found { mode, .. }| Pick { is_theirs, mode });
    if is_same(ours, theirs) || is_same(base, theirs) {
        return Ok(whole(ours, false));
    }
    if is_same(base, ours) {
        return Ok(whole(theirs, true));
    }
    let (Some(base), Some(ours), Some(theirs)) = (base, ours, theirs) else { return Err(Unmergeable) };
    let is_theirs = if ours.is_same_content(theirs) || base.is_same_content(theirs) {
        false
    } else if base.is_same_content(ours) {
        true
    } else {
        return Err(Unmergeable);
    };
    let mode = if ours.mode == theirs.mode || base.mode == theirs.mode {
        ours.mode
    } else if base.mode == ours.mode {
        theirs.mode
    } else {
        return Err(Unmergeable);
    };
    Ok(Some(Pick { is_theirs, mode }))
}

/// The directories above a path.
fn above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| &path[..at])
}

fn built(picks: &BTreeMap<&[u8], Pick>, ours: &Manifest, theirs: &Manifest, number: u64) -> Merged {
    let mut packs = Packs::default();
    let mut entries = BTreeMap::new();
    let places = packs.add(&ours.packs);
    let (stored, foreign) = (chunks_of(ours, &places), foreign_names(theirs, number));
    let renamed: Vec<Pack> =
        theirs.packs.iter().zip(&foreign).map(|(pack, name)| Pack { name: *name, ..*pack }).collect();
    let their_places = packs.add(&renamed);
    for (manifest, is_theirs) in [(ours, false), (theirs, true)] {
        let found = by_path(manifest);
        for entry in &manifest.entries {
            let Some(pick) = picks.get(entry.path.as_slice()).filter(|pick| pick.is_theirs == is_theirs) else {
                continue;
            };
            let content = match &entry.content {
                // Both names become one file only if nothing differs between them.
                Content::HardLink(target) if picks.get(target.as_slice()) != Some(pick) => {
                    found.get(target.as_slice()).map_or(&entry.content, |found| found.content)
                }
                content => content,
            };
            let mut entry = Entry { mode: pick.mode, content: content.clone(), ..entry.clone() };
            match is_theirs {
                false => move_to(&mut entry.content, &places),
                true => move_or_share(&mut entry.content, &their_places, &stored),
            }
            entries.insert(entry.path.clone(), entry);
        }
    }
    let manifest = ordered(packs.into_list(), entries);
    let used: BTreeSet<PackName> = manifest.packs.iter().map(|pack| pack.name).collect();
    let copies = theirs.packs.iter().map(|pack| pack.name).zip(foreign).filter(|(_, name)| used.contains(name));
    Merged { copies: copies.collect(), manifest }
}

/// The names that the packs of `theirs` get.
fn foreign_names(theirs: &Manifest, number: u64) -> Vec<PackName> {
    (0..theirs.packs.len() as u32).map(|pack| PackName { save: number, number: pack }).collect()
}

/// The chunks of a tree, by hash, with the new places of their packs.
fn chunks_of(manifest: &Manifest, places: &[u32]) -> HashMap<[u8; 32], Stored> {
    let moved = |stored: &Stored| Stored { pack: places[stored.pack as usize], ..*stored };
    manifest.stored().map(|stored| (stored.hash, moved(stored))).collect()
}

/// Takes the chunks that `ours` has from its packs, and the others from theirs.
fn move_or_share(content: &mut Content, places: &[u32], ours: &HashMap<[u8; 32], Stored>) {
    let Content::File { chunks, .. } = content else { return };
    for chunk in chunks {
        if let Chunk::Stored(stored) = chunk {
            match ours.get(&stored.hash) {
                Some(known) if known.length == stored.length => *stored = *known,
                _ => stored.pack = places[stored.pack as usize],
            }
        }
    }
}

#[cfg(test)]
mod tests;
