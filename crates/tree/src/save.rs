//! Makes a tree of an archive, and sends what is new in it.

use crate::archive::Extensions;
use crate::chunk::{MEAN_CHUNK_BYTES, MIN_CHUNK_BYTES, WHOLE_BYTES};
use crate::compression::compress;
use crate::frame::{Frame, TreeSummary};
use crate::limits::{MAX_CHUNK_BYTES, MAX_FILE_BYTES, MAX_PACK_BYTES};
use crate::manifest::{Chunk, Content, Entry, Manifest, Pack, PackName, Stored, Time, is_plain};
use fastcdc::v2020::StreamCDC;
use std::collections::HashMap;
use std::io::{self, Read};
use tar::Archive;

/// A pack that is smaller was made by a small save.
const SMALL_PACK_BYTES: u32 = 4 << 20;
/// With more small packs than this, their content is written anew into larger ones: a wake costs a request for each pack.
const MAX_SMALL_PACKS: usize = 16;

/// Reads an archive of all files to its end, and gives frames to `send`: packs with the content that `base` does not hold, then
/// the manifest, then the end. Packs are named after `number`, which no earlier save of the sandbox has.
///
/// # Errors
/// The archive is broken, or `send` fails.
pub fn save(
    mut archive: impl Read,
    base: Option<&Manifest>,
    number: u64,
    send: impl FnMut(Frame) -> io::Result<()>,
) -> io::Result<()> {
    let mut saver = Saver {
        number,
        known: base.map(known).unwrap_or_default(),
        base: base.map(|base| base.packs.as_slice()).unwrap_or_default(),
        base_places: HashMap::new(),
        manifest: Manifest::default(),
        pack: Vec::new(),
        packs: 0,
        new_bytes: 0,
        send,
    };
    let (mut extensions, mut entries) = (Extensions::default(), Archive::new(&mut archive));
    for entry in entries.entries()?.raw(true) {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        if let Some(read) = extensions.read(kind, &mut entry) {
            read?;
            continue;
        }
        let Extensions { path, target, time } = std::mem::take(&mut extensions);
        let mut path = path.unwrap_or_else(|| entry.path_bytes().into_owned());
        if path.last() == Some(&b'/') {
            path.pop();
        }
        let mode = entry.header().mode()? & 0o7777;
        let header_time = entry.header().mtime()?;
        let time = time.unwrap_or(Time { seconds: header_time as i64, nanoseconds: 0 });
        let target = target.or_else(|| entry.link_name_bytes().map(|target| target.into_owned())).unwrap_or_default();
        let content = match kind {
            _ if kind.is_dir() => Content::Directory,
            _ if kind.is_symlink() => Content::Symlink(target),
            _ if kind.is_hard_link() => Content::HardLink(target),
            _ if kind.is_fifo() => Content::Fifo,
            _ if kind.is_file() => saver.file(entry.size(), &mut entry)?,
            _ => continue,
        };
        if !is_plain(&path) {
            return Err(wrong("an entry has no plain name"));
        }
        saver.manifest.entries.push(Entry { path, mode, time, content });
    }
    // Whatever sends the archive says here whether it is whole.
    io::copy(&mut archive, &mut io::sink())?;
    if saver.manifest.entries.is_empty() {
        return Err(wrong("there is nothing in it"));
    }
    saver.finish()
}

fn wrong(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("The archive is broken: {why}."))
}

/// The chunks of a tree that stay where they are.
fn known(base: &Manifest) -> HashMap<[u8; 32], Stored> {
    let small = base.packs.iter().filter(|pack| pack.bytes < SMALL_PACK_BYTES).count();
    let is_kept = |pack: &Pack| {
        let is_used = pack.live >= pack.bytes / 2;
        is_used && (pack.bytes >= SMALL_PACK_BYTES || small <= MAX_SMALL_PACKS)
    };
    let kept: Vec<bool> = base.packs.iter().map(is_kept).collect();
    base.stored().filter(|stored| kept[stored.pack as usize]).map(|stored| (stored.hash, *stored)).collect()
}

struct Saver<'a, F> {
    number: u64,
    /// Where chunks are: at first in packs of the tree before, with their places there.
    known: HashMap<[u8; 32], Stored>,
    base: &'a [Pack],
    /// Places in the tree before → places in this one.
    base_places: HashMap<u32, u32>,
    manifest: Manifest,
    /// The pack that is being filled.
    pack: Vec<u8>,
    packs: u32,
    new_bytes: u64,
    send: F,
}

/// A place that is none of the tree before.
const NEW: u32 = 1 << 31;

impl<F: FnMut(Frame) -> io::Result<()>> Saver<'_, F> {
    fn file(&mut self, size: u64, content: &mut impl Read) -> io::Result<Content> {
        if size > MAX_FILE_BYTES {
            return Err(wrong("a file is too large"));
        }
        let (mut chunks, mut length) = (Vec::new(), 0);
        let mut add = |saver: &mut Self, bytes: &[u8]| -> io::Result<()> {
            length += bytes.len() as u64;
            let chunk = saver.chunk(bytes)?;
            match (chunks.last_mut(), chunk) {
                (Some(Chunk::Zeros(before)), Chunk::Zeros(more)) => *before += more,
                _ => chunks.push(chunk),
            }
            Ok(())
        };
        if size > WHOLE_BYTES {
            for chunk in StreamCDC::new(content, MIN_CHUNK_BYTES, MEAN_CHUNK_BYTES, MAX_CHUNK_BYTES as u32) {
                add(self, &chunk.map_err(io::Error::from)?.data)?;
            }
        } else if size > 0 {
            let mut bytes = Vec::with_capacity(size as usize);
            content.read_to_end(&mut bytes)?;
            add(self, &bytes)?;
        }
        if length == size { Ok(Content::File { size, chunks }) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    fn chunk(&mut self, bytes: &[u8]) -> io::Result<Chunk> {
        if bytes.iter().all(|&byte| byte == 0) {
            return Ok(Chunk::Zeros(bytes.len() as u64));
        }
        let hash = *blake3::hash(bytes).as_bytes();
        if let Some(&found) = self.known.get(&hash) {
            let pack = if found.pack & NEW != 0 { found.pack ^ NEW } else { self.base_place(found.pack) };
            return Ok(Chunk::Stored(Stored { pack, ..found }));
        }
        let compressed = compress(bytes);
        let packed = if compressed.len() < bytes.len() { &compressed } else { bytes };
        if self.pack.len() + packed.len() > MAX_PACK_BYTES {
            self.end_pack()?;
        }
        if self.pack.is_empty() {
            let name = PackName { save: self.number, number: self.packs };
            self.manifest.packs.push(Pack { name, bytes: 0, live: 0 });
            self.packs += 1;
        }
        let name = PackName { save: self.number, number: self.packs - 1 };
        let place = self.manifest.packs.iter().rposition(|pack| pack.name == name);
        let place = place.ok_or_else(|| io::Error::other("a pack has no place"))? as u32;
        let (offset, length, size) = (self.pack.len() as u32, bytes.len() as u32, packed.len() as u32);
        let stored = Stored { hash, length, pack: place, offset, stored: size };
        self.pack.extend_from_slice(packed);
        self.manifest.packs[place as usize].bytes = self.pack.len() as u32;
        self.known.insert(hash, Stored { pack: place | NEW, ..stored });
        Ok(Chunk::Stored(stored))
    }

    fn base_place(&mut self, before: u32) -> u32 {
        let (packs, base) = (&mut self.manifest.packs, self.base);
        *self.base_places.entry(before).or_insert_with(|| {
            packs.push(base[before as usize].clone());
            packs.len() as u32 - 1
        })
    }

    fn end_pack(&mut self) -> io::Result<()> {
        if !self.pack.is_empty() {
            self.new_bytes += self.pack.len() as u64;
            (self.send)(Frame::Pack(std::mem::take(&mut self.pack)))?;
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        self.end_pack()?;
        self.manifest.settle_packs();
        let encoded = self.manifest.encode()?;
        for part in encoded.chunks(MAX_PACK_BYTES) {
            (self.send)(Frame::Manifest(part.to_vec()))?;
        }
        (self.send)(Frame::End(TreeSummary {
            packs: self.manifest.packs.iter().map(|pack| pack.name).collect(),
            entries: self.manifest.entries.len() as u64,
            content_bytes: self.manifest.content_bytes(),
            new_bytes: self.new_bytes,
        }))
    }
}

#[cfg(test)]
mod tests;
