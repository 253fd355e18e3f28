//! The trees of a sandbox: what of them is where, and how they come and go.
//!
//! A row is written before the first part of a tree is stored, and completed after the last one. So every part in the bucket
//! belongs to a row, whenever the object is reset. A tree is live while it is the head or a snapshot; what is not
//! live is deleted.

use crate::domain::timestamp::Timestamp;
use crate::objects::schema::has_table;
use crate::ports::sandboxes::{ByteStream, Disk, SandboxOf, TreePart};
use crate::ports::snapshots::{StoredPack, TreeOf};
use crate::ports::{LocalSql, PortError, SqlValue};
use docle_tree::{Frame, FrameReader, PackName, TreeSummary};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A tree, or what an interrupted save has left of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Tree {
    Complete(CompleteTree),
    #[serde(rename_all = "camelCase")]
    Unfinished {
        swept_at: Option<Timestamp>,
    },
}

/// A tree that can be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompleteTree {
    pub manifest_parts: u32,
    /// The bytes of these parts.
    pub manifest_bytes: u64,
    pub packs: Vec<StoredPack>,
    /// Files, directories and links.
    pub entries: u64,
    /// Bytes of all files.
    pub content_bytes: u64,
}

impl CompleteTree {
    /// The parts of the manifest of the tree with this number, in order.
    pub fn manifest(&self, number: u64) -> impl Iterator<Item = TreePart> + use<> {
        (0..self.manifest_parts).map(move |part| TreePart::Manifest { save: number, part })
    }

    /// All parts, in the order in which a runner takes them.
    pub fn parts(&self, number: u64) -> Vec<TreePart> {
        self.manifest(number).chain(self.packs.iter().map(|pack| TreePart::Pack(pack.name))).collect()
    }

    /// The tree as other objects know it.
    pub fn of(self, sandbox: SandboxOf, number: u64, saved_at: Timestamp) -> TreeOf {
        let Self { manifest_parts, manifest_bytes, packs, entries, content_bytes } = self;
        TreeOf { sandbox, number, manifest_parts, manifest_bytes, packs, entries, content_bytes, saved_at }
    }
}

/// Notes a tree.
pub fn put(sql: &dyn LocalSql, number: u64, tree: &Tree) -> Result<(), PortError> {
    sql.exec("CREATE TABLE IF NOT EXISTS trees (number INTEGER PRIMARY KEY, json TEXT NOT NULL)", &[])?;
    let json = serde_json::to_string(tree).map_err(|error| PortError(error.to_string()))?;
    let args = [number_value(number)?, SqlValue::Text(json)];
    sql.exec("INSERT OR REPLACE INTO trees (number, json) VALUES (?, ?)", &args).map(drop)
}

/// A tree that can be restored.
pub fn complete(sql: &dyn LocalSql, number: u64) -> Result<CompleteTree, PortError> {
    match all(sql)?.remove(&number) {
        Some(Tree::Complete(tree)) => Ok(tree),
        _ => Err(PortError("A tree of a sandbox is not known.".to_owned())),
    }
}

/// All trees, by number.
pub fn all(sql: &dyn LocalSql) -> Result<BTreeMap<u64, Tree>, PortError> {
    if !has_table(sql, "trees")? {
        return Ok(BTreeMap::new());
    }
    let unreadable = || PortError("A tree of a sandbox is unreadable.".to_owned());
    let rows = sql.exec("SELECT number, json FROM trees", &[])?;
    rows.into_iter()
        .map(|row| match row.as_slice() {
            [SqlValue::Integer(number), SqlValue::Text(json)] => {
                let number = u64::try_from(*number).map_err(|_| unreadable())?;
                Ok((number, serde_json::from_str(json).map_err(|_| unreadable())?))
            }
            _ => Err(unreadable()),
        })
        .collect()
}

/// The bytes that all trees take together. A pack that several of them name counts once.
pub fn stored_bytes(sql: &dyn LocalSql) -> Result<u64, PortError> {
    let (mut packs, mut manifests) = (BTreeMap::new(), 0);
    for tree in all(sql)?.into_values() {
        if let Tree::Complete(tree) = tree {
            packs.extend(tree.packs.into_iter().map(|pack| (pack.name, pack.bytes)));
            manifests += tree.manifest_bytes;
        }
    }
    Ok(packs.into_values().sum::<u64>() + manifests)
}

/// Forgets a tree of which nothing is left.
pub fn forget(sql: &dyn LocalSql, number: u64) -> Result<(), PortError> {
    sql.exec("DELETE FROM trees WHERE number = ?", &[number_value(number)?]).map(drop)
}

fn number_value(number: u64) -> Result<SqlValue, PortError> {
    i64::try_from(number).map(SqlValue::Integer).map_err(|_| PortError("A sandbox has no more numbers.".to_owned()))
}

/// Parts as frames, and the end of a tree after them. They are read one after the other as the frames are taken.
pub fn frames(disk: Rc<dyn Disk>, sandbox: SandboxOf, parts: Vec<TreePart>) -> ByteStream {
    let parts = stream::iter(parts).then(move |part| {
        let (disk, sandbox) = (Rc::clone(&disk), sandbox.clone());
        async move {
            let (size, body) = disk.get(&sandbox, part).await?;
            let size = usize::try_from(size).map_err(|_| PortError("A part of a tree is too large.".to_owned()))?;
            let head = match part {
                TreePart::Manifest { .. } => Frame::manifest_head(size),
                TreePart::Pack(_) => Frame::pack_head(size),
            };
            Ok(stream::iter([Ok(head.to_vec())]).chain(body))
        }
    });
    let end = Frame::End(TreeSummary::default()).encode();
    parts.try_flatten().chain(stream::iter([Ok(end)])).boxed_local()
}

/// Stores the frames of a new tree. `base` are the packs that it may name beside its own.
///
/// # Errors
/// The frames break off, or are not those of a tree, or something cannot be stored.
pub async fn store(
    disk: &dyn Disk,
    sandbox: &SandboxOf,
    number: u64,
    base: &[StoredPack],
    mut frames: ByteStream,
) -> Result<CompleteTree, PortError> {
    let wrong = |why: &str| PortError(format!("The runner has sent no tree: {why}."));
    let (mut reader, mut manifest_parts, mut manifest_bytes) = (FrameReader::default(), 0, 0);
    let mut known: BTreeMap<_, _> = base.iter().map(|pack| (pack.name, *pack)).collect();
    let mut packs = 0;
    loop {
        let frame = loop {
            if let Some(frame) = reader.next_frame().map_err(|error| PortError(error.to_string()))? {
                break frame;
            }
            let bytes = frames.next().await.ok_or_else(|| wrong("it breaks off"))??;
            reader.push(&bytes);
        };
        match frame {
            Frame::Pack(bytes) => {
                let name = PackName { save: number, number: packs };
                known.insert(name, StoredPack { name, bytes: bytes.len() as u64 });
                disk.put(sandbox, TreePart::Pack(name), bytes).await?;
                packs += 1;
            }
            Frame::Manifest(bytes) => {
                manifest_bytes += bytes.len() as u64;
                disk.put(sandbox, TreePart::Manifest { save: number, part: manifest_parts }, bytes).await?;
                manifest_parts += 1;
            }
            Frame::End(TreeSummary { packs: used, entries, content_bytes, .. }) => {
                let packs: Option<Vec<_>> = used.iter().map(|name| known.get(name).copied()).collect();
                let packs = packs.filter(|_| manifest_parts > 0);
                let packs = packs.ok_or_else(|| wrong("it names packs that are not there"))?;
                return Ok(CompleteTree { manifest_parts, manifest_bytes, packs, entries, content_bytes });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn stored_tree_format_unchanged() {
        let packs = vec![StoredPack { name: PackName { save: 2, number: 1 }, bytes: 5 }];
        let tree = CompleteTree { manifest_parts: 1, manifest_bytes: 2, packs, entries: 3, content_bytes: 4 };
        let expected = json!({ "complete": {
            "manifestParts": 1, "manifestBytes": 2, "packs": [{ "save": 2, "number": 1, "bytes": 5 }], "entries": 3,
            "contentBytes": 4,
        } });
        assert_eq!(serde_json::to_value(Tree::Complete(tree)).unwrap(), expected);
        let unfinished = Tree::Unfinished { swept_at: Some(Timestamp(5)) };
        assert_eq!(serde_json::to_value(unfinished).unwrap(), json!({ "unfinished": { "sweptAt": 5 } }));
    }
}
