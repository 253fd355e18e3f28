//! The keys under which KV has what is large of a run, and for how long.

use crate::domain::run::id::RunId;
use docle_protocol::Stream;

/// Results are kept for seven days.
pub const TTL_SECONDS: u64 = 7 * 24 * 60 * 60;

/// The most bytes of a chunk of output, but for its last character. An object holds two unfinished chunks of each run in
/// progress, and at most two that are on their way: 48 runs of a project hold 48 MiB of the 128 MB of its isolate if all of
/// them write without pause.
pub const CHUNK_BYTES: usize = 256 * 1_024;

/// The key of a record that the gate of the API key does not keep.
pub fn record_key(id: RunId) -> String {
    format!("run:{id}")
}

/// The key of an input that is stored apart.
pub fn input_key(id: RunId) -> String {
    format!("input:{id}")
}

/// The key of a chunk of output.
pub fn chunk_key(id: RunId, stream: Stream, number: u32) -> String {
    format!("output:{id}:{}:{number}", stream.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_key_format_unchanged() {
        let id = RunId::parse("550e8400-e29b-41d4-a716-446655440000").unwrap();
        assert_eq!(record_key(id), "run:550e8400-e29b-41d4-a716-446655440000");
        assert_eq!(input_key(id), "input:550e8400-e29b-41d4-a716-446655440000");
        let chunk = chunk_key(id, Stream::Stderr, 2);
        assert_eq!(chunk, "output:550e8400-e29b-41d4-a716-446655440000:stderr:2");
    }
}
