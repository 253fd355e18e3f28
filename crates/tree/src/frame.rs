//! How trees travel between the runner and the Worker: a stream of frames, each with a byte for its kind and four bytes of
//! length, little-endian. The last one is the end; without it the stream has broken off.

use crate::limits::{MAX_MANIFEST_BYTES, MAX_PACK_BYTES};
use crate::manifest::PackName;
use serde::{Deserialize, Serialize};
use std::io;

/// Bytes before the content of a frame.
pub const HEAD_BYTES: usize = 5;
const MANIFEST: u8 = 1;
const PACK: u8 = 2;
const END: u8 = 3;
/// Bytes of the summary at the end: a name for each of the packs of the largest sandbox, and more.
const MAX_END_BYTES: usize = 1 << 20;

/// A part of a tree on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The next part of the encoded manifest, at most [`MAX_PACK_BYTES`].
    Manifest(Vec<u8>),
    /// A pack. Those that are saved are numbered as they come; those that are restored come in the order of the manifest.
    Pack(Vec<u8>),
    End(TreeSummary),
}

/// What the runner says of a tree that it has sent; empty on the way to the runner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TreeSummary {
    /// All packs that the tree uses.
    pub packs: Vec<PackName>,
    /// Names in the tree.
    pub entries: u64,
    /// Bytes of all its files.
    pub content_bytes: u64,
    /// Bytes of the packs that were made for it.
    pub new_bytes: u64,
}

impl Frame {
    /// The bytes of a frame.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Manifest(part) => [&head(MANIFEST, part.len()), part.as_slice()].concat(),
            Self::Pack(pack) => [&head(PACK, pack.len()), pack.as_slice()].concat(),
            Self::End(summary) => {
                let json = serde_json::to_vec(summary).expect("a summary is plain data, which always encodes");
                [&head(END, json.len()), json.as_slice()].concat()
            }
        }
    }

    /// What comes before a part of a manifest that is passed on as it is.
    pub fn manifest_head(length: usize) -> [u8; HEAD_BYTES] {
        head(MANIFEST, length)
    }

    /// What comes before a pack that is passed on as it is.
    pub fn pack_head(length: usize) -> [u8; HEAD_BYTES] {
        head(PACK, length)
    }
}

fn head(kind: u8, length: usize) -> [u8; HEAD_BYTES] {
    let mut head = [kind, 0, 0, 0, 0];
    head[1..].copy_from_slice(&(length as u32).to_le_bytes());
    head
}

/// Makes frames of bytes as they come.
#[derive(Debug, Default)]
pub struct FrameReader {
    rest: Vec<u8>,
    /// Bytes of the manifest so far.
    manifest: usize,
}

impl FrameReader {
    /// Takes bytes that have come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
    }

    /// The next frame, as soon as it is whole.
    ///
    /// # Errors
    /// There is none of this kind, or it is too long.
    pub fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        let wrong = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
        let Some((&[kind, a, b, c, d], _)) = self.rest.split_first_chunk() else { return Ok(None) };
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        let most = if kind == END { MAX_END_BYTES } else { MAX_PACK_BYTES };
        if length > most {
            return Err(wrong("A frame is too long."));
        }
        if self.rest.len() < HEAD_BYTES + length {
            return Ok(None);
        }
        let after = self.rest.split_off(HEAD_BYTES + length);
        let mut content = std::mem::replace(&mut self.rest, after);
        content.drain(..HEAD_BYTES);
        Ok(Some(match kind {
            MANIFEST => {
                self.manifest += length;
                if self.manifest > MAX_MANIFEST_BYTES {
                    return Err(wrong("A manifest is too long."));
                }
                Frame::Manifest(content)
            }
            PACK => Frame::Pack(content),
            END => Frame::End(serde_json::from_slice(&content).map_err(|_| wrong("A summary is unreadable."))?),
            _ => return Err(wrong("A frame is of no known kind.")),
        }))
    }

    /// Whether no part of a frame waits for its rest.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_format_unchanged() {
        assert_eq!(Frame::Manifest(vec![9]).encode(), [1, 1, 0, 0, 0, 9]);
        assert_eq!(Frame::Pack(vec![9, 8]).encode(), [2, 2, 0, 0, 0, 9, 8]);
        let packs = vec![PackName { save: 3, number: 1 }];
        let end = Frame::End(TreeSummary { packs, entries: 1, content_bytes: 2, new_bytes: 3 }).encode();
        let json = r#"{"packs":[{"save":3,"number":1}],"entries":1,"contentBytes":2,"newBytes":3}"#;
        assert_eq!((end[0], str::from_utf8(&end[5..]).unwrap()), (3, json));
    }

    #[test]
    fn frames_are_read_wherever_their_bytes_are_cut() {
        let frames = [
            Frame::Manifest(vec![1; 10]),
            Frame::Pack(Vec::new()),
            Frame::Pack(vec![2; 1_000]),
            Frame::End(TreeSummary::default()),
        ];
        let bytes: Vec<u8> = frames.iter().flat_map(Frame::encode).collect();
        for size in [1, 7, 100, bytes.len()] {
            let (mut reader, mut read) = (FrameReader::default(), Vec::new());
            for piece in bytes.chunks(size) {
                reader.push(piece);
                while let Some(frame) = reader.next_frame().unwrap() {
                    read.push(frame);
                }
            }
            assert_eq!(read, frames);
            assert!(reader.is_empty());
        }
    }

    #[test]
    fn a_frame_that_is_too_long_or_unknown_is_refused_before_it_has_come() {
        for head in [[9, 0, 0, 0, 0], [PACK, 1, 0, 128, 0], [MANIFEST, 255, 255, 255, 255], [END, 0, 0, 255, 0]] {
            let mut reader = FrameReader::default();
            reader.push(&head);
            assert!(reader.next_frame().is_err(), "{head:?}");
        }
    }
}
