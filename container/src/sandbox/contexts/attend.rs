//! The task of a context: runs its cells one after the other, and starts an interpreter where there is none.

use super::cell::{self, Ends};
use super::context::{Cell, Context, NotReady, Work};
use super::kernel::Kernel;
use crate::events::line;
use crate::kernel::channel::Event;
use crate::kernel::message::{Message, Order};
use crate::sandbox::living::Sandbox;
use docle_protocol::context::{CellError, CellEvent, CellReport};
use docle_protocol::sandbox::{ExecEnd, ExecReport};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

/// Bytes of each stream that are kept of what is written between two cells.
const LATE_BYTES: usize = 65_536;

/// The kernel of a context, and what belongs to it.
struct Living {
    kernel: Kernel,
    end: CancellationToken,
    /// What was written since the last cell.
    late: [Vec<u8>; 2],
}

/// Attends to a context until it ends.
pub async fn attend(sandbox: Arc<Sandbox>, context: Arc<Context>, mut work: Receiver<Work>) {
    let mut living = None;
    loop {
        let next = tokio::select! {
            biased;
            () = context.end.cancelled() => break,
            next = work.recv() => next,
            () = idle(&sandbox, &mut living) => continue,
        };
        match next {
            Some(Work::Run(cell)) => living = run(&sandbox, &context, living.take(), cell).await,
            Some(Work::Start { after, started }) => {
                living = current(&sandbox, living.take()).await;
                let is_there = living.is_some() && context.kernels.load(Ordering::Relaxed) > after;
                let result = if is_there { Ok(()) } else { start(&sandbox, &context, &mut living).await };
                // The caller may have gone.
                let _ = started.send(result);
            }
            None => break,
        }
    }
    // Nothing comes any more: the context is in no list. Where the sandbox ends, the events of what waits end with it.
    work.close();
    while let Ok(next) = work.try_recv() {
        if let Work::Run(cell) = next
            && !sandbox.end.is_cancelled()
        {
            refuse(cell, deleted()).await;
        }
    }
    if let Some(Living { kernel, .. }) = living {
        kernel.kill(&sandbox).await;
    }
    context.ended.cancel();
}

/// Reads what is written between cells, and returns when the kernel has ended.
async fn idle(sandbox: &Sandbox, living: &mut Option<Living>) {
    let Some(Living { kernel, end, late }) = living else { return std::future::pending().await };
    loop {
        let event = tokio::select! {
            event = kernel.next() => event,
            () = end.cancelled() => break,
        };
        match event {
            Event::Stdout(bytes) => keep(&mut late[0], &bytes),
            Event::Stderr(bytes) => keep(&mut late[1], &bytes),
            // A thread that shows something after its cell: nobody is there to see it.
            Event::Message(
                Message::Sync { number } | Message::Result { number, .. } | Message::Error { number, .. },
            ) => {
                if !kernel.say(&Order::Ack { number }) {
                    break;
                }
            }
            Event::Message(_) => {}
            Event::Ended => break,
        }
    }
    if let Some(Living { kernel, .. }) = living.take() {
        kernel.kill(sandbox).await;
    }
}

fn keep(late: &mut Vec<u8>, bytes: &[u8]) {
    late.extend_from_slice(&bytes[..bytes.len().min(LATE_BYTES - late.len())]);
}

/// The kernel, unless it is to end.
async fn current(sandbox: &Sandbox, living: Option<Living>) -> Option<Living> {
    let living = living?;
    if !living.end.is_cancelled() {
        return Some(living);
    }
    living.kernel.kill(sandbox).await;
    None
}

async fn start(sandbox: &Sandbox, context: &Context, living: &mut Option<Living>) -> Result<(), NotReady> {
    let end = context.new_kernel_end();
    let kernel = Kernel::start(sandbox, &context.spec).await?;
    context.started(kernel.start_ms);
    *living = Some(Living { kernel, end, late: Default::default() });
    Ok(())
}

/// Runs a cell, in a new kernel where there is none.
async fn run(sandbox: &Sandbox, context: &Context, living: Option<Living>, cell: Cell) -> Option<Living> {
    let mut living = current(sandbox, living).await;
    if cell.cancel.is_cancelled() {
        return living;
    }
    if living.is_none()
        && let Err(error) = start(sandbox, context, &mut living).await
    {
        fail(cell, &error).await;
        return None;
    }
    let Living { kernel, end, late } = living?;
    context.is_running.store(true, Ordering::Relaxed);
    sandbox.changed();
    let ends = Ends { interrupt: &context.interrupt, end: &end };
    let (kernel, report) = cell::run(sandbox, kernel, &cell, late, ends).await;
    sandbox.changed();
    context.cells.store(report.count, Ordering::Relaxed);
    context.is_running.store(false, Ordering::Relaxed);
    finish(cell, report);
    kernel.map(|kernel| Living { kernel, end, late: Default::default() })
}

/// A cell whose interpreter does not start.
async fn fail(cell: Cell, error: &NotReady) {
    // What its interpreter wrote is for the caller, and for no log.
    eprintln!("context.not_started directory={}", matches!(error, NotReady::Directory(_)));
    let message = match error {
        NotReady::Directory(errno) => {
            format!(
                "The working directory of the context cannot be entered: {}.",
                std::io::Error::from_raw_os_error(*errno)
            )
        }
        _ => "The interpreter of the context does not start. The sandbox may have no memory left.".to_owned(),
    };
    refuse(cell, CellError { name: CellError::EXITED.into(), message, traceback: Vec::new() }).await;
}

/// What a cell is told whose context ends before its turn.
fn deleted() -> CellError {
    let message = "The context was deleted while the cell waited for its turn. The cell has not run.".into();
    CellError { name: CellError::DELETED.into(), message, traceback: Vec::new() }
}

/// Ends a cell that does not run.
async fn refuse(cell: Cell, error: CellError) {
    let _ = cell.lines.send(line(&CellEvent::Start { start_ms: None })).await;
    let _ = cell.lines.send(line(&CellEvent::Error { error })).await;
    let exec = ExecReport {
        end: ExecEnd::System,
        exit_code: 1,
        signal: None,
        duration_ms: 0.0,
        cpu_ms: 0.0,
        mem_mb: 0.0,
        stdout_truncated: false,
        stderr_truncated: false,
        session: None,
    };
    finish(cell, CellReport { exec, count: 0, context_lost: true, results_truncated: false });
}

/// Sends the report. A reader that takes nothing must not hold up the next cell.
fn finish(cell: Cell, report: CellReport) {
    let Cell { lines, id_taken, .. } = cell;
    // Before the report, so that its reader may use the id again.
    drop(id_taken);
    let line = line(&CellEvent::Complete { report });
    tokio::spawn(async move {
        let _ = lines.send(line).await;
    });
}
