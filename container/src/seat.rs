//! What one run after another has for itself: a user, a control group, a jailer, and the next jail, already made.
//!
//! Making a jail and starting an interpreter takes longer than most programs run, so both are done as soon as the
//! previous run of the seat is over. Each jail is used once. Its interpreter has read nothing of any program, and
//! while it waits it counts for little against programs that run.

use crate::jail::cgroup::{Group, Kind};
use crate::jail::handle::{Jail, Jailer};
use crate::jail::jailer::Settings;
use crate::jail::launch::{Command, Creation};
use crate::jail::root::{Root, Tier};
use docle_protocol::Language;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Users of the runs count from here: far above the users of any distribution.
const FIRST_UID: u32 = 100_000;
/// Memory of a jail that waits. A started Node holds 45 MiB.
const IDLE_BYTES: u64 = 256 << 20;

/// What every seat of a runner has in common.
#[derive(Debug, Clone)]
pub struct Common {
    pub cgroups: Kind,
    pub tier: Tier,
    pub root: Root,
    pub mount_point: PathBuf,
    /// How the interpreter of each language is started ahead.
    pub warm: Arc<BTreeMap<Language, Command>>,
}

/// One seat.
#[derive(Debug)]
pub struct Seat {
    next: Option<Next>,
    // Dropped before the group, which can only be removed when nobody is in it.
    jailer: Jailer,
    pub group: Group,
    settings: Settings,
    warm: Arc<BTreeMap<Language, Command>>,
    /// The language that the next jail is made for.
    language: Option<Language>,
}

#[derive(Debug)]
struct Next {
    jail: Jail,
    language: Option<Language>,
}

impl Seat {
    /// Makes seat number `index`, its next jail for `language`.
    ///
    /// # Errors
    /// What the environment does not grant, in words.
    pub fn create(common: &Common, index: u32, language: Option<Language>) -> io::Result<Self> {
        let settings = Settings {
            tier: common.tier,
            root: common.root.clone(),
            mount_point: common.mount_point.clone(),
            uid: FIRST_UID + index,
        };
        let group = Group::create(&common.cgroups, index)?;
        let jailer = Jailer::start(&settings, &group)?;
        let mut seat = Self { next: None, jailer, group, settings, warm: common.warm.clone(), language };
        seat.refill()?;
        Ok(seat)
    }

    /// Whether an interpreter for `language` waits here.
    pub fn is_warm_for(&self, language: Option<Language>) -> bool {
        language.is_some() && self.waiting() == language
    }

    /// The language whose interpreter waits here.
    pub fn waiting(&self) -> Option<Language> {
        self.next.as_ref()?.language
    }

    /// The jail for the next run, limited to `memory_bytes`, and whether the interpreter wanted is started in it.
    /// A run that finds the wrong interpreter waiting gets a new jail, and its own language waits here afterwards.
    pub async fn jail(&mut self, wanted: Option<Language>, memory_bytes: u64) -> io::Result<(Jail, bool)> {
        self.language = wanted.or(self.language);
        let next = match self.next.take() {
            Some(next) if next.language == wanted || next.language.is_none() => next,
            Some(next) => {
                // Ended before the new one begins: they have the same user, and may share a place to write in.
                next.jail.end().await?;
                self.make(None)?
            }
            None => self.make(None)?,
        };
        self.group.prepare(memory_bytes)?;
        Ok((next.jail, next.language.is_some()))
    }

    /// A jail that nobody has waited in.
    pub fn fresh_jail(&mut self) -> io::Result<Jail> {
        Ok(self.make(None)?.jail)
    }

    /// Makes the next jail where there is none. Returns at once; the jail gets ready by itself.
    pub fn refill(&mut self) -> io::Result<()> {
        if self.next.is_none() {
            self.group.rest(IDLE_BYTES)?;
            self.next = Some(self.make(self.language)?);
        }
        Ok(())
    }

    fn make(&mut self, language: Option<Language>) -> io::Result<Next> {
        if !self.jailer.is_alive() {
            // The kernel may have ended it when a run left its group no memory.
            self.jailer = Jailer::start(&self.settings, &self.group)?;
        }
        let warm = language.and_then(|language| self.warm.get(&language).cloned());
        let language = language.filter(|_| warm.is_some());
        Ok(Next { jail: self.jailer.create(&Creation { warm })?, language })
    }
}
