//! Archives and trees of the files of a machine without a machine.

use crate::ports::PortError;
use crate::ports::sandboxes::{ByteStream, HostError};
use docle_tree::archive::{Head, append};
use docle_tree::chunk::is_same;
use docle_tree::patch::{Change, Patch, Step};
use docle_tree::restore::restore;
use docle_tree::{Chunk, Content, Frame, FrameReader, Manifest, Time};
use futures::StreamExt;
use std::collections::BTreeMap;
use std::io::Read;
use tar::EntryType;

/// Path below `/workspace` → content.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The manifest and the packs in some frames.
pub async fn received(frames: ByteStream) -> Result<(Option<Manifest>, Vec<Vec<u8>>), HostError> {
    let all = all_received(frames).await?;
    all.into_iter().next().ok_or_else(|| HostError::Lost("The frames break off.".into()))
}

/// The manifests and the packs in some frames, each up to an end.
pub async fn all_received(mut frames: ByteStream) -> Result<Vec<(Option<Manifest>, Vec<Vec<u8>>)>, HostError> {
    let (mut reader, mut manifest, mut packs) = (FrameReader::default(), Vec::new(), Vec::new());
    let mut all = Vec::new();
    while let Some(chunk) = frames.next().await {
        reader.push(&chunk.map_err(lost)?);
        while let Some(frame) = reader.next_frame().unwrap() {
            match frame {
                Frame::Manifest(part) => manifest.extend(part),
                Frame::Pack(pack) => packs.push(pack),
                Frame::End(_) => {
                    let read = std::mem::take(&mut manifest);
                    let read = (!read.is_empty()).then(|| Manifest::decode(&read).unwrap());
                    all.push((read, std::mem::take(&mut packs)));
                }
            }
        }
    }
    Ok(all)
}

/// Changes what differs between two trees; `None` if a file is not as in the first one.
pub fn patched(own: &Files, patch: &Patch, packs: &[Vec<u8>]) -> Option<Files> {
    let name = |path: &[u8]| String::from_utf8(path.strip_prefix(b"workspace/")?.to_vec()).ok();
    let mut files = own.clone();
    for Step { path, before, change } in &patch.steps {
        let name = name(path)?;
        let is_same = match before.as_ref().map(|node| &node.content) {
            None => !own.contains_key(&name),
            Some(Content::File { chunks, .. }) => match (chunks.as_slice(), own.get(&name)) {
                ([Chunk::Stored(stored)], Some(content)) => is_same(content, stored),
                (chunks, content) => chunks.is_empty() && content.is_some_and(Vec::is_empty),
            },
            Some(other) => panic!("{other:?} on a machine that has files alone"),
        };
        if !is_same {
            return None;
        }
        if *change == Change::Remove {
            files.remove(&name);
        }
    }
    let mut archive = Vec::new();
    let read = |pack: u32, offset: u32, buffer: &mut [u8]| {
        buffer.copy_from_slice(&packs[pack as usize][offset as usize..offset as usize + buffer.len()]);
        Ok(())
    };
    restore(&patch.written, read, &mut archive).unwrap();
    files.extend(unpacked(&archive));
    Some(files)
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
