//! What a tree holds: every file, and where its content is.

use crate::compression::{compress, decompress};
use crate::limits::{MAX_CHUNK_BYTES, MAX_FILE_BYTES, MAX_MANIFEST_BYTES, MAX_PACK_BYTES, MAX_PATH_BYTES};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt;
use std::io;

/// The files of a sandbox at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub packs: Vec<Pack>,
    /// In the order of an archive: a directory before what is in it, a file before further names of it.
    pub entries: Vec<Entry>,
}

/// The name of a pack, unique in its sandbox: the number of the save that made it, and its place among the packs of that save.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PackName {
    pub save: u64,
    pub number: u32,
}

impl fmt::Display for PackName {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{}-{}", self.save, self.number)
    }
}

/// A pack that holds content of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    pub name: PackName,
    /// Its size.
    pub bytes: u32,
    /// Bytes of it that this tree uses.
    pub live: u32,
}

/// Seconds and nanoseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Time {
    pub seconds: i64,
    pub nanoseconds: u32,
}

/// One name in a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The path below the root, with every byte that a name may have.
    #[serde(with = "bytes")]
    pub path: Vec<u8>,
    /// The permission bits.
    pub mode: u32,
    pub time: Time,
    pub content: Content,
}

/// What is at a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    File {
        size: u64,
        chunks: Vec<Chunk>,
    },
    Directory,
    /// The target is never followed.
    Symlink(#[serde(with = "bytes")] Vec<u8>),
    /// A further name of a file that comes before: its path.
    HardLink(#[serde(with = "bytes")] Vec<u8>),
    Fifo,
}

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Chunk {
    /// Bytes that are all zero. Where a file is restored, they are a hole.
    Zeros(u64),
    Stored(Stored),
}

/// A chunk in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// BLAKE3 of the bytes.
    pub hash: [u8; 32],
    /// Bytes of the file.
    pub length: u32,
    /// The place of the pack in [`Manifest::packs`].
    pub pack: u32,
    pub offset: u32,
    /// Bytes in the pack. If they are as many as those of the file, they are not compressed.
    pub stored: u32,
}

impl Chunk {
    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        match self {
            Self::Zeros(length) => *length,
            Self::Stored(stored) => stored.length.into(),
        }
    }
}

impl Manifest {
    /// The encoded manifest, compressed.
    ///
    /// # Errors
    /// It is larger than [`MAX_MANIFEST_BYTES`].
    pub fn encode(&self) -> io::Result<Vec<u8>> {
        let plain = postcard::to_stdvec(self).map_err(io::Error::other)?;
        if plain.len() > MAX_MANIFEST_BYTES {
            return Err(io::Error::other("a sandbox has too many files for one manifest"));
        }
        Ok(compress(&plain))
    }

    /// Reads an encoded manifest.
    ///
    /// # Errors
    /// It is damaged, or names something that a tree cannot have.
    pub fn decode(bytes: &[u8]) -> io::Result<Self> {
        Self::decode_within(bytes, MAX_MANIFEST_BYTES)
    }

    /// The same for a place that holds at most `most` bytes of an unpacked manifest. Decoded, they take some three times as many.
    ///
    /// # Errors
    /// As for [`Self::decode`], or it is larger.
    pub fn decode_within(bytes: &[u8], most: usize) -> io::Result<Self> {
        let plain = decompress(bytes, most)?;
        let manifest: Self = postcard::from_bytes(&plain).map_err(|_| damaged("it cannot be read"))?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Bytes of all files, each counted once.
    pub fn content_bytes(&self) -> u64 {
        self.entries.iter().map(|entry| if let Content::File { size, .. } = entry.content { size } else { 0 }).sum()
    }

    /// Notes for each pack how many of its bytes this tree uses, and drops packs that it does not use.
    pub fn settle_packs(&mut self) {
        let mut seen = HashSet::new();
        let mut live = vec![0_u32; self.packs.len()];
        for stored in self.stored() {
            if seen.insert((stored.pack, stored.offset)) {
                let sum = &mut live[stored.pack as usize];
                // Chunks of a hostile manifest may overlap.
                *sum = sum.saturating_add(stored.stored).min(self.packs[stored.pack as usize].bytes);
            }
        }
        let mut next = 0;
        let places: Vec<u32> = live
            .iter()
            .map(|&live| {
                let place = next;
                next += u32::from(live > 0);
                place
            })
            .collect();
        let mut live = live.into_iter();
        self.packs.retain_mut(|pack| {
            pack.live = live.next().unwrap_or(0);
            pack.live > 0
        });
        for entry in &mut self.entries {
            let Content::File { chunks, .. } = &mut entry.content else { continue };
            for chunk in chunks {
                if let Chunk::Stored(stored) = chunk {
                    stored.pack = places[stored.pack as usize];
                }
            }
        }
    }

    /// All chunks in packs, as often as files have them.
    pub fn stored(&self) -> impl Iterator<Item = &Stored> {
        self.entries.iter().flat_map(|entry| {
            let chunks = if let Content::File { chunks, .. } = &entry.content { chunks.as_slice() } else { &[] };
            chunks.iter().filter_map(|chunk| if let Chunk::Stored(stored) = chunk { Some(stored) } else { None })
        })
    }

    fn check(&self) -> io::Result<()> {
        for pack in &self.packs {
            if pack.bytes as usize > MAX_PACK_BYTES || pack.live > pack.bytes {
                return Err(damaged("the size of a pack is wrong"));
            }
        }
        for entry in &self.entries {
            if !is_plain(&entry.path) || entry.mode > 0o7777 || entry.time.nanoseconds >= 1_000_000_000 {
                return Err(damaged("a name, mode or time is wrong"));
            }
            match &entry.content {
                Content::File { size, chunks } => self.check_file(*size, chunks)?,
                Content::HardLink(target) if !is_plain(target) => return Err(damaged("the name of a link is wrong")),
                Content::Symlink(target) if !is_target(target) => return Err(damaged("the target of a link is wrong")),
                Content::HardLink(_) | Content::Symlink(_) | Content::Directory | Content::Fifo => {}
            }
        }
        Ok(())
    }

    fn check_file(&self, size: u64, chunks: &[Chunk]) -> io::Result<()> {
        let mut length = 0_u64;
        for chunk in chunks {
            if let Chunk::Stored(Stored { length, pack, offset, stored, .. }) = chunk {
                let pack = self.packs.get(*pack as usize).ok_or_else(|| damaged("a chunk is in no pack"))?;
                let is_inside = u64::from(*offset) + u64::from(*stored) <= u64::from(pack.bytes);
                let fits = *length as usize <= MAX_CHUNK_BYTES && *stored > 0 && stored <= length;
                if !is_inside || !fits {
                    return Err(damaged("a chunk is not inside of its pack"));
                }
            }
            length = length.checked_add(chunk.length()).ok_or_else(|| damaged("a file is too large"))?;
        }
        if length != size || size > MAX_FILE_BYTES {
            return Err(damaged("the size of a file is wrong"));
        }
        Ok(())
    }
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("The manifest is damaged: {why}."))
}

/// Whether a path has only names, none of which leads up.
pub fn is_plain(path: &[u8]) -> bool {
    (1..=MAX_PATH_BYTES).contains(&path.len())
        && !path.contains(&0)
        && path.split(|&byte| byte == b'/').all(|name| !name.is_empty() && name != b"." && name != b"..")
}

fn is_target(target: &[u8]) -> bool {
    (1..=MAX_PATH_BYTES).contains(&target.len()) && !target.contains(&0)
}

/// Bytes as bytes, and not as a list of numbers.
pub(crate) mod bytes {
    use serde::de::{Error, SeqAccess, Visitor};
    use serde::{Deserializer, Serializer};
    use std::fmt;

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("bytes")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<u8>, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = list.next_element()? {
                    bytes.push(byte);
                }
                Ok(bytes)
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests;
