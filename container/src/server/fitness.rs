//! Whether this runner may be trusted with another run.
//!
//! A run that ends with `system` met a failure of the sandbox itself: a jail that could not be made or emptied, a kernel
//! without memory. What the next run would meet there is unknown, so a runner that somebody replaces takes none. A
//! runner on a machine of its own goes on, because nobody would start another one.

use docle_protocol::{RunReport, RunStatus};
use std::fs;
use tokio_util::sync::CancellationToken;

/// Where the kernel counts processes that it ended because memory ran out: for this container, or for the machine.
const COUNTERS: [&str; 3] =
    ["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control", "/proc/vmstat"];

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
        COUNTERS.iter().find_map(|path| read_counter(&fs::read_to_string(path).ok()?)).unwrap_or(0)
    }

    /// Judges a run that found `memory_failures_before` at its start.
    ///
    /// A SIGKILL that no limit of the run explains, while the kernel ran out of memory, was not the program's own doing:
    /// the container gave it less than it was promised.
    pub fn judge(&self, mut report: RunReport, memory_failures_before: u64) -> RunReport {
        let killed = report.status == RunStatus::Killed && report.signal.as_deref() == Some("SIGKILL");
        if killed && self.memory_failures() > memory_failures_before {
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
            let judged = fitness.judge(report(status), u64::MAX);
            assert_eq!((judged.status, fitness.is_lost()), (status, lost), "{replaceable} {status:?}");
        }
    }

    #[test]
    fn counters_are_read_in_every_form() {
        assert_eq!(read_counter("oom 1\noom_kill 3\noom_group_kill 0\n"), Some(3));
        assert_eq!(read_counter("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"), Some(2));
        assert_eq!(read_counter("pgfault 1\n"), None);
    }
}
