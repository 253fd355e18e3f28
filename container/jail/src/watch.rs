//! Watches the memory of a jail where no cgroup caps it, and its files where no file system of its own does: the weaker
//! way, because a fast program is seen late.

use super::launch::Bounds;
use super::sys;
use nix::sys::statvfs::statvfs;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Adds up what the processes and files of one program hold.
#[derive(Debug)]
pub struct Watch {
    memory_bytes: u64,
    disk_bytes: u64,
    inodes: u64,
    /// Only processes of this user count, where others are in sight.
    uid: Option<u32>,
    /// What the file systems held before the program, where they are not its own.
    before: Files,
}

/// What is stored in the writable places.
#[derive(Debug, Clone, Copy, Default)]
struct Files {
    bytes: u64,
    inodes: u64,
}

impl Files {
    fn now() -> Self {
        ["/workspace", "/dev/shm"].iter().filter_map(|place| statvfs(*place).ok()).fold(
            Self::default(),
            |sum, found| Self {
                bytes: sum.bytes + (found.blocks() - found.blocks_free()) * found.fragment_size(),
                inodes: sum.inodes + (found.files() - found.files_free()),
            },
        )
    }
}

impl Watch {
    /// Watches a program whose processes and files may hold `memory_bytes` together.
    pub fn new(memory_bytes: u64, bounds: &Bounds, shared_uid: Option<u32>) -> Self {
        let before = if shared_uid.is_some() { Files::now() } else { Files::default() };
        let Bounds { disk_bytes, inodes, .. } = *bounds;
        Self { memory_bytes, disk_bytes, inodes, uid: shared_uid, before }
    }

    /// Milliseconds between two looks: short enough that one core touching fresh pages at 1 µs each is seen within
    /// 100 MiB, long enough to cost a program nothing measurable.
    pub fn interval(&self) -> u16 {
        25
    }

    /// Looks once, at memory and at files. Pages that processes share count in parts (PSS), so that a fork counts for
    /// what it has changed, and shared memory counts once.
    pub fn is_over(&mut self) -> bool {
        let memory = self.resident_bytes();
        let files = Files::now();
        let (bytes, inodes) =
            (files.bytes.saturating_sub(self.before.bytes), files.inodes.saturating_sub(self.before.inodes));
        match self.uid {
            // The files of a container lie on its disk.
            Some(_) => memory > self.memory_bytes || bytes > self.disk_bytes || inodes > self.inodes,
            // Those of a jail lie in memory, on one file system that is shown in two places and limits itself.
            None => memory + bytes / 2 > self.memory_bytes,
        }
    }

    fn resident_bytes(&self) -> u64 {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let programs = processes.filter(|entry| {
            let is_process = entry.file_name().to_string_lossy().parse::<u32>().is_ok_and(|pid| pid != 1);
            is_process && self.uid.is_none_or(|uid| entry.metadata().is_ok_and(|found| found.uid() == uid))
        });
        let held = programs.filter_map(|entry| proportional(&entry.path()).or_else(|| private(&entry.path())));
        held.sum()
    }
}

/// Bytes of a process with shared pages counted in parts.
fn proportional(process: &Path) -> Option<u64> {
    let rollup = fs::read_to_string(process.join("smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1_024)
}

/// Bytes of a process without pages of files, where looking closer takes a capability that a container does not grant.
fn private(process: &Path) -> Option<u64> {
    let statm = fs::read_to_string(process.join("statm")).ok()?;
    let mut fields = statm.split(' ').skip(1).map_while(|field| field.parse::<u64>().ok());
    let pages = fields.next()?.saturating_sub(fields.next()?);
    Some(pages * sys::page_bytes() as u64)
}
