//! The rules of one project's pool: which container a run goes to, which containers start, which runs wait or are refused.
//!
//! Each method takes an event and returns the effects that follow from it. A pool knows no clock, no container and no
//! client, so that its rules can be tested and simulated: `docs/scaling.md` shows the results of the simulation.

use crate::domain::timestamp::Timestamp;
use std::collections::{BTreeMap, VecDeque};

#[cfg(test)]
mod simulation;

/// The slots that a container is expected to have until the first one reports its own: those of a runner on one core.
const EXPECTED_SLOTS: u32 = 4;
/// The shortest and the longest `Retry-After`, in seconds.
const RETRY_AFTER_S: (u32, u32) = (1, 60);

/// What a project may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolLimits {
    /// Containers at once.
    pub max_instances: usize,
    /// Runs at once, in all containers.
    pub max_running: usize,
    /// Runs that wait for a slot; more are refused.
    pub max_queued: usize,
    /// A container sleeps after this long without a run, in milliseconds.
    pub sleep_after_ms: i64,
}

/// The number of a run, from its arrival to its end.
pub type Ticket = u64;

/// What the shell does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Send the run to the container, which has a free slot.
    Run { ticket: Ticket, member: usize },
    /// Start the container, and then call [`Pool::ready`] or [`Pool::failed`].
    Start { member: usize },
    /// Refuse the run: nothing has run, and no container is starting.
    GiveUp { ticket: Ticket },
}

/// The queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// When the queue may have room again, estimated from the last runs, in seconds.
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

/// The runs and containers of one project.
#[derive(Debug)]
pub struct Pool {
    limits: PoolLimits,
    /// Runs at once, of which the account of the project may allow fewer than the limits.
    max_running: usize,
    members: Vec<Member>,
    waiting: VecDeque<Ticket>,
    running: BTreeMap<Ticket, Taken>,
    next: Ticket,
    expected_slots: u32,
    /// How long a run keeps its slot, as a moving mean, in milliseconds.
    pace_ms: f64,
}

impl Pool {
    /// A pool in which no container is up.
    pub fn new(limits: PoolLimits) -> Self {
        let absent = Member { phase: Phase::Absent, running: 0, idle_since: Timestamp(0) };
        Self {
            limits,
            max_running: limits.max_running,
            members: vec![absent; limits.max_instances.max(1)],
            waiting: VecDeque::new(),
            running: BTreeMap::new(),
            next: 0,
            expected_slots: EXPECTED_SLOTS,
            pace_ms: 1_000.0,
        }
    }

    /// The highest number of containers.
    pub fn max_instances(&self) -> usize {
        self.members.len()
    }

    /// A run arrives.
    ///
    /// # Errors
    /// The run is refused, because the queue is full.
    pub fn enqueue(&mut self, now: Timestamp) -> Result<(Ticket, Vec<Effect>), Full> {
        let at_once = self.waiting.is_empty() && self.running.len() < self.max_running;
        let room = at_once && self.choose(now).is_some();
        if !room && self.waiting.len() >= self.limits.max_queued {
            return Err(Full { retry_after_s: self.retry_after_s() });
        }
        let ticket = self.next;
        self.next += 1;
        self.waiting.push_back(ticket);
        Ok((ticket, self.settle(now)))
    }

    /// A run has ended, or its client has left while the run was queued or in progress.
    pub fn finish(&mut self, ticket: Ticket, now: Timestamp) -> Vec<Effect> {
        self.waiting.retain(|&waiting| waiting != ticket);
        if let Some(taken) = self.release(ticket, now) {
            let held = (now.0 - taken.since.0).max(0) as f64;
            self.pace_ms += (held - self.pace_ms) / 16.0;
        }
        self.settle(now)
    }

    /// The container of a run has ended before the run began. The run goes to the front of the queue.
    pub fn requeue(&mut self, ticket: Ticket, now: Timestamp) -> Vec<Effect> {
        if let Some(taken) = self.release(ticket, now) {
            let phase = &mut self.members[taken.member].phase;
            // A container that is starting again was reported by another run.
            if *phase != Phase::Starting {
                *phase = Phase::Absent;
            }
            self.waiting.push_front(ticket);
        }
        self.settle(now)
    }

    /// A container is up, and runs `slots` programs at once.
    pub fn ready(&mut self, member: usize, slots: u32, now: Timestamp) -> Vec<Effect> {
        let slots = slots.max(1);
        self.expected_slots = slots;
        self.members[member].phase = Phase::Ready { slots };
        self.members[member].idle_since = now;
        self.settle(now)
    }

    /// A container could not be started. If no other container is up or starting, all waiting runs are refused.
    pub fn failed(&mut self, member: usize) -> Vec<Effect> {
        self.members[member].phase = Phase::Absent;
        if self.members.iter().any(|member| member.phase != Phase::Absent) {
            return Vec::new();
        }
        self.waiting.drain(..).map(|ticket| Effect::GiveUp { ticket }).collect()
    }

    /// Lets at most so many runs be in progress: what the account of the project has of its runs at once. The limit of the project
    /// holds as well.
    pub fn limit_running(&mut self, runs: usize, now: Timestamp) -> Vec<Effect> {
        self.max_running = runs.min(self.limits.max_running);
        self.settle(now)
    }

    /// Refuses all runs that wait.
    pub fn refuse_waiting(&mut self) -> Vec<Effect> {
        self.waiting.drain(..).map(|ticket| Effect::GiveUp { ticket }).collect()
    }

    /// Whether as many runs are in progress as the account of the project lets, and fewer than the project itself may have.
    pub fn is_held_by_account(&self) -> bool {
        self.max_running < self.limits.max_running && self.running.len() >= self.max_running
    }

    /// Runs that wait.
    pub fn queued(&self) -> usize {
        self.waiting.len()
    }

    /// Runs in progress.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// When a refused client may try again, in seconds.
    pub fn retry_after_s(&self) -> u32 {
        let slots: u32 = self.members.iter().map(|member| capacity(member, self.expected_slots)).sum();
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

    /// Admits the runs for which there is a slot, and starts containers for the others.
    fn settle(&mut self, now: Timestamp) -> Vec<Effect> {
        self.forget_sleepers(now);
        let mut effects = Vec::new();
        while self.running.len() < self.max_running
            && let Some(member) = self.choose(now)
            && let Some(ticket) = self.waiting.pop_front()
        {
            self.running.insert(ticket, Taken { member, since: now });
            self.members[member].running += 1;
            effects.push(Effect::Run { ticket, member });
        }
        let wanted = self.waiting.len().min(self.max_running.saturating_sub(self.running.len()));
        let starting = self.members.iter().filter(|member| member.phase == Phase::Starting).count();
        let mut starting_slots = starting * self.expected_slots as usize;
        for (index, member) in self.members.iter_mut().enumerate() {
            if starting_slots >= wanted {
                break;
            }
            if member.phase == Phase::Absent {
                member.phase = Phase::Starting;
                starting_slots += self.expected_slots as usize;
                effects.push(Effect::Start { member: index });
            }
        }
        effects
    }

    /// The container for the next run: the first that is less than half full, so that later ones may sleep; if there is
    /// none, the one with the smallest load.
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
        // A clock that was set back makes the idle time negative; the container is then not idle for long enough.
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

fn capacity(member: &Member, expected: u32) -> u32 {
    match member.phase {
        Phase::Absent => 0,
        Phase::Starting => expected,
        Phase::Ready { slots } => slots,
    }
}

#[cfg(test)]
mod tests;
