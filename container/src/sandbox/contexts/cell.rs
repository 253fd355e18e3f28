//! One cell in a kernel, from its start to its report.

use super::context::Cell;
use super::kernel::{Ending, Kernel};
use super::output::Output;
use crate::jail::launch::Exit;
use crate::kernel::channel::{Event, shorten};
use crate::kernel::message::{Message, Order};
use crate::report::{milliseconds, signal_name};
use crate::sandbox::living::Sandbox;
use docle_protocol::Stream;
use docle_protocol::context::{CellError, CellEvent, CellJob, CellReport};
use docle_protocol::sandbox::{ExecEnd, ExecReport};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, interval, sleep_until};
use tokio_util::sync::CancellationToken;

/// How long a cell that is interrupted may take to end, before its context is ended.
const GRACE: Duration = Duration::from_secs(1);
/// Between two interrupts of a cell that is to end.
const AGAIN: Duration = Duration::from_millis(200);
/// Of timeout(1), and of a shell for SIGKILL.
const TIMED_OUT: i32 = 124;
const KILLED: i32 = 128 + libc::SIGKILL;

/// What may end a cell early.
pub struct Ends<'a> {
    /// A caller wants it to be interrupted.
    pub interrupt: &'a Notify,
    /// Its context is restarted or deleted.
    pub end: &'a CancellationToken,
}

/// How the run of a cell has ended.
#[derive(Debug)]
enum Outcome {
    /// The kernel is ready for the next one.
    Done { cpu_ms: f64, mem_mb: f64 },
    /// The kernel has ended by itself.
    Ended,
    /// The kernel has to be ended.
    Stuck,
}

/// Why a cell was interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Timeout,
    /// Its caller has gone.
    Left,
    /// Its context is restarted or deleted.
    Replaced,
    /// A caller has interrupted it, and the cell may take its time.
    Asked,
}

/// Runs a cell. Gives back the kernel unless it has ended, and the report, which is still to be sent.
pub async fn run(
    sandbox: &Sandbox,
    mut kernel: Kernel,
    cell: &Cell,
    late: [Vec<u8>; 2],
    ends: Ends<'_>,
) -> (Option<Kernel>, CellReport) {
    let Cell { job, lines, cancel, is_typescript, .. } = cell;
    let began = Instant::now();
    let limit = began + Duration::from_millis(job.timeout_ms.into());
    let mut output = Output::new(lines.clone(), cancel.clone(), limit + GRACE, job.max_output_bytes);
    let start_ms = (kernel.cells == 0).then_some(kernel.start_ms);
    output.send(&CellEvent::Start { start_ms }).await;
    let [out, err] = late;
    output.write(Stream::Stdout, &out).await;
    output.write(Stream::Stderr, &err).await;
    let cpu_before = kernel.cpu_ms();
    kernel.memory_failures = sandbox.memory_failures();
    kernel.cells += 1;
    kernel.say(&Order::Run { code: &job.code, env: &job.env, is_typescript: *is_typescript });
    let mut run = Run { sandbox, kernel, output, cancel, ends, limit, stop: None, has_failed: false };
    let outcome = run.attend().await;
    let Run { kernel, mut output, stop, has_failed, .. } = run;
    let [out, err] = kernel.written();
    output.write(Stream::Stdout, &out).await;
    output.write(Stream::Stderr, &err).await;
    if stop.is_some() {
        kernel.settle(sandbox).await;
    }
    let count = kernel.cells;
    let cpu = cpu_before.and_then(|before| Some(kernel.cpu_ms()? - before));
    let (kernel, mut exec, mem_mb) = match outcome {
        Outcome::Done { cpu_ms, mem_mb } => {
            let (end, exit_code) = match stop {
                Some(Stop::Timeout) => (ExecEnd::Timeout, TIMED_OUT),
                Some(Stop::Left | Stop::Replaced) => (ExecEnd::Killed, KILLED),
                Some(Stop::Asked) | None => (ExecEnd::Exited, i32::from(has_failed)),
            };
            (Some(kernel), exec_report(end, exit_code, cpu.unwrap_or(cpu_ms)), mem_mb)
        }
        Outcome::Ended => {
            let ending = kernel.end(sandbox).await;
            let (exec, error) = ended(sandbox, &ending, stop, cpu.unwrap_or(0.0));
            output.send(&CellEvent::Error { error }).await;
            (None, exec, 0.0)
        }
        Outcome::Stuck => {
            kernel.kill(sandbox).await;
            let (end, exit_code, error) = match stop {
                Some(Stop::Timeout) => (ExecEnd::Timeout, TIMED_OUT, timed_out(job, true)),
                _ => (ExecEnd::Killed, KILLED, replaced()),
            };
            output.send(&CellEvent::Error { error }).await;
            (None, exec_report(end, exit_code, cpu.unwrap_or(0.0)), 0.0)
        }
    };
    if kernel.is_some() && stop == Some(Stop::Timeout) && !has_failed {
        // It has ended by itself in the last moment, or made nothing of its interruption.
        output.send(&CellEvent::Error { error: timed_out(job, false) }).await;
    }
    exec.duration_ms = milliseconds(began.elapsed());
    exec.mem_mb = mem_mb;
    [exec.stdout_truncated, exec.stderr_truncated] = output.truncated;
    let report =
        CellReport { exec, count, context_lost: kernel.is_none(), results_truncated: output.results.is_truncated };
    (kernel, report)
}

/// A cell while it runs.
struct Run<'a> {
    sandbox: &'a Sandbox,
    kernel: Kernel,
    output: Output,
    cancel: &'a CancellationToken,
    ends: Ends<'a>,
    limit: Instant,
    stop: Option<Stop>,
    has_failed: bool,
}

impl Run<'_> {
    async fn attend(&mut self) -> Outcome {
        let mut last = None;
        let mut again = interval(AGAIN);
        loop {
            let deadline = last.unwrap_or(self.limit);
            tokio::select! {
                biased;
                () = self.ends.end.cancelled() => {
                    self.stop = Some(Stop::Replaced);
                    return Outcome::Stuck;
                }
                () = self.cancel.cancelled(), if last.is_none() => {
                    last = Some(self.interrupt(Stop::Left).await);
                    again.reset();
                },
                () = self.ends.interrupt.notified(), if last.is_none() => drop(self.interrupt(Stop::Asked).await),
                () = sleep_until(deadline) => match last {
                    None => {
                        last = Some(self.interrupt(Stop::Timeout).await);
                        again.reset();
                    }
                    Some(_) => return Outcome::Stuck,
                },
                // What a cell waits for may be one command after the other.
                _ = again.tick(), if last.is_some() => self.kernel.interrupt(self.sandbox).await,
                event = self.kernel.next() => if let Some(outcome) = self.take(event).await {
                    return outcome;
                },
            }
        }
    }

    /// Interrupts the cell. It may go on until the time that is given back.
    async fn interrupt(&mut self, why: Stop) -> Instant {
        self.stop = Some(why);
        self.kernel.interrupt(self.sandbox).await;
        Instant::now() + GRACE
    }

    async fn take(&mut self, event: Event) -> Option<Outcome> {
        match event {
            Event::Stdout(bytes) => self.output.write(Stream::Stdout, &bytes).await,
            Event::Stderr(bytes) => self.output.write(Stream::Stderr, &bytes).await,
            Event::Ended => return Some(Outcome::Ended),
            Event::Message(Message::Ready) => {}
            Event::Message(Message::Sync { number }) => {
                self.pass_output().await;
                return self.acknowledge(number);
            }
            Event::Message(Message::Result { number, data, main }) => {
                self.pass_output().await;
                self.output.result(data, main).await;
                return self.acknowledge(number);
            }
            Event::Message(Message::Error { number, mut error }) => {
                self.pass_output().await;
                // A cell fails once. What else its process says of itself is not passed on.
                if std::mem::replace(&mut self.has_failed, true) {
                    return self.acknowledge(number);
                }
                shorten(&mut error);
                let seconds = "The cell has taken longer than timeoutMs allows.";
                match self.stop {
                    Some(Stop::Timeout) => (error.name, error.message) = (CellError::TIMEOUT.into(), seconds.into()),
                    Some(Stop::Asked) if is_interrupt(&error.name) => error.name = CellError::INTERRUPTED.into(),
                    _ => {}
                }
                self.output.send(&CellEvent::Error { error }).await;
                return self.acknowledge(number);
            }
            Event::Message(Message::Done { cpu_ms, mem_mb }) => return Some(Outcome::Done { cpu_ms, mem_mb }),
        }
        None
    }

    async fn pass_output(&mut self) {
        let [out, err] = self.kernel.written();
        self.output.write(Stream::Stdout, &out).await;
        self.output.write(Stream::Stderr, &err).await;
    }

    fn acknowledge(&mut self, number: u64) -> Option<Outcome> {
        // One that asks without reading the answers is none of ours.
        if self.kernel.say(&Order::Ack { number }) { None } else { Some(Outcome::Stuck) }
    }
}

fn is_interrupt(name: &str) -> bool {
    matches!(name, "KeyboardInterrupt" | CellError::INTERRUPTED | CellError::EXIT_CODE)
}

fn exec_report(end: ExecEnd, exit_code: i32, cpu_ms: f64) -> ExecReport {
    ExecReport {
        end,
        exit_code,
        signal: None,
        duration_ms: 0.0,
        cpu_ms,
        mem_mb: 0.0,
        stdout_truncated: false,
        stderr_truncated: false,
        session: None,
    }
}

/// The report of a cell whose kernel has ended.
fn ended(sandbox: &Sandbox, ending: &Ending, stop: Option<Stop>, cpu_ms: f64) -> (ExecReport, CellError) {
    let exit = ending.exited.map(|exited| exited.exit);
    let (exit_code, signal) = match exit {
        Some(Exit::Code(code)) => (code, None),
        Some(Exit::Signal(number)) => (128 + number, Some(signal_name(number))),
        None => (KILLED, None),
    };
    let is_killed = exit_code == KILLED;
    let (end, name, message) = if ending.is_memory && is_killed {
        let message = format!(
            "The sandbox has no memory left: all its programs together may take {} MiB (memoryMB). What the context held is lost.",
            sandbox.spec.memory_mb
        );
        (ExecEnd::Memory, CellError::MEMORY, message)
    } else if sandbox.end.is_cancelled() {
        (ExecEnd::System, CellError::EXITED, "The sandbox has ended.".into())
    } else {
        let how = signal.as_ref().map_or(format!("with exit code {exit_code}"), |name| format!("by {name}"));
        let message = format!("The interpreter has ended {how}. What the context held is lost.");
        let end = if stop == Some(Stop::Timeout) { ExecEnd::Timeout } else { ExecEnd::Exited };
        (end, CellError::EXITED, message)
    };
    // One that ends in the middle of a cell has not done what it was to do, whatever it says.
    let exit_code = if exit_code == 0 { 1 } else { exit_code };
    let report = ExecReport { signal, ..exec_report(end, exit_code, cpu_ms) };
    (report, CellError { name: name.into(), message, traceback: Vec::new() })
}

fn timed_out(job: &CellJob, is_lost: bool) -> CellError {
    let lost =
        if is_lost { " It did not end when it was interrupted, so that what the context held is lost." } else { "" };
    let message = format!("The cell has taken longer than timeoutMs allows ({} ms).{lost}", job.timeout_ms);
    CellError { name: CellError::TIMEOUT.into(), message, traceback: Vec::new() }
}

fn replaced() -> CellError {
    let message =
        "The cell was ended with its context, which was restarted or deleted, or whose caller has gone.".into();
    CellError { name: CellError::INTERRUPTED.into(), message, traceback: Vec::new() }
}
