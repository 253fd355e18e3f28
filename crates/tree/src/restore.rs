//! Makes an archive of a tree.

use crate::archive::{Head, append};
use crate::chunk;
use crate::manifest::{Chunk, Content, Manifest, Stored};
use std::io::{self, Read, Write};
use tar::Builder;

/// Writes the archive of a tree. `read` fills a buffer with the bytes at an offset of the pack at a place of the manifest.
///
/// # Errors
/// A chunk is not what the manifest says, or something cannot be read or written.
pub fn restore(
    manifest: &Manifest,
    mut read: impl FnMut(u32, u32, &mut [u8]) -> io::Result<()>,
    to: impl Write,
) -> io::Result<()> {
    let mut builder = Builder::new(to);
    for entry in &manifest.entries {
        let head = Head::of(entry);
        let chunks = if let Content::File { chunks, .. } = &entry.content { chunks.as_slice() } else { &[] };
        append(&mut builder, &head, FileReader { chunks, read: &mut read, bytes: Vec::new(), at: 0, zeros: 0 })?;
    }
    builder.into_inner()?.flush()
}

/// The content of one file.
struct FileReader<'a, R> {
    chunks: &'a [Chunk],
    read: &'a mut R,
    /// The chunk that is being read.
    bytes: Vec<u8>,
    at: usize,
    zeros: u64,
}

impl<R: FnMut(u32, u32, &mut [u8]) -> io::Result<()>> FileReader<'_, R> {
    fn next_chunk(&mut self, stored: &Stored) -> io::Result<()> {
        let mut packed = vec![0; stored.stored as usize];
        (self.read)(stored.pack, stored.offset, &mut packed)?;
        (self.bytes, self.at) = (chunk::load(&packed, stored)?, 0);
        Ok(())
    }
}

impl<R: FnMut(u32, u32, &mut [u8]) -> io::Result<()>> Read for FileReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.bytes.len() && self.zeros == 0 {
            let Some((first, rest)) = self.chunks.split_first() else { return Ok(0) };
            self.chunks = rest;
            match first {
                Chunk::Zeros(length) => self.zeros = *length,
                Chunk::Stored(stored) => self.next_chunk(stored)?,
            }
        }
        if self.zeros > 0 {
            let length = buffer.len().min(usize::try_from(self.zeros).unwrap_or(usize::MAX));
            buffer[..length].fill(0);
            self.zeros -= length as u64;
            return Ok(length);
        }
        let length = buffer.len().min(self.bytes.len() - self.at);
        buffer[..length].copy_from_slice(&self.bytes[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}
