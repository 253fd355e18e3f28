//! Watches the memory of a jail where no cgroup caps it, and its files where no file system of its own does: the weaker
//! way, because a fast program is seen late.

use super::launch::Bounds;
use super::queues::Queues;
use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{Mode, fstatat};
use nix::sys::statvfs::statvfs;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Adds up what the processes and files of one program hold.
#[derive(Debug)]
pub struct Watch {
    memory_bytes: u64,
    disk_bytes: u64,
    inodes: u64,
    /// Only processes of this user count, where others are in sight.
    uid: Option<u32>,
    queues: Queues,
    /// The most memory that a look has found.
    peak_bytes: u64,
}

/// What is stored in the writable places.
#[derive(Debug, Clone, Copy, Default)]
struct Files {
    bytes: u64,
    inodes: u64,
}

impl Files {
    /// By the file system's own count, where it is the jail's alone.
    fn of_file_system() -> Self {
        let Ok(found) = statvfs("/workspace") else { return Self::default() };
        Self {
            bytes: (found.blocks() - found.blocks_free()) * found.fragment_size(),
            inodes: found.files() - found.files_free(),
        }
    }

    /// File by file, where others store in the same file system. What was deleted while it is open is not found.
    fn of_user(uid: u32, most_inodes: u64) -> Self {
        let mut found = Self::default();
        for place in PLACES {
            if let Ok(directory) = Dir::open(place, LOOK, Mode::empty()) {
                found.add(directory, uid, most_inodes);
            }
        }
        found
    }

    /// Goes down by descriptor and follows no link, because the program goes on meanwhile.
    fn add(&mut self, mut directory: Dir, uid: u32, most_inodes: u64) {
        let names: Vec<_> = directory.iter().flatten().map(|entry| entry.file_name().to_owned()).collect();
        for name in names {
            if self.inodes > most_inodes {
                return;
            }
            let is_itself = matches!(name.to_bytes(), b"." | b"..");
            let Ok(status) = fstatat(&directory, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW) else { continue };
            if is_itself || status.st_uid != uid {
                continue;
            }
            self.inodes += 1;
            self.bytes += status.st_blocks as u64 * BLOCK_BYTES;
            if let Ok(below) = Dir::openat(&directory, name.as_c_str(), LOOK, Mode::empty()) {
                self.add(below, uid, most_inodes);
            }
        }
    }
}

/// Where a program without a file system of its own may write.
const PLACES: [&str; 3] = ["/workspace", "/tmp", "/dev/shm"];
/// Opens directories only, and no links to them.
const LOOK: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);
/// The unit of `st_blocks`, whatever the file system's own is (stat(2)).
const BLOCK_BYTES: u64 = 512;

impl Watch {
    /// Watches a program whose processes and files may hold `memory_bytes` together.
    pub fn new(memory_bytes: u64, bounds: &Bounds, shared_uid: Option<u32>) -> Self {
        let Bounds { disk_bytes, inodes, .. } = *bounds;
        let queues = Queues::new(shared_uid);
        Self { memory_bytes, disk_bytes, inodes, uid: shared_uid, queues, peak_bytes: 0 }
    }

    /// Milliseconds between two looks: short enough that one core touching fresh pages at 1 µs each is seen within
    /// 100 MiB, long enough to cost a program nothing measurable.
    pub fn interval(&self) -> u16 {
        25
    }

    /// Looks once, at memory and at files. Pages that processes share count in parts (PSS), so that a fork counts for
    /// what it has changed, and shared memory counts once.
    pub fn is_over(&mut self) -> bool {
        let resident = self.resident_bytes();
        // Files of a jail with a file system of its own lie in memory.
        let files_in_memory = if self.uid.is_none() { Files::of_file_system().bytes } else { 0 };
        let memory = resident + files_in_memory + self.queues.held_bytes();
        self.peak_bytes = self.peak_bytes.max(memory);
        match self.uid {
            // The files of a container lie on its disk.
            Some(uid) => {
                let files = Files::of_user(uid, self.inodes);
                memory > self.memory_bytes || files.bytes > self.disk_bytes || files.inodes > self.inodes
            }
            // That file system limits itself.
            None => memory > self.memory_bytes,
        }
    }

    /// The most memory that a look has found. Processes and files count together, so it can be more than any process
    /// held, and a run that was ended for its memory is never reported below its limit.
    pub fn peak_bytes(&self) -> u64 {
        self.peak_bytes
    }

    /// Processor time of the processes that are there, and of those that were told to end.
    pub fn cpu_micros(&self) -> u64 {
        let spent: u64 =
            self.processes().filter_map(|process| spent_ticks(&fs::read(process.join("stat")).ok()?)).sum();
        let ticks = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
        spent * 1_000_000 / ticks.max(1) as u64
    }

    fn processes(&self) -> impl Iterator<Item = PathBuf> {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let programs = processes.filter(|entry| {
            let is_process = entry.file_name().to_string_lossy().parse::<u32>().is_ok_and(|pid| pid != 1);
            is_process && self.uid.is_none_or(|uid| entry.metadata().is_ok_and(|found| found.uid() == uid))
        });
        programs.map(|entry| entry.path())
    }

    fn resident_bytes(&self) -> u64 {
        let held = self
            .processes()
            .filter_map(|process| Some(proportional(&process).or_else(|| private(&process))? + page_tables(&process)));
        held.sum()
    }
}

/// Bytes of a process with shared pages counted in parts.
fn proportional(process: &Path) -> Option<u64> {
    field(&fs::read(process.join("smaps_rollup")).ok()?, "Pss:")
}

/// Bytes of a process without pages of files, where looking closer takes a capability that a container does not grant.
fn private(process: &Path) -> Option<u64> {
    let status = fs::read(process.join("status")).ok()?;
    Some(["RssAnon:", "RssShmem:"].iter().filter_map(|name| field(&status, name)).sum())
}

/// Ticks of a process and of its children that it has reaped: fields 14 to 17 of proc_pid_stat(5). What the process calls
/// itself comes before them, in parentheses, and need not be UTF-8.
fn spent_ticks(stat: &[u8]) -> Option<u64> {
    let after = stat.iter().rposition(|&byte| byte == b')')? + 1;
    let fields = str::from_utf8(stat.get(after..)?).ok()?.split_whitespace();
    // Field 3 is the first one after the name.
    Some(fields.skip(14 - 3).take(4).filter_map(|field| field.parse::<u64>().ok()).sum())
}

/// Bytes that the kernel needs to know where the memory of a process is.
fn page_tables(process: &Path) -> u64 {
    fs::read(process.join("status")).ok().and_then(|status| field(&status, "VmPTE:")).unwrap_or(0)
}

/// A field of the kernel's in bytes. What a program calls itself is in the same text, and need not be UTF-8.
fn field(text: &[u8], name: &str) -> Option<u64> {
    let line = text.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(name.as_bytes()))?;
    let kilobytes = str::from_utf8(line).ok()?.trim().strip_suffix(" kB")?;
    Some(kilobytes.parse::<u64>().ok()? * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_whatever_the_program_calls_itself() {
        let status = b"Name:\t\xff RssAnon: 1 kB\nUmask:\t0022\nRssAnon:\t    5612 kB\nRssShmem:\t       0 kB\n";
        assert_eq!(field(status, "RssAnon:"), Some(5_612 * 1_024));
        assert_eq!(field(status, "RssShmem:"), Some(0));
        assert_eq!(field(status, "VmSwap:"), None);
    }

    #[test]
    fn a_run_over_its_memory_was_reported_with_less_than_its_limit() {
        let bounds = Bounds {
            disk_bytes: u64::MAX,
            inodes: u64::MAX,
            watched_memory_bytes: Some(1),
            watched_cpu_micros: None,
            file_bytes: None,
        };
        let own = fs::metadata("/proc/self").unwrap().uid();
        let mut watch = Watch::new(1, &bounds, Some(own));
        assert_eq!(watch.peak_bytes(), 0);
        assert!(watch.is_over());
        assert!(watch.peak_bytes() > 1, "{watch:?}");
    }

    #[test]
    fn processor_time_is_read_whatever_the_program_calls_itself() {
        let stat = b"7 (a) \xff (b)) R 1 7 7 0 -1 4194304 100 0 0 0 11 22 3 4 20 0 1 0 5\n";
        assert_eq!(spent_ticks(stat), Some(11 + 22 + 3 + 4));
        assert_eq!(spent_ticks(b"nothing"), None);
    }

    #[test]
    fn shared_memory_is_held_as_well() {
        let before = private(Path::new("/proc/self")).unwrap();
        let bytes = 8 << 20;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_POPULATE;
        // SAFETY: a new mapping that nothing else refers to, and that lasts until the process ends.
        let mapped =
            unsafe { libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
        assert_ne!(mapped, libc::MAP_FAILED);
        assert!(private(Path::new("/proc/self")).unwrap() >= before + bytes as u64 / 2);
    }
}
