//! The keys under which KV has what is large of a run, and for how long.

use crate::domain::run::id::RunId;
use crate::domain::run::record::InKv;
use docle_protocol::Stream;

/// Results are kept for seven days.
pub const TTL_SECONDS: u64 = 7 * 24 * 60 * 60;

/// The most bytes of a chunk of output, but for its last character. An object holds two unfinished chunks of each run in
/// progress, and at most two that are on their way: 48 runs of a project hold 48 MiB of the 128 MB of its isolate if all of
/// them write without pause.
pub const CHUNK_BYTES: usize = 256 * 1_024;

/// The key of a record that the log of the project does not keep.
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

/// The keys of everything that KV has of a run.
pub fn keys_of(id: RunId, in_kv: InKv) -> Vec<String> {
    let InKv { record, mut apart } = in_kv;
    let mut keys = Vec::new();
    keys.extend(record.then(|| record_key(id)));
    keys.extend(apart.input.then(|| input_key(id)));
    for stream in Stream::ALL {
        keys.extend((0..*apart.chunks.of(stream)).map(|number| chunk_key(id, stream, number)));
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::run::record::{Apart, Chunks};

    #[test]
    fn run_key_format_unchanged() {
        let id = RunId::parse("550e8400-e29b-41d4-a716-446655440000").unwrap();
        assert_eq!(record_key(id), "run:550e8400-e29b-41d4-a716-446655440000");
        assert_eq!(input_key(id), "input:550e8400-e29b-41d4-a716-446655440000");
        let chunk = chunk_key(id, Stream::Stderr, 2);
        assert_eq!(chunk, "output:550e8400-e29b-41d4-a716-446655440000:stderr:2");
    }
    #[test]
    fn everything_of_a_run_has_its_keys() {
        let id = RunId::from_random([0; 16]);
        assert!(keys_of(id, InKv::default()).is_empty());
        let apart = Apart { input: true, chunks: Chunks { stdout: 2, stderr: 1 }, artifacts: 0 };
        let expected = [
            record_key(id),
            input_key(id),
            chunk_key(id, Stream::Stdout, 0),
            chunk_key(id, Stream::Stdout, 1),
            chunk_key(id, Stream::Stderr, 0),
        ];
        assert_eq!(keys_of(id, InKv { record: true, apart }), expected);
        let written = r#"{"record":true,"input":true,"chunks":{"stdout":2,"stderr":1}}"#;
        assert_eq!(serde_json::to_string(&InKv { record: true, apart }).unwrap(), written);
    }
}
