//! Whether this runner may be trusted with another run.
//!
//! A run that ends with `system` met a failure of the sandbox itself: a jail that could not be made or emptied, a kernel
//! without memory. What the next run would meet there is unknown, so a runner that somebody replaces takes none. A
//! runner on a machine of its own goes on, because nobody would start another one.

use docle_protocol::{RunReport, RunStatus};
use std::fs;
use tokio_util::sync::CancellationToken;

/// Where the kernel counts processes that it ended because memory ran out: on this machine, which in production is the
/// container's own. The counters of control groups differ in what they count between versions.
const COUNTER: &str = "/proc/vmstat";
/// A run that reached this share of its limit is said to have reached it.
const REACHED: f64 = 0.9;

/// See the module.
#[derive(Debug)]
pub struct Fitness {
    lost: Option<CancellationToken>,
}

impl Fitness {
    /// That of a runner which just started; it can be lost only where somebody starts another one.
    pub fn new(replaceable: bool) -> Self {
        Self { lost: replaceable.then(CancellationToken::new) }
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

    /// How often the kernel ran out of memory so far; 0 where it is not counted, or does not matter.
    pub fn memory_failures(&self) -> u64 {
        if self.lost.is_none() {
            return 0;
        }
        fs::read_to_string(COUNTER).ok().and_then(|text| read_counter(&text)).unwrap_or(0)
    }

    /// Judges a run of at most `memory_mb` MiB that found `memory_failures_before` at its start.
    ///
    /// A program that was ended although it was below its limit, while the kernel ran out of memory, is not to blame: the
    /// container gave it less than it was promised.
    pub fn judge(&self, mut report: RunReport, memory_mb: u32, memory_failures_before: u64) -> RunReport {
        if is_unexplained(&report, memory_mb) && self.memory_failures() > memory_failures_before {
            report.status = RunStatus::System;
            report
                .stderr
                .push_str("The sandbox ran out of memory; the program is not to blame. The run may be repeated.\n");
        }
        if let (RunStatus::System, Some(lost)) = (report.status, &self.lost) {
            eprintln!("runner.unfit: a run met a failure of the sandbox; no more runs are taken");
            lost.cancel();
        }
        report
    }
}

/// Whether nothing that the run did or was limited to explains its end.
fn is_unexplained(report: &RunReport, memory_mb: u32) -> bool {
    match report.status {
        RunStatus::Killed => report.signal.as_deref() == Some("SIGKILL"),
        RunStatus::Memory => report.usage.mem_mb < f64::from(memory_mb) * REACHED,
        _ => false,
    }
}

fn read_counter(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use docle_protocol::{Truncated, Usage};

    fn report(status: RunStatus) -> RunReport {
        let (signal, stdout, stderr) = (Some("SIGKILL".into()), String::new(), String::new());
        let (truncated, usage) = (Truncated::default(), Usage::default());
        RunReport { status, exit_code: 137, signal, stdout, stderr, truncated, usage }
    }

    #[test]
    fn only_a_failure_of_the_sandbox_loses_fitness_and_only_where_somebody_replaces_the_runner() {
        for (replaceable, status, lost) in [
            (true, RunStatus::System, true),
            (false, RunStatus::System, false),
            (true, RunStatus::Killed, false),
            (true, RunStatus::Memory, false),
        ] {
            let fitness = Fitness::new(replaceable);
            let judged = fitness.judge(report(status), 256, u64::MAX);
            assert_eq!((judged.status, fitness.is_lost()), (status, lost), "{replaceable} {status:?}");
        }
    }

    #[test]
    fn a_limit_that_was_reached_explains_an_end() {
        for (status, memory_mb, unexplained) in [
            (RunStatus::Killed, 1_024, true),
            (RunStatus::Memory, 1_024, true),
            (RunStatus::Memory, 200, false),
            (RunStatus::Timeout, 1_024, false),
        ] {
            let mut ended = report(status);
            ended.usage.mem_mb = 199.5;
            assert_eq!(is_unexplained(&ended, memory_mb), unexplained, "{status:?} {memory_mb}");
        }
    }

    #[test]
    fn the_counter_is_read() {
        assert_eq!(read_counter("oom_kill_x 1\noom_kill 3\npgfault 1\n"), Some(3));
        assert_eq!(read_counter("pgfault 1\n"), None);
    }
}
