//! The archive of a tree in pieces, for a place that has no room for packs and no thread that waits for them.

use crate::archive::{Head, head_bytes};
use crate::manifest::{Chunk, Content, Entry, Manifest, Stored};
use std::io;

/// Bytes of a block, which the content of a file is filled up to.
const BLOCK: u64 = 512;
/// What an archive ends with.
const END: u64 = 2 * BLOCK;

/// What comes next in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Bytes(Vec<u8>),
    Zeros(u64),
    /// The bytes of a chunk.
    Chunk(Stored),
}

/// The pieces of the archive of a tree: the same bytes as [`crate::restore::restore`] writes.
pub fn pieces(manifest: Manifest) -> impl Iterator<Item = io::Result<Piece>> {
    let end = std::iter::once(Ok(Piece::Zeros(END)));
    manifest.entries.into_iter().flat_map(pieces_of).chain(end)
}

fn pieces_of(entry: Entry) -> impl Iterator<Item = io::Result<Piece>> {
    let head = head_bytes(&Head::of(&entry)).map(Piece::Bytes);
    let (size, chunks) = match entry.content {
        Content::File { size, chunks } => (size, chunks),
        _ => (0, Vec::new()),
    };
    let content = chunks.into_iter().map(|chunk| match chunk {
        Chunk::Zeros(length) => Piece::Zeros(length),
        Chunk::Stored(stored) => Piece::Chunk(stored),
    });
    let rest = size.next_multiple_of(BLOCK) - size;
    let rest = (rest > 0).then_some(Piece::Zeros(rest));
    std::iter::once(head).chain(content.chain(rest).map(Ok))
}
