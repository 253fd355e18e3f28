//! A bucket with the files of runs, in memory.

use crate::domain::run::id::RunId;
use crate::domain::usage_log::name::LogId;
use crate::ports::PortError;
use crate::ports::artifacts::{ArtifactStore, StoredFile};
use crate::ports::sandboxes::ByteStream;
use crate::tests::fault::Faults;
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// A run and an index.
type Key = (String, u32);

/// Files by run and index, with faults.
#[derive(Default)]
pub struct FakeArtifacts {
    pub files: RefCell<BTreeMap<Key, (StoredFile, Vec<u8>)>>,
    /// How often the bucket was called.
    pub calls: Cell<u32>,
    pub put_faults: Faults,
    pub read_faults: Faults,
    pub delete_faults: Faults,
    /// How many files one call of [`ArtifactStore::delete_log`] leaves.
    pub log_leaves: Cell<usize>,
}

impl FakeArtifacts {
    fn called(&self) {
        self.calls.set(self.calls.get() + 1);
    }

    fn find(&self, id: RunId, index: u32) -> Option<(StoredFile, Vec<u8>)> {
        self.files.borrow().get(&(id.to_string(), index)).cloned()
    }
}

#[async_trait(?Send)]
impl ArtifactStore for FakeArtifacts {
    async fn put(&self, id: RunId, index: u32, about: StoredFile, bytes: ByteStream) -> Result<(), PortError> {
        self.called();
        let put = async || {
            let content: Vec<u8> = bytes.try_concat().await?;
            if content.len() as u64 != about.size || hex::encode(Sha256::digest(&content)) != about.sha256 {
                return Err(PortError("The bytes are not those of the file.".to_owned()));
            }
            self.files.borrow_mut().insert((id.to_string(), index), (about, content));
            Ok(())
        };
        self.put_faults.around(put).await?
    }

    async fn head(&self, id: RunId, index: u32) -> Result<Option<StoredFile>, PortError> {
        self.called();
        self.read_faults.around(async || self.find(id, index).map(|(about, _)| about)).await
    }

    async fn read(
        &self,
        id: RunId,
        index: u32,
        range: Option<(u64, u64)>,
    ) -> Result<Option<(StoredFile, ByteStream)>, PortError> {
        self.called();
        let read = async || {
            let (about, content) = self.find(id, index)?;
            let (offset, length) = range.unwrap_or((0, about.size));
            let part = content[offset as usize..(offset + length) as usize].to_vec();
            Some((about, stream::iter([Ok(part)]).boxed_local()))
        };
        self.read_faults.around(read).await
    }

    async fn delete(&self, id: RunId, count: u32) -> Result<(), PortError> {
        self.called();
        let delete = async || {
            self.files.borrow_mut().retain(|(run, index), _| *run != id.to_string() || *index >= count);
        };
        self.delete_faults.around(delete).await
    }

    async fn delete_log(&self, log: LogId) -> Result<bool, PortError> {
        self.called();
        let delete = async || {
            let mut files = self.files.borrow_mut();
            let keys: Vec<_> =
                files.keys().filter(|(id, _)| RunId::parse(id).unwrap().log().log == log).cloned().collect();
            let deleted = keys.len().saturating_sub(self.log_leaves.take());
            for key in &keys[..deleted] {
                files.remove(key);
            }
            deleted == keys.len()
        };
        self.delete_faults.around(delete).await
    }
}
