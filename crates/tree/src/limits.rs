//! The largest parts that a tree may have.

/// Bytes of a pack. A Worker has 128 MB of memory, and holds a pack or two while it stores them.
pub const MAX_PACK_BYTES: usize = 8 << 20;
/// Bytes of an encoded manifest: the largest sandbox has 262,144 files, and a file takes about 100 bytes before compression.
pub const MAX_MANIFEST_BYTES: usize = 64 << 20;
/// Bytes of the largest file: what the runner lets a program write.
pub const MAX_FILE_BYTES: u64 = 2 << 30;
/// Bytes of a path, as the kernel has it.
pub const MAX_PATH_BYTES: usize = 4_096;
/// Bytes of a chunk of a file that is larger than [`WHOLE_BYTES`](crate::chunk::WHOLE_BYTES).
pub const MAX_CHUNK_BYTES: usize = 1 << 20;
