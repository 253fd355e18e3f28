//! Which control groups this machine lets the runner use, and what an earlier runner has left of them.

use nix::mount::{MsFlags, mount};
use std::fs;
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
        /// Disk reads; not every kernel counts them.
        blkio: Option<PathBuf>,
    },
    None,
}

impl Kind {
    /// Finds what is usable and prepares it; removes what a runner that is gone left behind.
    pub fn find() -> Self {
        let found = Self::find_v2().or_else(Self::find_v1).unwrap_or(Self::None);
        found.directories().iter().for_each(|directory| remove_stale(directory));
        found
    }

    /// What an ordinary user may use: a part of the tree that a session manager has delegated (`systemd-run --user --scope
    /// -p Delegate=yes`). Only version 2 can be delegated safely.
    pub fn find_delegated() -> Self {
        let found = Self::find_v2().unwrap_or(Self::None);
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

    /// Where groups of version 2 can be made that need no controller: they hold processes together, end and freeze them.
    /// Beside controllers of version 1 there is often such a hierarchy.
    pub fn holding(&self) -> Option<PathBuf> {
        if let Self::V2(base) = self {
            return Some(base.clone());
        }
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let path = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        let target = mounts.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            (fields.get(2) == Some(&"cgroup2")).then(|| PathBuf::from(fields[1]))
        })?;
        let base = target.join(path);
        // From Linux 5.14 on.
        let ends = fs::metadata(base.join("cgroup.kill")).is_ok() || base == target;
        (ends && Self::is_writable(&base)).then(|| {
            remove_stale(&base);
            base
        })
    }

    fn find_v2() -> Option<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let path = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
        Self::usable_v2(Path::new("/sys/fs/cgroup").join(path))
    }

    /// Prepares a group of version 2 to have groups of ours in it.
    pub(super) fn usable_v2(base: PathBuf) -> Option<Self> {
        let controllers = fs::read_to_string(base.join("cgroup.controllers")).ok()?;
        if !["memory", "pids", "cpu"].iter().all(|wanted| controllers.split_whitespace().any(|found| found == *wanted))
        {
            return None;
        }
        if !Self::is_writable(&base) {
            return None;
        }
        let subtree = base.join("cgroup.subtree_control");
        let enable = || {
            fs::write(&subtree, "+memory +pids +cpu")?;
            // Limits disk reads. A kernel without it lets the rest be limited all the same.
            let _ = fs::write(&subtree, "+io");
            Ok::<_, std::io::Error>(())
        };
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
        let blkio = find("blkio").filter(|base| Self::is_writable(base));
        usable.then_some(Self::V1 { memory, pids, cpuacct, cpu, blkio })
    }

    /// Where groups are made, each directory once: some hierarchies have several controllers.
    pub(super) fn directories(&self) -> Vec<PathBuf> {
        let mut all = match self {
            Self::V2(base) => vec![base.clone()],
            Self::V1 { memory, pids, cpuacct, cpu, blkio } => {
                [memory, pids, cpuacct, cpu].into_iter().chain(blkio).cloned().collect()
            }
            Self::None => Vec::new(),
        };
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Removes a group and those below it, as far as nobody is in them.
pub(super) fn remove_group(group: &Path) {
    let below = fs::read_dir(group).into_iter().flatten().flatten();
    for entry in below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        remove_group(&entry.path());
    }
    let _ = fs::remove_dir(group);
}

/// Removes the groups of runners that no longer live; their names carry the runner's process id. Another process may have
/// that number by now, and so may this one.
fn remove_stale(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    let name_of = |process: &str| fs::read_to_string(Path::new("/proc").join(process).join("comm")).ok();
    let own = std::process::id();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix("docle-").and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        let lives =
            |pid: u32| pid != own && name_of(&pid.to_string()).is_some_and(|name| Some(name) == name_of("self"));
        if owner.is_some_and(|pid| !lives(pid)) {
            // A group with a process left cannot be removed; another part deals with that process by now.
            remove_group(&entry.path());
        }
    }
}
