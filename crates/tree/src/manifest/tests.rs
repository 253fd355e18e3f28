//! What a manifest may say, and what it may not.

use super::*;
use proptest::prelude::*;

fn stored(length: u32, pack: u32, offset: u32, stored: u32) -> Chunk {
    Chunk::Stored(Stored { hash: [7; 32], length, pack, offset, stored })
}

fn entry(path: &str, content: Content) -> Entry {
    Entry { path: path.into(), mode: 0o644, time: Time { seconds: 1, nanoseconds: 2 }, content }
}

fn pack(save: u64, bytes: u32) -> Pack {
    Pack { name: PackName { save, number: 0 }, bytes, live: 0 }
}

fn good() -> Manifest {
    let file = |chunks: Vec<Chunk>| Content::File { size: chunks.iter().map(Chunk::length).sum(), chunks };
    Manifest {
        packs: vec![pack(1, 100), pack(2, 50)],
        entries: vec![
            entry("workspace", Content::Directory),
            entry("workspace/a", file(vec![stored(10, 1, 0, 5), Chunk::Zeros(1 << 20), stored(10, 1, 5, 5)])),
            entry("workspace/b", file(vec![stored(10, 1, 0, 5)])),
            entry("workspace/c", Content::HardLink(b"workspace/a".to_vec())),
            entry("workspace/d", Content::Symlink(b"../../etc/passwd".to_vec())),
            entry("workspace/e\n\u{ff}", Content::Fifo),
        ],
    }
}

#[test]
fn manifest_format_unchanged() {
    let mut small = good();
    small.entries.truncate(1);
    let plain = postcard::to_stdvec(&small).unwrap();
    let expected = [&[2, 1, 0, 100, 0, 2, 0, 50, 0, 1, 9][..], b"workspace", &[0xa4, 3, 2, 2, 1]].concat();
    assert_eq!(plain, expected);
    for (content, bytes) in [
        (Content::File { size: 300, chunks: vec![Chunk::Zeros(300)] }, &[0, 0xac, 2, 1, 0, 0xac, 2][..]),
        (Content::Symlink(b"a".to_vec()), &[2, 1, b'a']),
        (Content::HardLink(b"a".to_vec()), &[3, 1, b'a']),
        (Content::Fifo, &[4]),
    ] {
        assert_eq!(postcard::to_stdvec(&content).unwrap(), bytes);
    }
    let stored = Chunk::Stored(Stored { hash: [7; 32], length: 300, pack: 1, offset: 2, stored: 3 });
    let expected = [&[1][..], &[7; 32], &[0xac, 2, 1, 2, 3]].concat();
    assert_eq!(postcard::to_stdvec(&stored).unwrap(), expected);
}

#[test]
fn a_manifest_is_read_as_it_was_written() {
    assert_eq!(Manifest::decode(&good().encode().unwrap()).unwrap(), good());
}

#[test]
fn the_worker_reads_and_writes_manifests_without_the_compressor_of_the_runner() {
    let plain = postcard::to_stdvec(&good()).unwrap();
    let packed = ruzstd::encoding::compress_to_vec(&plain[..], ruzstd::encoding::CompressionLevel::Fastest);
    assert_eq!(Manifest::decode(&packed).unwrap(), good());
}

#[test]
fn packs_that_a_tree_does_not_use_are_dropped() {
    let mut manifest = good();
    manifest.settle_packs();
    assert_eq!(manifest.packs, [Pack { live: 10, ..pack(2, 50) }]);
    assert!(manifest.stored().all(|stored| stored.pack == 0));
    manifest.check().unwrap();
}

#[test]
fn what_a_tree_cannot_have_is_refused() {
    let file = |size, chunks| Content::File { size, chunks };
    for (what, wrong) in [
        ("a path that leads up", entry("workspace/../../etc", Content::Directory)),
        ("an absolute path", entry("/etc", Content::Directory)),
        ("a path with a NUL", entry("a\0b", Content::Directory)),
        ("no path", entry("", Content::Directory)),
        ("a long path", entry(&"a/".repeat(3_000), Content::Directory)),
        ("a link that leads up", entry("a", Content::HardLink(b"../a".to_vec()))),
        ("a link to nothing", entry("a", Content::Symlink(Vec::new()))),
        ("a mode", Entry { mode: 0o10000, ..entry("a", Content::Directory) }),
        ("a size that its chunks do not have", entry("a", file(11, vec![stored(10, 0, 0, 5)]))),
        ("a pack that is not there", entry("a", file(10, vec![stored(10, 2, 0, 5)]))),
        ("a chunk beyond its pack", entry("a", file(10, vec![stored(10, 1, 46, 5)]))),
        ("a chunk that overflows", entry("a", file(10, vec![stored(10, 1, u32::MAX, 5)]))),
        ("a chunk that is larger than plain", entry("a", file(10, vec![stored(10, 0, 0, 11)]))),
        ("a chunk of nothing", entry("a", file(10, vec![stored(10, 0, 0, 0)]))),
        ("a large chunk", entry("a", file(2 << 20, vec![stored(2 << 20, 0, 0, 5)]))),
        ("a large file", entry("a", file(3 << 30, vec![Chunk::Zeros(3 << 30)]))),
        ("an endless file", entry("a", file(1, vec![Chunk::Zeros(u64::MAX), Chunk::Zeros(2)]))),
    ] {
        let mut manifest = good();
        manifest.entries.push(wrong);
        assert!(Manifest::decode(&manifest.encode().unwrap()).is_err(), "{what}");
    }
    let mut manifest = good();
    manifest.packs[0].bytes = MAX_PACK_BYTES as u32 + 1;
    assert!(Manifest::decode(&manifest.encode().unwrap()).is_err(), "a large pack");
}

proptest! {
    #[test]
    fn bytes_that_are_no_manifest_are_refused(bytes: Vec<u8>) {
        prop_assert!(Manifest::decode(&bytes).is_err());
        let _ = Manifest::decode(&compress(&bytes));
    }
}
