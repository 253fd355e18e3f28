//! A snapshot as an archive, made of its manifest and packs while it is sent. No machine takes part.

use crate::objects::sandbox::logic::SandboxLogic;
use crate::objects::sandbox::snapshots::{MAX_COMPARED_BYTES, StoredSnapshot};
use crate::objects::sandbox::trees;
use crate::ports::PortError;
use crate::ports::sandboxes::{ByteStream, Disk, SandboxOf, SandboxRefusal, TreePart};
use docle_tree::export::{Piece, pieces};
use docle_tree::{Pack, PackName, chunk};
use futures::{StreamExt, stream};
use std::collections::VecDeque;
use std::rc::Rc;

/// Bytes of packs that are kept for the next chunks. An object has 128 MB, and a manifest takes a third of it.
const KEPT_BYTES: usize = 24 << 20;
/// Bytes that are sent in one go.
const PIECE: u64 = 64 << 10;

impl SandboxLogic {
    /// The archive of a snapshot. If the snapshot is deleted meanwhile, the archive breaks off.
    ///
    /// # Errors
    /// There is no such snapshot, or it has too many files to be held at once.
    pub async fn export_snapshot(&self, project_id: &str, id: &str) -> Result<ByteStream, SandboxRefusal> {
        let sandbox = self.own(project_id)?.sandbox;
        let StoredSnapshot { tree: number, saved_at, .. } = self.snapshot(id)?;
        let tree = trees::complete(&*self.runtime.storage, number)?.of(sandbox.clone(), number, saved_at);
        let [manifest] = self.read_manifests([&tree], MAX_COMPARED_BYTES).await?;
        let packs =
            Packs { disk: Rc::clone(&self.ports.disk), sandbox, packs: manifest.packs.clone(), kept: VecDeque::new() };
        let archive = stream::try_unfold((pieces(manifest), packs, 0), |(mut pieces, mut packs, zeros)| async move {
            if zeros > 0 {
                let length = PIECE.min(zeros);
                return Ok(Some((vec![0; length as usize], (pieces, packs, zeros - length))));
            }
            let Some(piece) = pieces.next() else { return Ok(None) };
            let (bytes, zeros) = match piece.map_err(|error| PortError(error.to_string()))? {
                Piece::Bytes(bytes) => (bytes, 0),
                Piece::Zeros(length) => (Vec::new(), length),
                Piece::Chunk(stored) => {
                    let pack = packs.read(stored.pack as usize).await?;
                    let (from, to) = (stored.offset as usize, stored.offset as usize + stored.stored as usize);
                    let packed = pack.get(from..to).ok_or_else(|| PortError("A pack is too short.".to_owned()))?;
                    (chunk::load(packed, &stored).map_err(|error| PortError(error.to_string()))?, 0)
                }
            };
            Ok(Some((bytes, (pieces, packs, zeros))))
        });
        let with_bytes = |bytes: &Result<Vec<u8>, PortError>| {
            let is_something = !bytes.as_ref().is_ok_and(Vec::is_empty);
            async move { is_something }
        };
        Ok(archive.filter(with_bytes).boxed_local())
    }
}

/// The packs of a tree. Neighbouring files often lie in a few of them, so the last ones are kept.
struct Packs {
    disk: Rc<dyn Disk>,
    sandbox: SandboxOf,
    packs: Vec<Pack>,
    kept: VecDeque<(PackName, Rc<Vec<u8>>)>,
}

impl Packs {
    async fn read(&mut self, place: usize) -> Result<Rc<Vec<u8>>, PortError> {
        let name = self.packs[place].name;
        if let Some(at) = self.kept.iter().position(|(known, _)| *known == name) {
            let found = self.kept.remove(at).expect("the position was just found");
            let bytes = Rc::clone(&found.1);
            self.kept.push_back(found);
            return Ok(bytes);
        }
        let size = self.packs[place].bytes as usize;
        while self.kept.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() + size > KEPT_BYTES {
            self.kept.pop_front();
        }
        let (_, mut body) = self.disk.get(&self.sandbox, TreePart::Pack(name)).await?;
        let mut bytes = Vec::with_capacity(size);
        while let Some(piece) = body.next().await {
            bytes.extend(piece?);
        }
        let bytes = Rc::new(bytes);
        self.kept.push_back((name, Rc::clone(&bytes)));
        Ok(bytes)
    }
}
