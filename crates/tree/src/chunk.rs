//! One chunk: how large it is, and how it is read and checked.

use crate::compression::decompress;
use crate::manifest::Stored;
use std::io;

/// Bytes of a file that are one chunk, however they change: one request reads such a file.
pub const WHOLE_BYTES: u64 = 256 << 10;
/// Bytes of a chunk of a larger file.
pub const MIN_CHUNK_BYTES: u32 = 64 << 10;
pub const MEAN_CHUNK_BYTES: u32 = 256 << 10;

/// The bytes of a chunk from its part of a pack.
///
/// # Errors
/// They are not those that the manifest names.
pub fn load(packed: &[u8], stored: &Stored) -> io::Result<Vec<u8>> {
    let is_plain = stored.stored == stored.length;
    let bytes = if is_plain { packed.to_vec() } else { decompress(packed, stored.length as usize)? };
    if !is_same(&bytes, stored) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "A chunk is not what its manifest names."));
    }
    Ok(bytes)
}

/// The name of a chunk.
pub fn hash(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

/// Whether bytes are those of a chunk.
pub fn is_same(bytes: &[u8], stored: &Stored) -> bool {
    bytes.len() == stored.length as usize && hash(bytes) == stored.hash
}
