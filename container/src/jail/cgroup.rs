//! Control groups: what caps and measures memory, processes and processor time of one run.
//!
//! Version 2 where its controllers are usable, else version 1, else none; [`Kind`] says which. One group per
//! place, reused by one run after another and never shared, because making and removing groups costs the kernel
//! more than resetting them.

use nix::mount::{MsFlags, mount};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// What this machine lets the runner use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// One hierarchy; below this directory.
    V2(PathBuf),
    /// One hierarchy per controller; the last two are often the same.
    V1 {
        memory: PathBuf,
        pids: PathBuf,
        cpuacct: PathBuf,
        cpu: PathBuf,
    },
    None,
}

/// The group of one place.
#[derive(Debug)]
pub struct Group {
    kind: Kind,
    name: String,
    before: Reading,
    memory_bytes: u64,
    /// What the group holds besides the run.
    other_bytes: u64,
    /// Version 2 counts a peak from the moment on that somebody has written to the file, and for him alone.
    peak: Option<File>,
}

/// Processes and threads in a group: those of the program, and the two that make and watch its jail.
const PROCESSES: u64 = super::program::PROCESSES + 2;

/// How much a group counts where processors are short.
#[derive(Debug, Clone, Copy)]
enum Weight {
    /// A jail that waits.
    Rest,
    /// A run that has shown that it takes long.
    Long,
    Run,
}

impl Weight {
    /// Of 1 to 10,000; 100 is everybody's default.
    fn v2(self) -> &'static str {
        match self {
            Self::Rest => "10",
            Self::Long => "20",
            Self::Run => "200",
        }
    }

    /// Of 2 to 262,144; 1,024 is everybody's default.
    fn v1(self) -> &'static str {
        match self {
            Self::Rest => "102",
            Self::Long => "204",
            Self::Run => "2048",
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
}

/// What one run used of its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    pub cpu_micros: u64,
    pub peak_bytes: u64,
    /// The kernel ended a process of the run for want of memory.
    pub out_of_memory: bool,
}

impl Kind {
    /// Finds what is usable and prepares it; removes what a runner that is gone left behind.
    pub fn find() -> Self {
        let found = Self::find_v2().or_else(Self::find_v1).unwrap_or(Self::None);
        found.directories().iter().for_each(|directory| remove_stale(directory));
        found
    }

    /// For people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::V2(_) => "cgroup v2",
            Self::V1 { .. } => "cgroup v1",
            Self::None => "none",
        }
    }

    fn find_v2() -> Option<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let path = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
        Self::usable_v2(Path::new("/sys/fs/cgroup").join(path))
    }

    /// Prepares a group of version 2 to have groups of ours in it.
    fn usable_v2(base: PathBuf) -> Option<Self> {
        let controllers = fs::read_to_string(base.join("cgroup.controllers")).ok()?;
        if !["memory", "pids", "cpu"].iter().all(|wanted| controllers.split_whitespace().any(|found| found == *wanted))
        {
            return None;
        }
        if !Self::is_writable(&base) {
            return None;
        }
        let subtree = base.join("cgroup.subtree_control");
        let enable = || fs::write(&subtree, "+memory +pids +cpu");
        // Processes may not lie in a group that hands its controllers on, so the runner moves into a leaf.
        let enabled = enable().or_else(|_| {
            let leaf = base.join("docle-runner");
            fs::create_dir_all(&leaf)?;
            fs::write(leaf.join("cgroup.procs"), std::process::id().to_string())?;
            enable()
        });
        enabled.ok().map(|()| Self::V2(base))
    }

    /// Makes a hierarchy writable that a container engine has mounted read-only, where we may.
    fn is_writable(base: &Path) -> bool {
        let directory = base.join(format!("docle-{}-probe", std::process::id()));
        let probe = || fs::create_dir(&directory).is_ok() && fs::remove_dir(&directory).is_ok();
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND;
        probe() || mount(None::<&str>, base, None::<&str>, flags, None::<&str>).is_ok() && probe()
    }

    fn find_v1() -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        let find = |controller: &str| {
            mounts.lines().find_map(|line| {
                let mut fields = line.split(' ');
                let (_, target, kind, options) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
                let matches = kind == "cgroup" && options.split(',').any(|option| option == controller);
                matches.then(|| PathBuf::from(target))
            })
        };
        let (memory, pids, cpuacct, cpu) = (find("memory")?, find("pids")?, find("cpuacct")?, find("cpu")?);
        let usable = [&memory, &pids, &cpuacct, &cpu].into_iter().all(|base| Self::is_writable(base));
        usable.then_some(Self::V1 { memory, pids, cpuacct, cpu })
    }

    fn directories(&self) -> Vec<PathBuf> {
        match self {
            Self::V2(base) => vec![base.clone()],
            Self::V1 { memory, pids, cpuacct, cpu } => {
                let mut all = vec![memory.clone(), pids.clone(), cpuacct.clone(), cpu.clone()];
                all.dedup();
                all
            }
            Self::None => Vec::new(),
        }
    }
}

/// Removes the groups of runners that no longer live; their names carry the runner's process id.
fn remove_stale(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix("docle-").and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            // A group with a process left cannot be removed; that process is somebody else's business by now.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

impl Group {
    /// Makes the group of place number `place`.
    pub fn create(kind: &Kind, place: u32) -> io::Result<Self> {
        let group = Self {
            kind: kind.clone(),
            name: format!("docle-{}-{place}", std::process::id()),
            before: Reading::default(),
            memory_bytes: 0,
            other_bytes: 0,
            peak: None,
        };
        let directories = group.directories();
        directories.iter().try_for_each(fs::create_dir)?;
        let pids = match (kind, directories.first()) {
            (Kind::V2(_), Some(directory)) => Some(directory.join("pids.max")),
            _ => directories.iter().map(|directory| directory.join("pids.max")).find(|file| file.exists()),
        };
        pids.map_or(Ok(()), |file| fs::write(file, PROCESSES.to_string()))?;
        Ok(group)
    }

    /// Whether there is a group at all.
    pub fn is_real(&self) -> bool {
        self.kind != Kind::None
    }

    /// Moves a process, and with it all its children to come, into the group.
    pub fn join(&self, pid: u32) -> io::Result<()> {
        self.directories().iter().try_for_each(|directory| fs::write(directory.join("cgroup.procs"), pid.to_string()))
    }

    /// Lets the next jail get ready: with this much memory besides `other_bytes`, and behind everybody who runs.
    pub fn rest(&mut self, memory_bytes: u64, other_bytes: u64) -> io::Result<()> {
        self.set_memory(memory_bytes + other_bytes)?;
        self.set_weight(Weight::Rest)
    }

    /// Sets the limits of the next run and forgets what the last one used. `other_bytes` that the group holds are
    /// not the run's.
    pub fn prepare(&mut self, memory_bytes: u64, other_bytes: u64) -> io::Result<()> {
        self.set_memory(memory_bytes + other_bytes)?;
        self.other_bytes = other_bytes;
        self.set_weight(Weight::Run)?;
        let directories = self.directories();
        match &self.kind {
            // From Linux 6.12 on; before that the peak is that of the place, and reported as such.
            Kind::V2(_) => self.peak = begin_peak(&directories[0].join("memory.peak")),
            Kind::V1 { .. } => fs::write(directories[0].join("memory.max_usage_in_bytes"), "0")?,
            Kind::None => {}
        }
        self.before = self.read();
        Ok(())
    }

    /// Lets a run that takes long stand back behind those that begin, so that short ones stay short whoever computes
    /// beside them. Alone on the machine it is no slower.
    pub fn stand_back(&self) -> io::Result<()> {
        self.set_weight(Weight::Long)
    }

    fn set_weight(&self, weight: Weight) -> io::Result<()> {
        let last = self.directories().pop();
        match (&self.kind, last) {
            (Kind::V2(_), Some(directory)) => fs::write(directory.join("cpu.weight"), weight.v2()),
            (Kind::V1 { .. }, Some(directory)) => fs::write(directory.join("cpu.shares"), weight.v1()),
            _ => Ok(()),
        }
    }

    fn set_memory(&mut self, memory_bytes: u64) -> io::Result<()> {
        if self.memory_bytes == memory_bytes {
            return Ok(());
        }
        let directories = self.directories();
        match &self.kind {
            Kind::V2(_) => {
                let directory = &directories[0];
                fs::write(directory.join("memory.max"), memory_bytes.to_string())?;
                optional(fs::write(directory.join("memory.swap.max"), "0"))?;
            }
            Kind::V1 { .. } => {
                let memory = &directories[0];
                // Pages of files that earlier runs read count for the group until they are dropped.
                if read_number(&memory.join("memory.usage_in_bytes")) > self.other_bytes + STALE_BYTES {
                    optional(fs::write(memory.join("memory.force_empty"), "0"))?;
                }
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
            Kind::None => {}
        }
        self.memory_bytes = memory_bytes;
        Ok(())
    }

    /// What the group holds now; `None` where no group counts.
    pub fn holds_bytes(&self) -> Option<u64> {
        let directory = self.directories().into_iter().next()?;
        let file = match self.kind {
            Kind::V2(_) => "memory.current",
            _ => "memory.usage_in_bytes",
        };
        Some(read_number(&directory.join(file)))
    }

    /// What the processes in the group hold now, the kernel's own memory for them included, without pages of files; 0
    /// where no group counts.
    pub fn held_bytes(&self) -> u64 {
        let field = match self.kind {
            Kind::V2(_) => "file ",
            _ => "cache ",
        };
        let cached =
            self.directories().first().map_or(0, |directory| read_field(&directory.join("memory.stat"), field));
        self.holds_bytes().unwrap_or(0).saturating_sub(cached)
    }

    /// What the run since [`Self::prepare`] used; `None` where no group counts.
    pub fn used(&self) -> Option<Used> {
        let directory = self.directories().into_iter().next()?;
        let peak = match (&self.kind, &self.peak) {
            (Kind::V2(_), Some(peak)) => read_again(peak),
            (Kind::V2(_), None) => read_number(&directory.join("memory.peak")),
            _ => read_number(&directory.join("memory.max_usage_in_bytes")),
        };
        let now = self.read();
        Some(Used {
            cpu_micros: now.cpu_micros.saturating_sub(self.before.cpu_micros),
            peak_bytes: peak.saturating_sub(self.other_bytes),
            out_of_memory: now.kills > self.before.kills,
        })
    }

    fn directories(&self) -> Vec<PathBuf> {
        self.kind.directories().iter().map(|base| base.join(&self.name)).collect()
    }

    fn read(&self) -> Reading {
        let directories = self.directories();
        match &self.kind {
            Kind::V2(_) => Reading {
                cpu_micros: read_field(&directories[0].join("cpu.stat"), "usage_usec"),
                kills: read_field(&directories[0].join("memory.events"), "oom_kill"),
            },
            Kind::V1 { .. } => Reading {
                cpu_micros: read_number(&directories[2].join("cpuacct.usage")) / 1_000,
                kills: read_field(&directories[0].join("memory.oom_control"), "oom_kill"),
            },
            Kind::None => Reading::default(),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for directory in self.directories() {
            let _ = fs::remove_dir(directory);
        }
    }
}

/// Not every kernel has every file, and what it then lacks is only the comfort named at the call.
fn optional(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error)
            if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINVAL | libc::EOPNOTSUPP | libc::EBUSY)) =>
        {
            Ok(())
        }
        // Opening a file that does not exist in a kernel file system asks for its creation.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}

/// A file whose peak begins now; `None` where the kernel cannot begin anew.
fn begin_peak(path: &Path) -> Option<File> {
    let file = File::options().read(true).write(true).open(path).ok()?;
    file.write_at(b"0", 0).ok().map(|_| file)
}

/// The number that a file of the kernel's says now, read through the same opening of it.
fn read_again(file: &File) -> u64 {
    let mut text = [0; 32];
    let length = file.read_at(&mut text, 0).unwrap_or(0);
    str::from_utf8(&text[..length]).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

fn read_number(path: &Path) -> u64 {
    read(path).trim().parse().unwrap_or(0)
}

fn read_field(path: &Path, name: &str) -> u64 {
    let text = read(path);
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or(0)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests;
