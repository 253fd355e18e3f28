//! Watches the memory of a jail where no cgroup caps it: the weaker way, because a fast program is seen late.

use std::fs;

/// Adds up resident memory of every process of this PID namespace.
#[derive(Debug)]
pub struct Watch {
    limit_bytes: u64,
    page_bytes: u64,
}

impl Watch {
    pub fn new(limit_bytes: u64) -> Self {
        let page_bytes = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(4096);
        Self { limit_bytes, page_bytes: page_bytes as u64 }
    }

    /// Milliseconds between two looks: short enough that one core touching fresh pages at 1 µs each is seen within
    /// 100 MiB, long enough to cost a program nothing measurable.
    pub fn interval(&self) -> u16 {
        25
    }

    /// Looks once, at pages that belong to one process alone and at the files in memory. Pages that processes share,
    /// such as libraries and what a fork has not touched yet, are left out: counting them once per process would end
    /// trees that hold little.
    pub fn is_over(&mut self) -> bool {
        let Ok(processes) = fs::read_dir("/proc") else { return false };
        let pages: u64 = processes
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok_and(|pid| pid != 1))
            .filter_map(|entry| fs::read_to_string(entry.path().join("statm")).ok())
            .filter_map(|statm| {
                let mut fields = statm.split(' ').skip(1).map_while(|field| field.parse::<u64>().ok());
                Some(fields.next()?.saturating_sub(fields.next()?))
            })
            .sum();
        let files = nix::sys::statvfs::statvfs("/workspace")
            .map_or(0, |places| (places.blocks() - places.blocks_free()) * places.fragment_size());
        pages * self.page_bytes + files > self.limit_bytes
    }
}
