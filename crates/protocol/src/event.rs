//! The response of the runner: a stream of events.

use crate::limits::MAX_COMPILE_BYTES;
use crate::report::{Artifact, RunReport, Truncated};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The most bytes of output in one event.
pub const MAX_PIECE_BYTES: usize = 65_536;

/// The most bytes of one line without its line feed. Base64 makes four characters of three bytes; 1,024 bytes are room for
/// the rest of an output event, and for a whole report but what a compiler wrote.
pub const MAX_LINE_BYTES: usize = MAX_PIECE_BYTES.div_ceil(3) * 4 + 1_024 + 2 * MAX_COMPILE_BYTES;

/// One of the two output streams of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    pub const ALL: [Self; 2] = [Self::Stdout, Self::Stderr];

    /// The name of the stream, as events and results have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    /// Whether this stream lost its end.
    pub const fn is_cut(self, truncated: Truncated) -> bool {
        match self {
            Self::Stdout => truncated.stdout,
            Self::Stderr => truncated.stderr,
        }
    }
}

/// One line of an event stream: `start`, then output as the program writes it, then exactly one `complete`. A stream that
/// ends without `complete` was interrupted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum RunEvent {
    /// The run has a slot.
    Start,
    /// What the run does now. It comes before a fetch, an installation and a compilation that take time, and then before the program.
    Stage { stage: Stage },
    /// Bytes from standard output, in order.
    Stdout { data: Piece },
    /// Bytes from standard error, in order.
    Stderr { data: Piece },
    /// Bytes of lines, each a [`crate::context::CellEvent`]: how a run that is a cell starts, what it shows and what it fails with, in
    /// its order with the output.
    Cell { data: Piece },
    /// A file that the run hands back begins: `index` counts the files of the report from 0. It comes after all output, and
    /// after the bytes of the file before. As many bytes follow as `file.size` says, and `file.sha256` is theirs.
    #[serde(rename_all = "camelCase")]
    ArtifactStart {
        index: u32,
        file: Box<Artifact>,
        /// Whether the result is to contain the bytes.
        is_inline: bool,
    },
    /// Bytes of a file that the run hands back, in order. An empty file has one event without bytes.
    Artifact { index: u32, data: Piece },
    /// The end of the run. All output comes before it.
    Complete { report: RunReport },
}

/// What a run does that is not there yet when it gets its slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// Its repository is being fetched.
    Fetch,
    /// Its packages are being installed.
    Install,
    /// Its program is being compiled.
    Compile,
    /// Its program starts.
    Program,
}

impl RunEvent {
    /// The event of output: at most [`MAX_PIECE_BYTES`].
    pub const fn output(stream: Stream, bytes: Vec<u8>) -> Self {
        let data = Piece(bytes);
        match stream {
            Stream::Stdout => Self::Stdout { data },
            Stream::Stderr => Self::Stderr { data },
        }
    }
}

/// Output as the program wrote it: at most [`MAX_PIECE_BYTES`], in base64 on the wire. A piece may end inside a character,
/// and its bytes need not be UTF-8.
#[derive(Clone, PartialEq, Eq)]
pub struct Piece(pub Vec<u8>);

impl fmt::Debug for Piece {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Piece({} bytes)", self.0.len())
    }
}

impl Serialize for Piece {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Piece {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Base64;
        impl Visitor<'_> for Base64 {
            type Value = Piece;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("output in base64")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Piece, E> {
                STANDARD.decode(text).map(Piece).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Base64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{MAX_ARTIFACTS, MAX_PATH_BYTES, MAX_REF_BYTES, MAX_REFUSED, MAX_REPOSITORY_URL_BYTES};
    use crate::report::{
        Artifact, ArtifactError, CompileResult, FetchedRepository, NetworkReport, PolicyLimit, RepositoryError,
        RunDetails, RunStatus, RunUsage,
    };
    use serde_json::json;

    #[test]
    fn run_event_format_unchanged() {
        let written = |event: &RunEvent| serde_json::to_value(event).unwrap();
        let (stdout, stderr) = (Piece(b"a\n".to_vec()), Piece(vec![0xff, 0x1b]));
        assert_eq!(written(&RunEvent::Start), json!({ "type": "start" }));
        let stages = [Stage::Fetch, Stage::Install, Stage::Compile, Stage::Program]
            .map(|stage| written(&RunEvent::Stage { stage }));
        let stage = |name| json!({ "type": "stage", "stage": name });
        assert_eq!(stages, ["fetch", "install", "compile", "program"].map(stage));
        assert_eq!(written(&RunEvent::Stdout { data: stdout }), json!({ "type": "stdout", "data": "YQo=" }));
        let event = RunEvent::Stderr { data: stderr };
        assert_eq!(written(&event), json!({ "type": "stderr", "data": "/xs=" }));
        assert_eq!(serde_json::from_value::<RunEvent>(written(&event)).unwrap(), event);
        assert!(serde_json::from_value::<RunEvent>(json!({ "type": "stdout", "data": "?" })).is_err());
        let event = RunEvent::Artifact { index: 1, data: Piece(b"a\n".to_vec()) };
        assert_eq!(written(&event), json!({ "type": "artifact", "index": 1, "data": "YQo=" }));
        let file = Artifact {
            name: "a".into(),
            size: 2,
            mime_type: "text/plain".into(),
            sha256: Some("00".into()),
            url: None,
            base64: None,
            error: None,
        };
        let event = RunEvent::ArtifactStart { index: 1, file: Box::new(file), is_inline: true };
        let file = json!({ "name": "a", "size": 2, "mimeType": "text/plain", "sha256": "00" });
        let expected = json!({ "type": "artifact_start", "index": 1, "file": file, "isInline": true });
        assert_eq!(written(&event), expected);
        assert_eq!(serde_json::from_value::<RunEvent>(expected).unwrap(), event);
    }

    #[test]
    fn every_event_fits_into_the_longest_line() {
        let longest = |event: &RunEvent| serde_json::to_vec(event).unwrap().len();
        assert!(longest(&RunEvent::Stderr { data: Piece(vec![0; MAX_PIECE_BYTES]) }) <= MAX_LINE_BYTES);
        let usage = RunUsage {
            cpu_ms: f64::MIN,
            mem_mb: f64::MIN,
            duration_ms: f64::MIN,
            queue_ms: f64::MIN,
            install_ms: f64::MIN,
            blocked_connections: u32::MAX,
            egress_bytes: u64::MAX,
        };
        let truncated = Truncated { stdout: false, stderr: false };
        let (status, exit_code, signal) = (RunStatus::InstallFailed, i32::MIN, Some("SIGVTALRM".to_owned()));
        // The longest names and the longest hint.
        let artifact = Artifact {
            name: "a".repeat(MAX_PATH_BYTES),
            size: u64::MAX,
            mime_type: "a".repeat(80),
            sha256: Some("0".repeat(64)),
            // The object adds it to the report that it passes on.
            url: Some("u".repeat(400)),
            base64: None,
            error: Some(ArtifactError::TooLargeToInline),
        };
        let details = RunDetails {
            limit: Some(PolicyLimit::MaxOutputBytes),
            repo: Some(Box::new(FetchedRepository {
                url: "a".repeat(MAX_REPOSITORY_URL_BYTES),
                reference: Some("a".repeat(MAX_REF_BYTES)),
                subdir: Some("\"".repeat(MAX_PATH_BYTES)),
                commit: Some("0".repeat(64)),
                error: Some(RepositoryError::EntrypointNotFound),
            })),
            compile: Some(Box::new(CompileResult {
                stdout: "a".repeat(MAX_COMPILE_BYTES),
                stderr: "a".repeat(MAX_COMPILE_BYTES),
                exit_code: i32::MIN,
                duration_ms: f64::MIN,
                cpu_ms: f64::MIN,
            })),
            network: Some(Box::new(NetworkReport { refused: vec!["h".repeat(260); MAX_REFUSED] })),
            hint: Some("\"".repeat(1_024)),
            artifacts: Some(vec![artifact; MAX_ARTIFACTS]),
            artifacts_omitted: Some(u32::MAX),
        };
        let report = RunReport { status, exit_code, signal, truncated, usage, details };
        assert!(longest(&RunEvent::Complete { report }) <= MAX_LINE_BYTES);
    }
}
