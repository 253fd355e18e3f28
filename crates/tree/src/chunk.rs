//! One chunk: how it is compressed, and how it is read and checked.

use crate::manifest::Stored;
use std::io::{self, Read};

/// Bytes of a file that are one chunk, however they change: one request reads such a file.
pub const WHOLE_BYTES: u64 = 256 << 10;
/// Bytes of a chunk of a larger file.
pub const MIN_CHUNK_BYTES: u32 = 64 << 10;
pub const MEAN_CHUNK_BYTES: u32 = 256 << 10;
pub const MAX_CHUNK_BYTES: usize = 1 << 20;

/// The bytes of a chunk from its part of a pack.
///
/// # Errors
/// They are not those that the manifest names.
pub fn load(packed: &[u8], stored: &Stored) -> io::Result<Vec<u8>> {
    let is_plain = stored.stored == stored.length;
    let bytes = if is_plain { packed.to_vec() } else { decompress(packed, stored.length as usize)? };
    if bytes.len() != stored.length as usize || *blake3::hash(&bytes).as_bytes() != stored.hash {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "A chunk is not what its manifest names."));
    }
    Ok(bytes)
}

/// Compresses.
#[cfg(feature = "runner")]
pub fn compress(plain: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(plain, 3).unwrap_or_else(|_| slow_compress(plain))
}

/// Compresses.
#[cfg(not(feature = "runner"))]
pub fn compress(plain: &[u8]) -> Vec<u8> {
    slow_compress(plain)
}

fn slow_compress(plain: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(plain, ruzstd::encoding::CompressionLevel::Fastest)
}

/// Decompresses at most `limit` bytes.
///
/// # Errors
/// It is damaged, or longer.
pub fn decompress(packed: &[u8], limit: usize) -> io::Result<Vec<u8>> {
    let damaged = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let decoder = ruzstd::decoding::StreamingDecoder::new(packed).map_err(|error| damaged(error.to_string()))?;
    let mut plain = Vec::new();
    decoder.take(limit as u64 + 1).read_to_end(&mut plain)?;
    if plain.len() > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "What is compressed is larger than it may be."));
    }
    Ok(plain)
}
