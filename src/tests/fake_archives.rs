//! Archives and trees of the files of a machine without a machine.

use crate::ports::PortError;
use crate::ports::sandboxes::{ByteStream, HostError};
use docle_tree::archive::{Head, append};
use docle_tree::{Frame, FrameReader, Manifest, Time};
use futures::StreamExt;
use std::collections::BTreeMap;
use std::io::Read;
use tar::EntryType;

/// Path below `/workspace` → content.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The manifest and the packs in some frames.
pub async fn received(mut frames: ByteStream) -> Result<(Option<Manifest>, Vec<Vec<u8>>), HostError> {
    let (mut reader, mut manifest, mut packs) = (FrameReader::default(), Vec::new(), Vec::new());
    while let Some(chunk) = frames.next().await {
        reader.push(&chunk.map_err(lost)?);
        while let Some(frame) = reader.next_frame().unwrap() {
            match frame {
                Frame::Manifest(part) => manifest.extend(part),
                Frame::Pack(pack) => packs.push(pack),
                Frame::End(_) => {
                    let manifest = (!manifest.is_empty()).then(|| Manifest::decode(&manifest).unwrap());
                    return Ok((manifest, packs));
                }
            }
        }
    }
    Err(HostError::Lost("The frames break off.".into()))
}

/// An archive of files.
pub fn archive(files: &Files) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |path: &str, kind, content: &[u8]| {
        let (path, size) = (path.as_bytes(), content.len() as u64);
        let head = Head { path, kind, target: None, mode: 0o644, time: Time::default(), size };
        append(&mut builder, &head, content).unwrap();
    };
    add("workspace", EntryType::Directory, b"");
    for (path, content) in files {
        add(&format!("workspace/{path}"), EntryType::Regular, content);
    }
    builder.into_inner().unwrap()
}

/// The files of an archive.
pub fn unpacked(bytes: &[u8]) -> Files {
    let mut archive = tar::Archive::new(bytes);
    let entries = archive.entries().unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.header().entry_type().is_file()).map(|mut entry| {
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (path.strip_prefix("workspace/").unwrap().to_owned(), content)
    });
    files.collect()
}

/// The failure of a machine whose connection broke.
pub fn lost(error: PortError) -> HostError {
    HostError::Lost(error.0)
}
