//! A tree that replaces another one without losing what programs write meanwhile.
//!
//! The new tree is computed from a save. Programs go on, so their files may be others when it comes. The machine gets what differs
//! between the two, and refuses it if one of these paths is not as it was saved. Then the files are saved and the tree is computed again.

use crate::objects::sandbox::logic::SandboxLogic;
use crate::ports::sandboxes::SandboxRefusal;
use docle_protocol::sandbox::{FileError, FileErrorCode, disk_inodes};
use docle_tree::patch::Patch;
use docle_tree::room::{PAGE_BYTES, Room};
use docle_tree::{Manifest, PackName};

/// How often a tree is computed. A path that a program writes once is no difference, or a conflict, the next time.
const TRIES: u32 = 5;
/// Of a disk, what its root and the making of its files take beside them: about 80 names and 2 pages.
const OWN_INODES: u64 = 256;
const OWN_PAGES: u64 = 16;

/// What leads from one tree to another.
pub struct Difference {
    /// The number of the tree before.
    pub before: u64,
    /// The packs with what is new, which both trees name.
    pub packs: Vec<PackName>,
}

impl Difference {
    pub fn new(before: u64, from: &Manifest, to: &Manifest) -> Self {
        Self { before, packs: Patch::new(from, to).packs().collect() }
    }
}

impl SandboxLogic {
    /// Repeats something that computes a tree from a save, while programs have changed its files before it came.
    pub(super) async fn until_unchanged<T>(
        &self,
        change: impl AsyncFn() -> Result<T, SandboxRefusal>,
    ) -> Result<T, SandboxRefusal> {
        for _ in 1..TRIES {
            match change().await {
                Err(SandboxRefusal::File(error)) if error.code == FileErrorCode::Changed => {}
                result => return result,
            }
        }
        change().await.map_err(|refusal| match refusal {
            SandboxRefusal::File(FileError { code: FileErrorCode::Changed, .. }) => {
                let message =
                    "Programs change the same files all the time. Nothing was written: stop them, and try again.";
                SandboxRefusal::File(FileError { code: FileErrorCode::Changed, message: message.to_owned() })
            }
            other => other,
        })
    }

    /// A sandbox must be able to wake with its files: each takes whole pages of the disk, and each name counts.
    pub(super) fn check_room(&self, project_id: &str, manifest: &Manifest) -> Result<(), SandboxRefusal> {
        let disk_mb = self.own(project_id)?.config.runtime.disk_mb;
        let Room { pages, inodes } = Room::of(manifest);
        let most_pages = (u64::from(disk_mb) << 20) / PAGE_BYTES;
        let most_inodes = disk_inodes(disk_mb);
        let message = if pages + OWN_PAGES > most_pages {
            let bytes = pages * PAGE_BYTES;
            format!(
                "The files take {bytes} bytes in pages of {PAGE_BYTES}, and the disk of the sandbox has {disk_mb} MiB."
            )
        } else if inodes + OWN_INODES > most_inodes {
            format!("These are {inodes} files and directories, and the disk of the sandbox has room for {most_inodes}.")
        } else {
            return Ok(());
        };
        Err(SandboxRefusal::File(FileError { code: FileErrorCode::NoSpace, message }))
    }
}
