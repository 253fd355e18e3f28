//! The report of a program that has run: its status, and what belongs to it.

use crate::execution::{Outcome, Stop};
use crate::hint::HintSource;
use crate::jail::launch::Exit;
pub use crate::units::{hundredths, mebibytes, milliseconds, signal_name};
use docle_protocol::report::{NetworkReport, PolicyLimit};
use docle_protocol::{RunDetails, RunReport, RunStatus, RunUsage, Truncated};

/// Exit code of a program whose time was up, as timeout(1) has it.
const TIMED_OUT: i32 = 124;

/// What the report needs of the job.
pub struct Asked {
    pub hint: HintSource,
    pub artifacts: bool,
    pub limits_files: bool,
}

/// The report of a program that has run.
pub fn report(outcome: Outcome, asked: Asked) -> RunReport {
    let signal = match outcome.exit {
        Exit::Signal(number) => Some(number),
        Exit::Code(_) => None,
    };
    let own_code = match outcome.exit {
        Exit::Code(code) => code,
        Exit::Signal(number) => 128 + number,
    };
    let killed = 128 + libc::SIGKILL;
    let (status, exit_code, signal) = match (outcome.stop, outcome.exit) {
        (Some(Stop::Timeout | Stop::Cpu), _) => (RunStatus::Timeout, TIMED_OUT, signal),
        // The program may have ended before its last words were read; the result must not depend on that race.
        (Some(Stop::Output), _) => (RunStatus::Output, killed, Some(libc::SIGKILL)),
        (Some(Stop::Memory), _) => (RunStatus::Memory, own_code, signal),
        (Some(Stop::Cancelled), _) => (RunStatus::Cancelled, killed, Some(libc::SIGKILL)),
        (None, Exit::Code(0)) => (RunStatus::Success, 0, None),
        (None, Exit::Code(code)) => (RunStatus::Error, code, None),
        (None, Exit::Signal(_)) => (RunStatus::Killed, own_code, signal),
    };
    let has_failed = matches!(status, RunStatus::Error | RunStatus::Killed);
    let artifacts: Vec<_> = outcome.artifacts.into_iter().map(|file| file.artifact).collect();
    let limit = match outcome.stop {
        Some(Stop::Timeout) => Some(PolicyLimit::TimeoutMs),
        Some(Stop::Cpu) => Some(PolicyLimit::CpuMs),
        Some(Stop::Memory) => Some(PolicyLimit::MemoryMb),
        Some(Stop::Output) => Some(PolicyLimit::MaxOutputBytes),
        None if asked.limits_files && outcome.exit == Exit::Signal(libc::SIGXFSZ) => Some(PolicyLimit::MaxFileMb),
        None | Some(Stop::Cancelled) => None,
    };
    let details = RunDetails {
        limit,
        repo: None,
        compile: None,
        network: (!outcome.refused.is_empty()).then(|| Box::new(NetworkReport { refused: outcome.refused })),
        hint: if has_failed { asked.hint.hint(&outcome.stderr.last_words()) } else { None },
        artifacts: asked.artifacts.then_some(artifacts),
        artifacts_omitted: Some(outcome.artifacts_omitted).filter(|omitted| *omitted > 0),
    };
    RunReport {
        details,
        status,
        exit_code,
        signal: signal.map(signal_name),
        truncated: Truncated { stdout: outcome.stdout.is_truncated(), stderr: outcome.stderr.is_truncated() },
        usage: RunUsage {
            cpu_ms: milliseconds(outcome.cpu),
            mem_mb: mebibytes(outcome.peak_bytes),
            duration_ms: milliseconds(outcome.duration),
            queue_ms: 0.0,
            install_ms: 0.0,
            blocked_connections: outcome.blocked_connections,
            egress_bytes: outcome.egress_bytes,
        },
    }
}
