//! How chunks and manifests are compressed.

use std::io::{self, Read};

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
