//! The room that the files of a tree take on the disk of a sandbox, which is a tmpfs.

use crate::manifest::{Chunk, Content, Manifest};

/// Bytes of a page, of which a file takes whole ones.
pub const PAGE_BYTES: u64 = 4_096;
/// Bytes that are written in one go where files are restored. Those that are all zero become a hole.
const BLOCK_BYTES: u64 = 64 << 10;
/// Bytes of a link's target that the file system keeps beside the link. It takes a page for a longer one.
const SHORT_TARGET_BYTES: usize = 128;

/// What files take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    pub pages: u64,
    /// Names: a tmpfs counts each further name of a file, too.
    pub inodes: u64,
}

impl Room {
    /// What the files of a tree take when they are restored. It is at most a block too much for each file that has few bytes among
    /// zeros, because a chunk with one of them counts whole.
    pub fn of(manifest: &Manifest) -> Self {
        let pages = manifest.entries.iter().map(|entry| match &entry.content {
            Content::File { size, chunks } => file_pages(*size, chunks),
            Content::Symlink(target) => u64::from(target.len() >= SHORT_TARGET_BYTES),
            Content::Directory | Content::HardLink(_) | Content::Fifo => 0,
        });
        Self { pages: pages.sum(), inodes: manifest.entries.len() as u64 }
    }
}

fn file_pages(size: u64, chunks: &[Chunk]) -> u64 {
    let (mut at, mut pages) = (0, 0);
    // The first block that is not counted yet.
    let mut next = 0;
    for chunk in chunks {
        let end = at + chunk.length();
        if let (Chunk::Stored(_), true) = (chunk, end > at) {
            let (first, last) = ((at / BLOCK_BYTES).max(next), (end - 1) / BLOCK_BYTES);
            for block in first..=last {
                pages += (size - block * BLOCK_BYTES).min(BLOCK_BYTES).div_ceil(PAGE_BYTES);
            }
            next = next.max(last + 1);
        }
        at = end;
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::tests::tree;
    use crate::manifest::Stored;

    #[test]
    fn files_of_a_few_bytes_took_no_room() {
        let room = |entries: &[&str]| Room::of(&tree(1, entries));
        assert_eq!(room(&["w/", "w/a=1", "w/b=22"]), Room { pages: 2, inodes: 3 });
        assert_eq!(room(&["w/", "w/a=1", "w/b=>w/a", "w/c->x"]), Room { pages: 1, inodes: 4 });
        let long = format!("w/c->{}", "x".repeat(128));
        assert_eq!(room(&["w/", &long]), Room { pages: 1, inodes: 2 });
    }

    #[test]
    fn holes_take_no_room() {
        let stored = |length| Chunk::Stored(Stored { hash: [0; 32], length, pack: 0, offset: 0, stored: 1 });
        for (chunks, pages) in [
            (vec![Chunk::Zeros(1 << 30)], 0),
            (vec![Chunk::Zeros(1 << 20), stored(1)], 1),
            (vec![stored(1), Chunk::Zeros(1 << 20)], 16),
            (vec![stored(60_000), stored(10_000)], 18),
            (vec![stored(1), Chunk::Zeros(10), stored(1)], 1),
            (vec![stored(65_536), Chunk::Zeros(65_536), stored(65_536)], 32),
            (vec![], 0),
        ] {
            let size = chunks.iter().map(Chunk::length).sum();
            assert_eq!(file_pages(size, &chunks), pages, "{chunks:?}");
        }
    }
}
