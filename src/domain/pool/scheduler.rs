//! Which container a run goes to, which are started, who waits and who is turned away: one project's share of machines.
//!
//! A pool is told what happens and answers with what is to be done. It knows no clock, no container and no caller, so
//! that the rules can be tested and simulated as they are: `docs/scaling.md` shows what comes out.

use crate::domain::timestamp::Timestamp;
use std::collections::{BTreeMap, VecDeque};

#[cfg(test)]
mod simulation;

/// Places that a container is expected to have until one has said how many: what the runner opens on a single core.
const EXPECTED_SLOTS: u32 = 4;
/// A `Retry-After` is at least and at most this long, in seconds.
const RETRY_AFTER_S: (u32, u32) = (1, 60);

/// What a project may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolLimits {
    /// Containers at once.
    pub max_instances: usize,
    /// Runs at once, in all containers.
    pub max_running: usize,
    /// Runs that wait for a place; more are turned away.
    pub max_queued: usize,
    /// A container that was idle for so long sleeps, in milliseconds.
    pub sleep_after_ms: i64,
}

/// A run, from its arrival to its end.
pub type Ticket = u64;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Send the run to the container, which has room.
    Run { ticket: Ticket, member: usize },
    /// Start the container; tell [`Pool::ready`] or [`Pool::failed`].
    Start { member: usize },
    /// Turn the run away: nothing was run, and no container is coming.
    GiveUp { ticket: Ticket },
}

/// The queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// When a place in the queue may be free again, by the pace of the last runs.
    pub retry_after_s: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Absent,
    Starting,
    Ready { slots: u32 },
}

#[derive(Debug, Clone, Copy)]
struct Member {
    phase: Phase,
    running: u32,
    idle_since: Timestamp,
}

#[derive(Debug, Clone, Copy)]
struct Taken {
    member: usize,
    since: Timestamp,
}

/// See the module.
#[derive(Debug)]
pub struct Pool {
    limits: PoolLimits,
    members: Vec<Member>,
    waiting: VecDeque<Ticket>,
    running: BTreeMap<Ticket, Taken>,
    next: Ticket,
    expected_places: u32,
    /// How long a run keeps its place, as a moving mean, in milliseconds.
    pace_ms: f64,
}

impl Pool {
    /// A pool without a container.
    pub fn new(limits: PoolLimits) -> Self {
        let absent = Member { phase: Phase::Absent, running: 0, idle_since: Timestamp(0) };
        Self {
            limits,
            members: vec![absent; limits.max_instances.max(1)],
            waiting: VecDeque::new(),
            running: BTreeMap::new(),
            next: 0,
            expected_places: EXPECTED_SLOTS,
            pace_ms: 1_000.0,
        }
    }

    /// How many containers there may be.
    pub fn max_instances(&self) -> usize {
        self.members.len()
    }

    /// A run arrives.
    ///
    /// # Errors
    /// It is turned away: too many wait already.
    pub fn arrive(&mut self, now: Timestamp) -> Result<(Ticket, Vec<Effect>), Full> {
        let at_once = self.waiting.is_empty() && self.running.len() < self.limits.max_running;
        let room = at_once && self.choose(now).is_some();
        if !room && self.waiting.len() >= self.limits.max_queued {
            return Err(Full { retry_after_s: self.retry_after_s() });
        }
        let ticket = self.next;
        self.next += 1;
        self.waiting.push_back(ticket);
        Ok((ticket, self.settle(now)))
    }

    /// A run has ended, or its caller has left, wherever it was.
    pub fn leave(&mut self, ticket: Ticket, now: Timestamp) -> Vec<Effect> {
        self.waiting.retain(|&waiting| waiting != ticket);
        if let Some(taken) = self.release(ticket, now) {
            let held = (now.0 - taken.since.0).max(0) as f64;
            self.pace_ms += (held - self.pace_ms) / 16.0;
        }
        self.settle(now)
    }

    /// The container of a run is gone, and the run was not begun: it goes first now.
    pub fn lost(&mut self, ticket: Ticket, now: Timestamp) -> Vec<Effect> {
        if let Some(taken) = self.release(ticket, now) {
            let phase = &mut self.members[taken.member].phase;
            // One that is coming already has been lost before, by another run.
            if *phase != Phase::Starting {
                *phase = Phase::Absent;
            }
            self.waiting.push_front(ticket);
        }
        self.settle(now)
    }

    /// A container is up and runs `slots` programs at once.
    pub fn ready(&mut self, member: usize, slots: u32, now: Timestamp) -> Vec<Effect> {
        let slots = slots.max(1);
        self.expected_places = slots;
        self.members[member].phase = Phase::Ready { slots };
        self.members[member].idle_since = now;
        self.settle(now)
    }

    /// A container could not be started. Those who wait are turned away where no other one is there or coming.
    pub fn failed(&mut self, member: usize) -> Vec<Effect> {
        self.members[member].phase = Phase::Absent;
        if self.members.iter().any(|member| member.phase != Phase::Absent) {
            return Vec::new();
        }
        self.waiting.drain(..).map(|ticket| Effect::GiveUp { ticket }).collect()
    }

    /// The containers that are up or coming.
    pub fn started(&self) -> Vec<usize> {
        let members = self.members.iter().enumerate();
        members.filter(|(_, member)| member.phase != Phase::Absent).map(|(index, _)| index).collect()
    }

    /// Runs that wait.
    pub fn queued(&self) -> usize {
        self.waiting.len()
    }

    /// Runs in progress.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// When a client whose run found no slot may try again, in seconds.
    pub fn retry_after_s(&self) -> u32 {
        let slots: u32 = self.members.iter().map(|member| room(member, self.expected_places)).sum();
        let seconds = (self.waiting.len() + 1) as f64 * self.pace_ms / f64::from(slots.max(1)) / 1_000.0;
        (seconds.ceil() as u32).clamp(RETRY_AFTER_S.0, RETRY_AFTER_S.1)
    }

    fn release(&mut self, ticket: Ticket, now: Timestamp) -> Option<Taken> {
        let taken = self.running.remove(&ticket)?;
        let member = &mut self.members[taken.member];
        member.running = member.running.saturating_sub(1);
        member.idle_since = now;
        Some(taken)
    }

    /// Sends on who can be sent on, and starts what is lacking for the rest.
    fn settle(&mut self, now: Timestamp) -> Vec<Effect> {
        self.forget_sleepers(now);
        let mut effects = Vec::new();
        while self.running.len() < self.limits.max_running
            && let Some(member) = self.choose(now)
            && let Some(ticket) = self.waiting.pop_front()
        {
            self.running.insert(ticket, Taken { member, since: now });
            self.members[member].running += 1;
            effects.push(Effect::Run { ticket, member });
        }
        let wanted = self.waiting.len().min(self.limits.max_running - self.running.len());
        let starting = self.members.iter().filter(|member| member.phase == Phase::Starting).count();
        let mut coming = starting * self.expected_places as usize;
        for (index, member) in self.members.iter_mut().enumerate() {
            if coming >= wanted {
                break;
            }
            if member.phase == Phase::Absent {
                member.phase = Phase::Starting;
                coming += self.expected_places as usize;
                effects.push(Effect::Start { member: index });
            }
        }
        effects
    }

    /// The container for the next run: the first that is less than half full, so that later ones may sleep, or else the
    /// one with the smallest load.
    fn choose(&self, now: Timestamp) -> Option<usize> {
        let load = |member: &Member| match member.phase {
            Phase::Ready { slots } if member.running < slots && !self.sleeps(member, now) => {
                Some(f64::from(member.running) / f64::from(slots))
            }
            _ => None,
        };
        let loads = || self.members.iter().enumerate().filter_map(|(index, member)| Some((index, load(member)?)));
        let easy = loads().find(|(_, load)| *load < 0.5);
        easy.or_else(|| loads().min_by(|one, other| one.1.total_cmp(&other.1))).map(|(index, _)| index)
    }

    fn sleeps(&self, member: &Member, now: Timestamp) -> bool {
        // A clock that went back shows a negative time, which is no time.
        member.running == 0 && now.0 - member.idle_since.0 >= self.limits.sleep_after_ms
    }

    fn forget_sleepers(&mut self, now: Timestamp) {
        for index in 0..self.members.len() {
            let member = self.members[index];
            if matches!(member.phase, Phase::Ready { .. }) && self.sleeps(&member, now) {
                self.members[index].phase = Phase::Absent;
            }
        }
    }
}

fn room(member: &Member, expected: u32) -> u32 {
    match member.phase {
        Phase::Absent => 0,
        Phase::Starting => expected,
        Phase::Ready { slots } => slots,
    }
}

#[cfg(test)]
mod tests;
