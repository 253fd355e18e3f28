//! Trees of archives, and archives of trees.

use super::*;
use crate::archive::{Head, append};
use crate::chunk;
use crate::export::{Piece, pieces};
use crate::restore::restore;
use proptest::prelude::*;
use std::collections::BTreeMap;
use tar::{Builder, EntryType};

/// What a bucket has.
#[derive(Default)]
struct Store {
    packs: BTreeMap<PackName, Vec<u8>>,
    saves: u64,
}

impl Store {
    /// Saves an archive, and gives the tree and how many bytes were new.
    fn save(&mut self, archive: &[u8], base: Option<&Manifest>) -> (Manifest, u64) {
        self.saves += 1;
        let (mut number, mut manifest, mut end) = (0, Vec::new(), None);
        save(archive, base, self.saves, |frame| {
            match frame {
                Frame::Pack(bytes) => {
                    assert!(end.is_none() && manifest.is_empty() && bytes.len() <= MAX_PACK_BYTES);
                    assert!(self.packs.insert(PackName { save: self.saves, number }, bytes).is_none());
                    number += 1;
                }
                Frame::Manifest(part) => manifest.extend(part),
                Frame::End(summary) => end = Some(summary),
            }
            Ok(())
        })
        .unwrap();
        let (manifest, end) = (Manifest::decode(&manifest).unwrap(), end.unwrap());
        assert_eq!(end.packs, manifest.packs.iter().map(|pack| pack.name).collect::<Vec<_>>());
        assert_eq!(end.entries, manifest.entries.len() as u64);
        for pack in &manifest.packs {
            assert_eq!(self.packs[&pack.name].len(), pack.bytes as usize);
        }
        (manifest, end.new_bytes)
    }

    fn restore(&self, manifest: &Manifest) -> io::Result<Vec<u8>> {
        let mut archive = Vec::new();
        let read = |pack: u32, offset: u32, buffer: &mut [u8]| {
            let bytes = &self.packs[&manifest.packs[pack as usize].name];
            buffer.copy_from_slice(&bytes[offset as usize..offset as usize + buffer.len()]);
            Ok(())
        };
        restore(manifest, read, &mut archive)?;
        assert!(self.exported(manifest) == archive, "the pieces are another archive");
        Ok(archive)
    }

    fn exported(&self, manifest: &Manifest) -> Vec<u8> {
        let mut archive = Vec::new();
        for piece in pieces(manifest.clone()) {
            match piece.unwrap() {
                Piece::Bytes(bytes) => archive.extend(bytes),
                Piece::Zeros(length) => archive.resize(archive.len() + length as usize, 0),
                Piece::Chunk(stored) => {
                    let pack = &self.packs[&manifest.packs[stored.pack as usize].name];
                    let packed = &pack[stored.offset as usize..(stored.offset + stored.stored) as usize];
                    archive.extend(chunk::load(packed, &stored).unwrap());
                }
            }
        }
        archive
    }
}

/// Bytes that do not compress, the same for the same seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn archive(files: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (number, (path, content)) in (0..).zip(files) {
        let time = Time { seconds: -5 + number, nanoseconds: 123_456_789 };
        let head = Head { path, kind: EntryType::Regular, target: None, mode: 0o640, time, size: content.len() as u64 };
        append(&mut builder, &head, content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn files(files: &[(&str, Vec<u8>)]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    files.iter().map(|(path, content)| (path.as_bytes().to_vec(), content.clone())).collect()
}

#[test]
fn every_kind_of_entry_comes_back_as_it_was() {
    let mut builder = Builder::new(Vec::new());
    let long = [b"workspace/".as_slice(), &[b'n'; 200], b"\n\xff"].concat();
    let target = [b't'; 300];
    let sparse = [vec![0; 3 << 20], noise(1, 10), vec![0; 2 << 20]].concat();
    type Added<'a> = (&'a [u8], EntryType, Option<&'a [u8]>, &'a [u8]);
    let entries: [Added; 9] = [
        (b"workspace", EntryType::Directory, None, b""),
        (b"workspace/empty", EntryType::Regular, None, b""),
        (b"workspace/zeros", EntryType::Regular, None, &[0; 5_000]),
        (b"workspace/sparse", EntryType::Regular, None, &sparse),
        (&long, EntryType::Regular, None, b"x"),
        (b"workspace/again", EntryType::Link, Some(&long), b""),
        (b"workspace/link", EntryType::Symlink, Some(b"../../etc/passwd"), b""),
        (b"workspace/far", EntryType::Symlink, Some(&target), b""),
        (b"workspace/pipe", EntryType::Fifo, None, b""),
    ];
    for (number, (path, kind, target, content)) in (0_u32..).zip(entries) {
        let time = Time { seconds: i64::from(number) - 3, nanoseconds: 999_999_999 - number };
        let size = content.len() as u64;
        append(&mut builder, &Head { path, kind, target, mode: 0o1755, time, size }, content).unwrap();
    }
    let archive = builder.into_inner().unwrap();
    let mut store = Store::default();
    let (manifest, new_bytes) = store.save(&archive, None);
    assert_eq!(store.restore(&manifest).unwrap(), archive);
    assert!(new_bytes < 200_000, "holes take no room: {new_bytes}");
}

#[test]
fn a_second_save_of_ten_thousand_files_sends_what_is_new() {
    let mut store = Store::default();
    let mut all: BTreeMap<_, _> =
        (0..10_000_u64).map(|n| (format!("workspace/{n:05}").into_bytes(), noise(n, 600))).collect();
    let (first, all_bytes) = store.save(&archive(&all), None);
    assert!((6_000_000..6_100_000).contains(&all_bytes), "{all_bytes}");
    for n in 0..10_u64 {
        all.insert(format!("workspace/{:05}", n * 997).into_bytes(), noise(1_000_000 + n, 600));
    }
    let (second, new_bytes) = store.save(&archive(&all), Some(&first));
    assert_eq!(new_bytes, 6_000);
    assert_eq!(store.restore(&second).unwrap(), archive(&all));
    let (_, new_bytes) = store.save(&archive(&all), Some(&second));
    assert_eq!(new_bytes, 0, "nothing has changed");
}

#[test]
fn an_insertion_into_a_large_file_changes_the_chunks_around_it() {
    let mut store = Store::default();
    let content = noise(1, 20 << 20);
    let (first, all_bytes) = store.save(&archive(&files(&[("workspace/big", content.clone())])), None);
    assert_eq!(all_bytes, 20 << 20);
    let changed = [&content[..5_000_000], b"inserted", &content[5_000_000..]].concat();
    let archive = archive(&files(&[("workspace/big", changed)]));
    let (second, new_bytes) = store.save(&archive, Some(&first));
    assert!(new_bytes < 3 << 20, "{new_bytes}");
    assert_eq!(store.restore(&second).unwrap(), archive);
}

#[test]
fn many_small_saves_do_not_leave_many_packs() {
    let mut store = Store::default();
    let (mut all, mut base) = (files(&[("workspace/big", noise(0, 5 << 20))]), None);
    let mut sent = 0;
    for n in 1..60 {
        all.insert(format!("workspace/{n}").into_bytes(), noise(n, 1_000));
        let (manifest, new_bytes) = store.save(&archive(&all), base.as_ref());
        assert!(manifest.packs.len() <= MAX_SMALL_PACKS + 4, "{}", manifest.packs.len());
        sent += new_bytes;
        base = Some(manifest);
    }
    assert_eq!(store.restore(&base.unwrap()).unwrap(), archive(&all));
    assert!(sent < 6 << 20, "packs are written anew seldom: {sent}");
}

#[test]
fn packs_that_hold_little_of_a_tree_are_written_anew() {
    let mut store = Store::default();
    let mut all: BTreeMap<_, _> =
        (0..80_u64).map(|n| (format!("workspace/{n:05}").into_bytes(), noise(n, 100_000))).collect();
    let (mut base, _) = store.save(&archive(&all), None);
    for n in 10..80 {
        all.remove(format!("workspace/{n:05}").as_bytes());
    }
    // The first save without them learns how little is left.
    for _ in 0..2 {
        base = store.save(&archive(&all), Some(&base)).0;
    }
    let held: u32 = base.packs.iter().map(|pack| pack.bytes).sum();
    assert_eq!(held, 1_000_000);
}

#[test]
fn a_chunk_that_was_changed_is_refused() {
    let mut store = Store::default();
    for content in [noise(1, 5_000), vec![b'a'; 5_000]] {
        let (manifest, _) = store.save(&archive(&files(&[("workspace/a", content)])), None);
        let pack = store.packs.get_mut(&manifest.packs[0].name).unwrap();
        pack.iter_mut().for_each(|byte| *byte ^= 1);
        assert!(store.restore(&manifest).is_err());
    }
}

#[test]
fn an_archive_that_breaks_off_or_is_empty_is_no_tree() {
    let whole = archive(&files(&[("workspace/a", noise(1, 300_000)), ("workspace/b", noise(2, 5_000))]));
    for length in [0, 100, 600, 2_000, 200_000, 303_000] {
        let mut is_ended = false;
        let result = save(&whole[..length], None, 1, |frame| {
            is_ended |= matches!(frame, Frame::End(_));
            Ok(())
        });
        assert!(result.is_err() && !is_ended, "{length}");
    }
    let empty = Builder::new(Vec::new()).into_inner().unwrap();
    assert!(save(empty.as_slice(), None, 1, |_| Ok(())).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(15))]

    /// Some files change, come and go; every tree stays what it was.
    #[test]
    fn every_tree_of_a_series_is_restored_as_it_was(
        steps in prop::collection::vec(prop::collection::vec((0_u8..20, 0_u64..10, 0_usize..400_000), 1..6), 1..6)
    ) {
        let (mut store, mut all, mut trees) = (Store::default(), files(&[("workspace/a", vec![1])]), Vec::new());
        for step in steps {
            for (name, seed, length) in step {
                let path = format!("workspace/{name}").into_bytes();
                if length % 5 == 0 { all.remove(&path); } else { all.insert(path, noise(seed, length)); }
            }
            let archive = archive(&all);
            let base = trees.last().map(|(manifest, _)| manifest);
            let (manifest, _) = store.save(&archive, base);
            trees.push((manifest, archive));
        }
        for (manifest, archive) in trees {
            prop_assert_eq!(store.restore(&manifest).unwrap(), archive);
        }
    }
}
