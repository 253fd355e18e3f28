//! Control groups: what caps and measures memory, processes, processor time and disk reads of one run.
//!
//! Version 2 where its controllers are usable, else version 1, else none; [`Kind`] says which. One group per
//! slot, reused by one run after another and never shared, because making and removing groups costs the kernel
//! more than resetting them.

pub mod disks;
mod files;
mod kind;

pub use kind::Kind;

use disks::Disk;
use files::{begin_peak, optional, read, read_again, read_field, read_number};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The group of one slot.
#[derive(Debug)]
pub struct Group {
    kind: Kind,
    name: String,
    before: Reading,
    memory_bytes: u64,
    /// What the spawner holds, without pages of files.
    spawner_bytes: u64,
    /// What the group holds besides the run.
    other_bytes: u64,
    /// Version 2 counts a peak from the first write to the file, and for that descriptor alone.
    peak: Option<File>,
}

/// Processes and threads in a group: those of the program, and the two that make and watch its jail.
const PROCESSES: u64 = super::program::PROCESSES + 2;

/// What the buffers of a slot's internet sockets may hold. Version 1 does not count them as memory of the group unless
/// they have a limit of their own, and they come out of what the whole machine has for its connections. A connection at
/// full speed holds 6 MiB.
const SOCKET_BYTES: u64 = 32 << 20;

/// Bytes and operations that a slot may read from a disk in a second. Starting an interpreter reads 100 MB once; then the
/// page cache has it. A disk that serves one slot alone at this rate still serves others.
const DISK_BYTES: u64 = 64 << 20;
const DISK_OPERATIONS: u64 = 1_000;

/// How long a group that is to be removed waits for its last processes.
const REMOVAL_PATIENCE: Duration = Duration::from_millis(500);
const REMOVAL_INTERVAL: Duration = Duration::from_millis(5);

/// How much a group counts where processors are short.
#[derive(Debug, Clone, Copy)]
enum Weight {
    /// A jail that waits.
    Rest,
    /// A run that has shown that it takes long.
    Long,
    Run,
    /// A run that is being ended. Ending takes processor time, and nothing of it is the program's.
    End,
}

impl Weight {
    /// Of 1 to 10,000; 100 is everybody's default.
    fn v2(self) -> &'static str {
        match self {
            Self::Rest => "10",
            Self::Long => "20",
            Self::Run => "200",
            Self::End => "2000",
        }
    }

    /// Of 2 to 262,144; 1,024 is everybody's default.
    fn v1(self) -> &'static str {
        match self {
            Self::Rest => "102",
            Self::Long => "204",
            Self::Run => "2048",
            Self::End => "20480",
        }
    }
}

/// More than this left in a group between runs is dropped before the next one. Dropping costs the kernel a look at
/// every processor, so little is left alone.
const STALE_BYTES: u64 = 8 << 20;

/// What a group has counted so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Reading {
    cpu_micros: u64,
    kills: u64,
    refused_processes: u64,
}

/// What one run used of its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    pub cpu_micros: u64,
    pub peak_bytes: u64,
    /// The kernel ended a process of the run for want of memory.
    pub out_of_memory: bool,
    /// The kernel refused the run a process or thread because it had as many as it may have.
    pub out_of_processes: bool,
}

impl Group {
    /// Makes the group of slot number `slot`.
    pub fn create(kind: &Kind, slot: u32) -> io::Result<Self> {
        Self::of_processes(kind, slot, PROCESSES)
    }

    /// Makes a group, numbered as slots are, that may have so many processes and threads.
    pub fn of_processes(kind: &Kind, slot: u32, processes: u64) -> io::Result<Self> {
        let group = Self {
            kind: kind.clone(),
            name: format!("docle-{}-{slot}", std::process::id()),
            before: Reading::default(),
            memory_bytes: 0,
            spawner_bytes: 0,
            other_bytes: 0,
            peak: None,
        };
        group.directories().iter().try_for_each(fs::create_dir)?;
        if let Some(pids) = group.pids() {
            fs::write(pids.join("pids.max"), processes.to_string())?;
        }
        if let (Kind::V1 { .. }, Some(memory)) = (kind, group.memory()) {
            optional(fs::write(memory.join("memory.kmem.tcp.limit_in_bytes"), SOCKET_BYTES.to_string()))?;
        }
        Ok(group)
    }

    /// Limits what the group reads from these disks. What cannot be limited is left alone.
    pub fn limit_disks(&self, disks: &BTreeSet<Disk>) -> io::Result<()> {
        // Version 1 keeps what a program that has ended still wanted to read, and the next run of the slot waits for it: one
        // that had walked through cold directories made the next one run into its time limit.
        let Kind::V2(base) = &self.kind else { return Ok(()) };
        for disk in disks {
            let limit = format!("{disk} rbps={DISK_BYTES} riops={DISK_OPERATIONS}");
            optional_disk(fs::write(self.below(base).join("io.max"), limit))?;
        }
        Ok(())
    }

    /// Whether there is a group at all.
    pub fn is_real(&self) -> bool {
        self.kind != Kind::None
    }

    /// Moves a process, and with it all its children to come, into the group.
    pub fn join(&self, pid: u32) -> io::Result<()> {
        self.directories().iter().try_for_each(|directory| fs::write(directory.join("cgroup.procs"), pid.to_string()))
    }

    /// How often the kernel has ended a process of the group for want of memory.
    pub fn memory_failures(&self) -> u64 {
        self.read().kills
    }

    /// Whether no process but `pid` is in the group.
    pub fn holds_only(&self, pid: u32) -> bool {
        let processes = self.memory().map(|memory| read(&memory.join("cgroup.procs"))).unwrap_or_default();
        processes.lines().all(|line| line.parse() == Ok(pid))
    }

    /// Takes what the processes in the group hold now, the kernel's own memory for them included, for the spawner's.
    pub fn measure_spawner(&mut self) {
        let field = match self.kind {
            Kind::V2(_) => "file ",
            _ => "cache ",
        };
        let cached = self.memory().map_or(0, |memory| read_field(&memory.join("memory.stat"), field));
        self.spawner_bytes = self.holds_bytes().unwrap_or(0).saturating_sub(cached);
    }

    /// Whether so much of earlier runs is left that it is to be dropped, by [`Self::drop_stale`].
    pub fn is_stale(&self) -> bool {
        self.stale_bytes() > STALE_BYTES
    }

    fn stale_bytes(&self) -> u64 {
        self.holds_bytes().unwrap_or(0).saturating_sub(self.spawner_bytes)
    }

    /// Drops what earlier runs have left. Takes as long as the kernel needs to give back the pages of files that a run has
    /// read: up to seconds.
    pub fn drop_stale(&mut self) -> io::Result<()> {
        match (&self.kind, self.memory()) {
            // From Linux 5.19 on. It fails where it could not reclaim all of it.
            (Kind::V2(_), Some(memory)) => {
                let _ = fs::write(memory.join("memory.reclaim"), self.stale_bytes().to_string());
                Ok(())
            }
            (_, Some(memory)) => optional(fs::write(memory.join("memory.force_empty"), "0")),
            (_, None) => Ok(()),
        }
    }

    /// Lets the next jail get ready: with this much memory besides what the group holds now, which is not the next run's,
    /// and behind everybody who runs.
    pub fn rest(&mut self, memory_bytes: u64) -> io::Result<()> {
        self.other_bytes = self.holds_bytes().unwrap_or(0);
        self.set_memory(memory_bytes + self.other_bytes)?;
        self.set_weight(Weight::Rest)
    }

    /// Sets the limits of the next run and forgets what the last one used.
    pub fn prepare(&mut self, memory_bytes: u64) -> io::Result<()> {
        self.set_memory(memory_bytes + self.other_bytes)?;
        self.set_weight(Weight::Run)?;
        match (&self.kind, self.memory()) {
            // From Linux 6.12 on; before that the peak is that of the slot, and reported as such.
            (Kind::V2(_), Some(memory)) => self.peak = begin_peak(&memory.join("memory.peak")),
            (_, Some(memory)) => fs::write(memory.join("memory.max_usage_in_bytes"), "0")?,
            (_, None) => {}
        }
        self.before = self.read();
        Ok(())
    }

    /// Lets a run that takes long stand back behind those that begin, so that short ones stay short whatever computes
    /// beside them. Alone on the machine it is no slower.
    pub fn stand_back(&self) -> io::Result<()> {
        self.set_weight(Weight::Long)
    }

    /// Lets a run that is being ended go first, so that it ends at once however many processes it has.
    pub fn hurry(&self) -> io::Result<()> {
        self.set_weight(Weight::End)
    }

    fn set_weight(&self, weight: Weight) -> io::Result<()> {
        match &self.kind {
            Kind::V2(base) => fs::write(self.below(base).join("cpu.weight"), weight.v2()),
            Kind::V1 { cpu, .. } => fs::write(self.below(cpu).join("cpu.shares"), weight.v1()),
            Kind::None => Ok(()),
        }
    }

    fn set_memory(&mut self, memory_bytes: u64) -> io::Result<()> {
        let Some(memory) = self.memory().filter(|_| self.memory_bytes != memory_bytes) else { return Ok(()) };
        if let Kind::V2(_) = self.kind {
            fs::write(memory.join("memory.max"), memory_bytes.to_string())?;
            optional(fs::write(memory.join("memory.swap.max"), "0"))?;
        } else {
            // With swap accounting this limit may never be below the other one, whichever way both move.
            optional(fs::write(memory.join("memory.memsw.limit_in_bytes"), "-1"))?;
            let limit = || fs::write(memory.join("memory.limit_in_bytes"), memory_bytes.to_string());
            limit().or_else(|error| {
                // EBUSY: pages of the last run are still being given back.
                optional(fs::write(memory.join("memory.force_empty"), "0"))?;
                limit().map_err(|_| error)
            })?;
            optional(fs::write(memory.join("memory.memsw.limit_in_bytes"), memory_bytes.to_string()))?;
        }
        self.memory_bytes = memory_bytes;
        Ok(())
    }

    /// What the group holds now; `None` where no group counts.
    pub fn holds_bytes(&self) -> Option<u64> {
        let file = match self.kind {
            Kind::V2(_) => "memory.current",
            _ => "memory.usage_in_bytes",
        };
        Some(read_number(&self.memory()?.join(file)))
    }

    /// Whether the buffers of sockets hold much more than they may. With version 1 their limit makes each of them small, and
    /// gives every connection a little all the same.
    pub fn is_flooded(&self) -> bool {
        let (Kind::V1 { .. }, Some(memory)) = (&self.kind, self.memory()) else { return false };
        read_number(&memory.join("memory.kmem.tcp.usage_in_bytes")) > 2 * SOCKET_BYTES
    }

    /// What the run since [`Self::prepare`] used; `None` where no group counts.
    pub fn used(&self) -> Option<Used> {
        let memory = self.memory()?;
        let peak = match (&self.kind, &self.peak) {
            (Kind::V2(_), Some(peak)) => read_again(peak),
            (Kind::V2(_), None) => read_number(&memory.join("memory.peak")),
            _ => read_number(&memory.join("memory.max_usage_in_bytes")),
        };
        let now = self.read();
        Some(Used {
            cpu_micros: now.cpu_micros.saturating_sub(self.before.cpu_micros),
            peak_bytes: peak.saturating_sub(self.other_bytes),
            out_of_memory: now.kills > self.before.kills,
            out_of_processes: now.refused_processes > self.before.refused_processes,
        })
    }

    fn below(&self, base: &Path) -> PathBuf {
        base.join(&self.name)
    }

    fn directories(&self) -> Vec<PathBuf> {
        self.kind.directories().iter().map(|base| self.below(base)).collect()
    }

    fn memory(&self) -> Option<PathBuf> {
        match &self.kind {
            Kind::V2(base) | Kind::V1 { memory: base, .. } => Some(self.below(base)),
            Kind::None => None,
        }
    }

    fn pids(&self) -> Option<PathBuf> {
        match &self.kind {
            Kind::V2(base) | Kind::V1 { pids: base, .. } => Some(self.below(base)),
            Kind::None => None,
        }
    }

    fn read(&self) -> Reading {
        let refused_processes = self.pids().map_or(0, |pids| read_field(&pids.join("pids.events"), "max "));
        match &self.kind {
            Kind::V2(base) => Reading {
                cpu_micros: read_field(&self.below(base).join("cpu.stat"), "usage_usec"),
                kills: read_field(&self.below(base).join("memory.events"), "oom_kill"),
                refused_processes,
            },
            Kind::V1 { memory, cpuacct, .. } => Reading {
                cpu_micros: read_number(&self.below(cpuacct).join("cpuacct.usage")) / 1_000,
                kills: read_field(&self.below(memory).join("memory.oom_control"), "oom_kill"),
                refused_processes,
            },
            Kind::None => Reading::default(),
        }
    }
}

/// Not every device can be limited: one that is gone, or that no queue belongs to.
fn optional_disk(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENODEV | libc::ENXIO)) => Ok(()),
        other => optional(other),
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for directory in self.directories() {
            // The kernel takes a moment to take killed processes apart, and keeps the group until then.
            let mut left = REMOVAL_PATIENCE;
            while fs::remove_dir(&directory).is_err_and(|error| error.kind() == io::ErrorKind::ResourceBusy)
                && !left.is_zero()
            {
                std::thread::sleep(REMOVAL_INTERVAL);
                left = left.saturating_sub(REMOVAL_INTERVAL);
            }
        }
    }
}

#[cfg(test)]
mod tests;
