//! Saves the files of a sandbox, and puts it to sleep.

use crate::domain::sandbox::lifecycle::SAVE_AGAIN_MS;
use crate::objects::sandbox::logic::{SandboxLogic, failure};
use crate::objects::sandbox::storage::{Head, Stored};
use crate::objects::sandbox::trees::{self, Tree};
use crate::ports::PortError;
use crate::ports::sandboxes::{ByteStream, HostError, SandboxRefusal};
use crate::ports::snapshots::StoredPack;
use docle_api::sandboxes::SandboxStatus;
use futures::future::{Either, select};
use std::pin::pin;
use std::rc::Rc;

/// How long a save may take, in milliseconds: the 2 GiB of the largest sandbox at 4 MB/s.
const SAVE_MS: u32 = 600_000;

impl SandboxLogic {
    /// Saves the sandbox and ends its machine. A call that comes meanwhile keeps it awake.
    ///
    /// # Errors
    /// There is no such sandbox, or it cannot be saved; it stays awake then.
    pub async fn sleep(&self, project_id: &str) -> Result<(), SandboxRefusal> {
        self.own(project_id)?;
        self.go_to_sleep().await.map_err(|error| SandboxRefusal::Unavailable(error.0))
    }

    /// The same for the alarm.
    pub(super) async fn go_to_sleep(&self) -> Result<(), PortError> {
        let _alone = self.transition.lock().await;
        let Some(stored) = self.stored()?.filter(|stored| stored.status == SandboxStatus::Running) else {
            return Ok(());
        };
        let uses = self.memory.borrow().uses;
        if stored.unsaved_since.is_some() {
            self.save_or_note().await?;
        }
        let Some(stored) = self.stored()?.filter(|stored| stored.status == SandboxStatus::Running) else {
            return Ok(());
        };
        // From here to the change of the status there is no await, so no call comes between.
        let has_new_use = !self.memory.borrow().is_suspended && self.memory.borrow().uses != uses;
        if has_new_use || self.activity(&stored).active > 0 {
            return Ok(());
        }
        self.change(|stored| {
            (stored.status, stored.must_end, stored.unsaved_since) = (SandboxStatus::Sleeping, true, None);
        })?;
        self.set_alarm().await?;
        self.end_machine().await;
        self.note_status();
        Ok(())
    }

    /// Saves the sandbox; the alarm calls it.
    pub(super) async fn save_alone(&self) -> Result<(), PortError> {
        let _alone = self.transition.lock().await;
        match self.stored()? {
            Some(stored) if stored.status == SandboxStatus::Running && stored.unsaved_since.is_some() => {
                self.save_or_note().await
            }
            _ => Ok(()),
        }
    }

    /// Saves, and notes a failure.
    pub(super) async fn save_or_note(&self) -> Result<(), PortError> {
        let Err(error) = self.save().await else { return Ok(()) };
        let now = self.now();
        self.memory.borrow_mut().save_again_at = Some(now.plus_ms(SAVE_AGAIN_MS));
        if let Err(error) = self.change(|stored| stored.save_failing = stored.save_failing.or(Some(now))) {
            self.runtime.log_failure("A failure to save a sandbox could not be noted.", &error.0);
        }
        Err(error)
    }

    async fn save(&self) -> Result<(), PortError> {
        let Some(stored) = self.stored()? else { return Ok(()) };
        let (number, uses, start) = (stored.next_tree, self.memory.borrow().uses, self.memory.borrow().starts);
        // The row comes first, so that a reset leaves nothing behind that nobody deletes.
        trees::put(&*self.runtime.storage, number, &Tree::Unfinished { swept_at: None })?;
        self.change(|stored| stored.next_tree += 1)?;
        let lost = |error: HostError| {
            if error == HostError::Unknown {
                self.lost(start)?;
            }
            Err(failure(error))
        };
        let was_busy = self.activity(&stored).active > 0;
        let state = match self.ports.host.state().await {
            Ok(state) => state,
            Err(error) => return lost(error),
        };
        let saved_at = self.now();
        let NewTree { base, frames } = match self.begin_tree(&stored, number).await {
            Ok(begun) => begun,
            Err(error) => return lost(error),
        };
        let storing = trees::store(&*self.ports.disk, &stored.sandbox, number, &base, frames);
        let tree = match select(pin!(storing), self.runtime.clock.sleep(SAVE_MS)).await {
            Either::Left((tree, _)) => tree?,
            // Whatever is stuck must not hold up the sandbox for ever.
            Either::Right(_) => return Err(PortError("A save took too long.".to_owned())),
        };
        let is_quiet = !was_busy && self.memory.borrow().uses == uses && state.processes == 0;
        trees::put(&*self.runtime.storage, number, &Tree::Complete(tree))?;
        self.change(|stored| {
            stored.head = Some(Head { tree: number, saved_at });
            // What runs, or has run meanwhile, may have changed files after they were read.
            stored.unsaved_since = (!is_quiet).then_some(saved_at);
            stored.save_failing = None;
        })?;
        self.memory.borrow_mut().save_again_at = None;
        self.collect_garbage().await;
        Ok(())
    }

    /// Asks for the frames of a tree. If the runner cannot read the manifest of the tree before, everything is saved anew.
    async fn begin_tree(&self, stored: &Stored, number: u64) -> Result<NewTree, HostError> {
        let frames = |parts| trees::frames(Rc::clone(&self.ports.disk), stored.sandbox.clone(), parts);
        let host = &self.ports.host;
        if let Some(head) = stored.head {
            let base = trees::complete(&*self.runtime.storage, head.tree);
            let base = base.map_err(|error| HostError::Unavailable(error.0))?;
            match host.save_tree(frames(base.manifest(head.tree).collect()), number).await {
                Ok(frames) => return Ok(NewTree { base: base.packs, frames }),
                Err(HostError::File(error)) => {
                    self.runtime.log_failure("A saved manifest could not be read.", &error.message);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(NewTree { base: Vec::new(), frames: host.save_tree(frames(Vec::new()), number).await? })
    }
}

/// A tree on its way from the runner.
struct NewTree {
    /// The packs of the tree before, which it may name.
    base: Vec<StoredPack>,
    frames: ByteStream,
}
