//! What one run after another has for itself: a user, a control group, a jailer, and the next jail, already made.
//!
//! Making a jail and starting an interpreter takes longer than most programs run, so both are done as soon as the
//! previous run of the seat is over. Each jail is used once. Its interpreter has read nothing of any program, and
//! while it waits it counts for little against programs that run.

use crate::jail::cgroup::disks::Disk;
use crate::jail::cgroup::{Group, Kind};
use crate::jail::handle::{Jail, Jailer};
use crate::jail::jailer::Settings;
use crate::jail::launch::{Creation, Warm};
use crate::jail::root::{Root, Tier};
use crate::jail::zygote::{FORKS, Zygote};
use docle_protocol::RunLanguage;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Memory of a jail that waits. A started Node holds 45 MiB.
const IDLE_BYTES: u64 = 256 << 20;

/// How often it is looked whether a group is empty that should be.
const EMPTY_INTERVAL: Duration = Duration::from_millis(5);
const EMPTY_LOOKS: u32 = 100;

/// Room for what the first process of a jail changes of the jailer's memory, and for what the kernel needs for it.
const INIT_BYTES: u64 = 1 << 20;

/// What every seat of a runner has in common.
#[derive(Debug, Clone)]
pub struct Common {
    pub cgroups: Kind,
    pub tier: Tier,
    pub root: Root,
    pub mount_point: PathBuf,
    /// How the interpreter of each language is started ahead.
    pub warm: Arc<BTreeMap<RunLanguage, Warm>>,
    /// What the jailers become, where they can.
    pub zygote: Option<Zygote>,
    /// The users of the runs count from here.
    pub first_uid: u32,
    /// What holds the files that programs read.
    pub disks: BTreeSet<Disk>,
}

/// One seat.
#[derive(Debug)]
pub struct Seat {
    /// The last run's jail, until it is known to be gone.
    last: Option<Jail>,
    next: Option<Next>,
    // Dropped before the group, which can only be removed when nobody is in it.
    jailer: Jailer,
    pub group: Group,
    settings: Settings,
    warm: Arc<BTreeMap<RunLanguage, Warm>>,
    /// Interpreters that the jailer has forked.
    forks: u32,
    /// The number of the last run here.
    serves: u64,
    /// Something of it has failed, so it serves no run before a jail was made here and seen to be there.
    failed: bool,
}

/// A jail for one run, and whether the interpreter that the run wants is started in it.
#[derive(Debug)]
pub struct Prepared {
    pub jail: Jail,
    pub is_warm: bool,
}

/// How far a waiting interpreter has come. More is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Readiness {
    Starting,
    /// It waits for its script.
    Ready,
}

/// How well a seat suits a run. More is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// What would come of its interpreter has random things in common with the run before.
    Again,
    /// Another interpreter would have waited in vain.
    Other,
    /// Nobody waits.
    Empty,
    Own(Readiness),
}

#[derive(Debug)]
struct Next {
    jail: Jail,
    language: Option<RunLanguage>,
}

impl Seat {
    /// Makes seat number `index`. It is to be opened before it is used.
    ///
    /// # Errors
    /// What the environment does not grant.
    pub fn create(common: &Common, index: u32) -> io::Result<Self> {
        let settings = Settings {
            tier: common.tier,
            root: common.root.clone(),
            mount_point: common.mount_point.clone(),
            uid: common.first_uid + index,
            counts_processes: common.cgroups != Kind::None,
            zygote: common.zygote.clone(),
        };
        let group = Group::create(&common.cgroups, index)?;
        group.limit_disks(&common.disks)?;
        let jailer = Jailer::start(&settings, &group)?;
        let warm = common.warm.clone();
        Ok(Self { last: None, next: None, jailer, group, settings, warm, forks: 0, serves: 0, failed: false })
    }

    /// Waits until the jailer is ready, and makes the first jail, for `language`.
    ///
    /// # Errors
    /// What the environment does not grant, in words.
    pub fn open(&mut self, language: Option<RunLanguage>) -> io::Result<()> {
        self.jailer.ready()?;
        self.group.measure_spawner();
        self.refill(language)
    }

    /// Whether so many programs have come of one interpreter that the next ones should come of another.
    pub fn is_worn(&self) -> bool {
        self.forks >= FORKS
    }

    /// Programs that have come of the interpreter that the next ones would come of.
    pub fn forked(&self) -> u32 {
        let waiting = self.next.as_ref().and_then(|next| next.language);
        self.forks - u32::from(self.forks_for(waiting))
    }

    /// Exchanges the jailer. Takes as long as starting a process and waiting for the kernel to sort it in.
    pub fn renew(&mut self, language: Option<RunLanguage>) -> io::Result<()> {
        self.next = None;
        self.group.rest(IDLE_BYTES + INIT_BYTES)?;
        self.jailer = Jailer::start(&self.settings, &self.group)?;
        self.forks = 0;
        self.jailer.ready()?;
        // The jailer before this one, and the jail that waited, are being taken apart.
        for _ in 0..EMPTY_LOOKS {
            if self.group.holds_only(self.jailer.pid()) {
                break;
            }
            std::thread::sleep(EMPTY_INTERVAL);
        }
        self.group.measure_spawner();
        self.refill(language)
    }

    /// Takes down the number of the run that it serves now.
    pub fn serve(&mut self, number: u64) {
        self.serves = number;
    }

    /// How well this seat suits the run after number `last` that wants an interpreter of `wanted`, or none that waited.
    pub fn suits(&mut self, wanted: Option<RunLanguage>, last: u64) -> Fit {
        match self.waiting() {
            _ if self.serves == last && self.forks_for(wanted) => Fit::Again,
            None => Fit::Empty,
            Some((language, readiness)) if Some(language) == wanted => Fit::Own(readiness),
            Some(_) => Fit::Other,
        }
    }

    /// The language whose interpreter waits here, and how far it has come.
    pub fn waiting(&mut self) -> Option<(RunLanguage, Readiness)> {
        let language = self.next.as_ref()?.language?;
        // A fork has come as far as it has to before it is made.
        let ready = self.forks_for(Some(language)) || self.next.as_mut()?.jail.is_waiting();
        Some((language, if ready { Readiness::Ready } else { Readiness::Starting }))
    }

    /// The jail for the next run, limited to `memory_bytes`, and whether the interpreter wanted is started in it.
    /// A run that finds the wrong interpreter waiting gets a new jail.
    pub async fn jail(&mut self, wanted: Option<RunLanguage>, memory_bytes: u64) -> io::Result<Prepared> {
        let next = match self.next.take() {
            Some(next) if next.language == wanted || next.language.is_none() => next,
            other => {
                if let Some(next) = other {
                    // Ended before the new one begins: they have the same user, and may share a place to write in.
                    next.jail.end().await?;
                }
                // A fork is there as soon as it is asked for; anything else starts once its jail is known.
                self.make(wanted.filter(|language| self.forks_for(Some(*language))))?
            }
        };
        self.group.prepare(memory_bytes + INIT_BYTES)?;
        Ok(Prepared { jail: next.jail, is_warm: next.language.is_some() })
    }

    fn forks_for(&self, language: Option<RunLanguage>) -> bool {
        language.and_then(|language| self.warm.get(&language)).is_some_and(|warm| matches!(warm, Warm::Fork { .. }))
    }

    /// A jail that nobody has waited in.
    pub fn fresh_jail(&mut self) -> io::Result<Jail> {
        Ok(self.make(None)?.jail)
    }

    /// Leaves behind a jail whose program is over.
    pub fn leave(&mut self, jail: Jail) {
        self.last = Some(jail);
    }

    /// Something of this seat has failed: it is made anew before it serves another run.
    pub fn distrust(&mut self) {
        self.failed = true;
    }

    /// Whether the jailer is to be exchanged.
    pub fn is_to_be_renewed(&self) -> bool {
        self.failed || self.is_worn()
    }

    /// Waits until the last run's jail is gone. What ends now counts for the last run and not for the next one, which
    /// has the same user and may have the same place to write in. Takes as long as the kernel does, and may be asked again.
    pub async fn vacate(&mut self) -> io::Result<()> {
        if let Some(jail) = &mut self.last {
            jail.kill();
            jail.gone().await?;
        }
        self.last = None;
        // A jail that failed before it said what it is was never waited for.
        while self.next.is_none() && !self.group.holds_only(self.jailer.pid()) {
            sleep(EMPTY_INTERVAL).await;
        }
        Ok(())
    }

    /// Makes the next jail where there is none, for `language`. Returns at once; the jail gets ready by itself.
    pub fn refill(&mut self, language: Option<RunLanguage>) -> io::Result<()> {
        if self.next.is_none() {
            self.group.rest(IDLE_BYTES + INIT_BYTES)?;
            self.next = Some(self.make(language)?);
        }
        Ok(())
    }

    /// Waits until the next jail is there, where that is not certain: where the seat has failed before, and where it shares
    /// a place with earlier ones. A run that came before would wait for that place in vain, where the last one has left
    /// tens of thousands of files, and not in the queue, where it belongs.
    pub async fn prepared(&mut self) -> io::Result<()> {
        let Some(next) = self.next.as_mut().filter(|next| self.failed || next.jail.is_shared()) else { return Ok(()) };
        next.jail.prepared().await?;
        self.failed = false;
        Ok(())
    }

    fn make(&mut self, language: Option<RunLanguage>) -> io::Result<Next> {
        if !self.jailer.is_alive() {
            // The kernel may have ended it when a run left its group no memory.
            self.jailer = Jailer::start(&self.settings, &self.group)?;
            self.forks = 0;
        }
        let warm = language.and_then(|language| self.warm.get(&language).cloned());
        let language = language.filter(|_| warm.is_some());
        self.forks += u32::from(self.forks_for(language));
        Ok(Next { jail: self.jailer.create(&Creation { warm, sandbox: None })?, language })
    }
}
