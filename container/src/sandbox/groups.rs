//! Control groups of version 2 that hold what each command of a sandbox has started, so that it can be ended or stopped as
//! a whole. They need no controller, and exist beside controllers of version 1.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// How often it is looked whether a group is empty, or stopped.
const LOOK: Duration = Duration::from_millis(2);
const LOOKS: u32 = 1_000;

/// The groups of one sandbox.
#[derive(Debug)]
pub struct Programs {
    /// Holds the spawner and init, too.
    top: PathBuf,
    /// Holds nothing but the groups of commands.
    all: PathBuf,
    /// Groups of commands that have ended and left something in the background.
    left: Arc<Mutex<Vec<PathBuf>>>,
}

/// The group of one command. It is removed when it is empty.
#[derive(Debug)]
pub struct CommandGroup {
    path: PathBuf,
    left: Arc<Mutex<Vec<PathBuf>>>,
}

impl Programs {
    /// Makes the groups of the sandbox with the number `slot`, below `base`.
    pub fn create(base: &Path, slot: u32) -> io::Result<Self> {
        let top = base.join(format!("docle-{}-{slot}", std::process::id()));
        // Where the hierarchy has controllers, too, it is there already.
        fs::create_dir_all(&top)?;
        let all = top.join("commands");
        fs::create_dir(&all)?;
        Ok(Self { top, all, left: Arc::default() })
    }

    /// Moves the spawner, and with it all its children to come, into the group.
    pub fn join(&self, pid: u32) -> io::Result<()> {
        fs::write(self.top.join("cgroup.procs"), pid.to_string())
    }

    /// Makes the group of a command.
    pub fn command(&self, number: u64) -> io::Result<CommandGroup> {
        lock(&self.left).retain(|group| fs::remove_dir(group).is_err());
        let path = self.all.join(number.to_string());
        fs::create_dir(&path)?;
        Ok(CommandGroup { path, left: Arc::clone(&self.left) })
    }

    /// Stops all commands.
    pub async fn freeze(&self) -> io::Result<()> {
        fs::write(self.all.join("cgroup.freeze"), "1")?;
        for _ in 0..LOOKS {
            if events(&self.all).lines().any(|line| line == "frozen 1") {
                return Ok(());
            }
            sleep(LOOK).await;
        }
        self.thaw()?;
        Err(io::Error::other("the commands of a sandbox do not stop"))
    }

    /// Lets them go on.
    pub fn thaw(&self) -> io::Result<()> {
        fs::write(self.all.join("cgroup.freeze"), "0")
    }

    /// Removes all groups, which are empty. False while one has a process.
    pub fn remove(&self) -> bool {
        let groups = fs::read_dir(&self.all).into_iter().flatten().flatten();
        for group in groups.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            let _ = fs::remove_dir(group.path());
        }
        let _ = fs::remove_dir(&self.all);
        let _ = fs::remove_dir(&self.top);
        !self.all.exists()
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        // Of a sandbox that could not be made; any other one has waited for it.
        self.remove();
    }
}

impl CommandGroup {
    /// For the clone into it.
    pub fn open(&self) -> io::Result<OwnedFd> {
        Ok(File::open(&self.path)?.into())
    }

    /// Ends everything in the group at once, also what is being forked.
    pub fn kill(&self) -> io::Result<()> {
        fs::write(self.path.join("cgroup.kill"), "1")
    }

    /// Waits until nobody is in it, but not for ever.
    pub async fn emptied(&self) {
        for _ in 0..LOOKS {
            if self.is_empty() {
                return;
            }
            sleep(LOOK).await;
        }
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        !events(&self.path).lines().any(|line| line == "populated 1")
    }

    /// How many processes are in it.
    pub fn processes(&self) -> usize {
        fs::read_to_string(self.path.join("cgroup.procs")).map_or(0, |text| text.lines().count())
    }

    /// Processor time of everything that was ever in it.
    pub fn cpu_micros(&self) -> Option<u64> {
        let text = fs::read_to_string(self.path.join("cpu.stat")).ok()?;
        text.lines().find_map(|line| line.strip_prefix("usage_usec ")?.trim().parse().ok())
    }
}

impl Drop for CommandGroup {
    fn drop(&mut self) {
        if fs::remove_dir(&self.path).is_err() {
            lock(&self.left).push(std::mem::take(&mut self.path));
        }
    }
}

fn lock(left: &Mutex<Vec<PathBuf>>) -> MutexGuard<'_, Vec<PathBuf>> {
    left.lock().unwrap_or_else(PoisonError::into_inner)
}

fn events(group: &Path) -> String {
    fs::read_to_string(group.join("cgroup.events")).unwrap_or_default()
}
