//! Whether this runner may be trusted with another run.
//!
//! A run that ends with `system` met a failure of the sandbox itself: a jail that could not be made or emptied, a kernel
//! without memory. What the next run would meet there is unknown, so a runner that is replaced takes none. A
//! runner on a machine of its own goes on, because nobody would start another one.

use crate::events::EventSender;
use docle_protocol::{RunReport, RunStatus, Stream};
use std::fs;
use tokio_util::sync::CancellationToken;

/// Where the kernel counts processes that it ended because memory ran out: those of the container, by either version of
/// its control group, or else those of the machine, which in production is the container's own.
const COUNTERS: [&str; 3] =
    ["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control", "/proc/vmstat"];
/// A run that reached this share of its limit is said to have reached it.
const REACHED: f64 = 0.9;

/// What tells that the kernel ended a process for want of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Each run's own control group counts, and its report says so: [`RunStatus::Memory`].
    OfTheRun,
    /// There is no such group, and what is counted is the whole container's.
    OfTheContainer,
}

/// See the module.
#[derive(Debug)]
pub struct Fitness {
    lost: Option<CancellationToken>,
    evidence: Evidence,
}

impl Fitness {
    /// That of a runner which just started; it can be lost only where another one is started.
    pub fn new(replaceable: bool, evidence: Evidence) -> Self {
        Self { lost: replaceable.then(CancellationToken::new), evidence }
    }

    /// Whether no more runs are to be taken.
    pub fn is_lost(&self) -> bool {
        self.lost.as_ref().is_some_and(CancellationToken::is_cancelled)
    }

    /// Resolves when no more runs are to be taken, which may be never.
    pub async fn lost(&self) {
        match &self.lost {
            Some(lost) => lost.cancelled().await,
            None => std::future::pending().await,
        }
    }

    /// Takes no more runs from here on, where another runner is started. False where none is.
    pub fn lose(&self) -> bool {
        self.lost.as_ref().inspect(|lost| lost.cancel()).is_some()
    }

    /// How often the kernel ran out of memory so far; 0 where it is not counted, or does not matter.
    pub fn memory_failures(&self) -> u64 {
        if self.lost.is_none() || self.evidence == Evidence::OfTheRun {
            return 0;
        }
        let counts = COUNTERS.iter().filter_map(|path| fs::read_to_string(path).ok());
        counts.filter_map(|text| read_counter(&text)).next().unwrap_or(0)
    }

    /// Judges a run of at most `memory_mb` MiB that found `memory_failures_before` at its start. A sentence about a failure
    /// goes to `events`.
    ///
    /// A program that was ended for want of memory although it was below its limit is not to blame: the container gave it
    /// less than it was promised.
    pub fn judge(
        &self,
        mut report: RunReport,
        memory_mb: u32,
        memory_failures_before: u64,
        events: &EventSender,
    ) -> RunReport {
        let is_below = report.usage.mem_mb < f64::from(memory_mb) * REACHED;
        let is_blameless = match (report.status, self.evidence) {
            (RunStatus::Memory, Evidence::OfTheRun) => self.lost.is_some() && is_below,
            (RunStatus::Memory, Evidence::OfTheContainer) => {
                is_below && self.memory_failures() > memory_failures_before
            }
            (RunStatus::Killed, Evidence::OfTheContainer) => {
                report.signal.as_deref() == Some("SIGKILL") && self.memory_failures() > memory_failures_before
            }
            _ => false,
        };
        if is_blameless {
            report.status = RunStatus::System;
            let sentence = "The sandbox ran out of memory; the program is not to blame. The run may be repeated.\n";
            events.output(Stream::Stderr, sentence.as_bytes());
        }
        if let (RunStatus::System, Some(lost)) = (report.status, &self.lost) {
            eprintln!("runner.unfit: a run met a failure of the sandbox; no more runs are taken");
            lost.cancel();
        }
        report
    }
}

fn read_counter(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::channel;
    use docle_protocol::{RunDetails, RunUsage, Truncated};

    fn report(status: RunStatus) -> RunReport {
        let (signal, truncated, usage) = (Some("SIGKILL".into()), Truncated::default(), RunUsage::default());
        RunReport { status, exit_code: 137, signal, truncated, usage, details: RunDetails::default() }
    }

    #[test]
    fn only_a_failure_of_the_sandbox_loses_fitness_and_only_where_somebody_replaces_the_runner() {
        for (replaceable, status, lost) in [
            (true, RunStatus::System, true),
            (false, RunStatus::System, false),
            (true, RunStatus::Killed, false),
            (true, RunStatus::Timeout, false),
        ] {
            let fitness = Fitness::new(replaceable, Evidence::OfTheRun);
            let judged = fitness.judge(report(status), 256, 0, &channel().0);
            assert_eq!((judged.status, fitness.is_lost()), (status, lost), "{replaceable} {status:?}");
        }
    }

    #[test]
    fn the_run_s_own_group_tells_whose_fault_an_end_was() {
        for (replaceable, status, memory_mb, judged) in [
            // Ended by the kernel far below the limit: others took the memory.
            (true, RunStatus::Memory, 1_024, RunStatus::System),
            (true, RunStatus::Memory, 200, RunStatus::Memory),
            // Nobody says that a program which killed itself met a kernel without memory, whatever its neighbours meet.
            (true, RunStatus::Killed, 1_024, RunStatus::Killed),
            (false, RunStatus::Memory, 1_024, RunStatus::Memory),
        ] {
            let mut ended = report(status);
            ended.usage.mem_mb = 199.5;
            let fitness = Fitness::new(replaceable, Evidence::OfTheRun);
            assert_eq!(fitness.judge(ended, memory_mb, 0, &channel().0).status, judged, "{status:?} {memory_mb}");
        }
    }

    #[test]
    fn without_a_group_nothing_is_blamed_on_a_kernel_that_did_not_run_out_of_memory() {
        for status in [RunStatus::Memory, RunStatus::Killed] {
            let fitness = Fitness::new(true, Evidence::OfTheContainer);
            assert_eq!(fitness.judge(report(status), 1_024, u64::MAX, &channel().0).status, status);
        }
    }

    #[test]
    fn the_counter_is_read() {
        assert_eq!(read_counter("oom_kill_x 1\noom_kill 3\npgfault 1\n"), Some(3));
        assert_eq!(read_counter("low 0\noom 4\noom_kill 2\noom_group_kill 0\n"), Some(2));
        assert_eq!(read_counter("pgfault 1\n"), None);
    }
}
