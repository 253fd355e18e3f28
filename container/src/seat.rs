//! What one run after another has for itself: a user, a control group, a jailer, and the next jail, already made.
//!
//! Making a jail and starting an interpreter takes longer than most programs run, so both are done as soon as the
//! previous run of the seat is over. Each jail is used once. Its interpreter has read nothing of any program, and
//! while it waits it counts for little against programs that run.

use crate::jail::cgroup::{Group, Kind};
use crate::jail::handle::{Jail, Jailer};
use crate::jail::jailer::Settings;
use crate::jail::launch::{Creation, Warm};
use crate::jail::root::{Root, Tier};
use crate::jail::zygote::{FORKS, Zygote};
use docle_protocol::RunLanguage;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Users of the runs count from here: far above the users of any distribution.
const FIRST_UID: u32 = 100_000;
/// Memory of a jail that waits. A started Node holds 45 MiB.
const IDLE_BYTES: u64 = 256 << 20;

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
    /// Bytes that the jailer holds, which are not the program's: one that was forked of it has copies.
    jailer_bytes: u64,
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
            uid: FIRST_UID + index,
            zygote: common.zygote.clone(),
        };
        let group = Group::create(&common.cgroups, index)?;
        let jailer = Jailer::start(&settings, &group)?;
        let warm = common.warm.clone();
        Ok(Self { last: None, next: None, jailer, group, settings, warm, forks: 0, serves: 0, jailer_bytes: 0 })
    }

    /// Waits until the jailer is ready, and makes the first jail, for `language`.
    ///
    /// # Errors
    /// What the environment does not grant, in words.
    pub fn open(&mut self, language: Option<RunLanguage>) -> io::Result<()> {
        self.jailer.ready()?;
        self.jailer_bytes = self.group.held_bytes();
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
        self.jailer = Jailer::start(&self.settings, &self.group)?;
        self.forks = 0;
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
    pub async fn jail(&mut self, wanted: Option<RunLanguage>, memory_bytes: u64) -> io::Result<(Jail, bool)> {
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
        self.group.prepare(memory_bytes + INIT_BYTES, self.jailer_bytes)?;
        Ok((next.jail, next.language.is_some()))
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

    /// Waits until the last run's jail is gone. What ends now counts for the last run and not for the next one, which
    /// has the same user and may have the same place to write in.
    pub async fn vacate(&mut self) -> io::Result<()> {
        let Some(mut jail) = self.last.take() else { return Ok(()) };
        jail.kill();
        jail.gone().await
    }

    /// Makes the next jail where there is none, for `language`. Returns at once; the jail gets ready by itself.
    pub fn refill(&mut self, language: Option<RunLanguage>) -> io::Result<()> {
        if self.next.is_none() {
            self.group.rest(IDLE_BYTES + INIT_BYTES, self.jailer_bytes)?;
            self.next = Some(self.make(language)?);
        }
        Ok(())
    }

    /// Waits until the place that the next jail shares with earlier ones is empty. A run that came before would wait for
    /// that in vain, where the last one has left tens of thousands of files, and not in the queue, where it belongs.
    pub async fn emptied(&mut self) {
        if let Some(next) = &mut self.next {
            next.jail.emptied().await;
        }
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
        Ok(Next { jail: self.jailer.create(&Creation { warm })?, language })
    }
}
