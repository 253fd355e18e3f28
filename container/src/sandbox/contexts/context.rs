//! What a caller knows as a context: an id, what it is like, and a queue of cells. It outlives the interpreter, which is started
//! anew for the next cell when it has ended.

use axum::body::Bytes;
use docle_protocol::context::{CellJob, ContextSpec, ContextState};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

/// Cells that wait in one context.
const WAITING: usize = 16;

/// A cell that is to be run.
pub struct Cell {
    pub job: CellJob,
    pub lines: Sender<Bytes>,
    /// Cancelled when its caller has gone.
    pub cancel: CancellationToken,
    pub is_typescript: bool,
    /// Its id is taken while this lives.
    pub id_taken: Box<dyn Send + Sync>,
}

/// Why an interpreter does not run.
#[derive(Debug)]
pub enum NotReady {
    /// The working directory cannot be entered, for this error number of the kernel.
    Directory(i32),
    Failed(io::Error),
}

/// What the task of a context is to do, one after the other.
pub enum Work {
    Run(Cell),
    /// Starts a kernel, unless one was started after this one.
    Start {
        after: u64,
        started: oneshot::Sender<Result<(), NotReady>>,
    },
}

/// See the module.
#[derive(Debug)]
pub struct Context {
    pub id: String,
    pub spec: ContextSpec,
    work: Sender<Work>,
    pub interrupt: Notify,
    /// Cancelled to end the kernel that there is.
    kernel_end: Mutex<CancellationToken>,
    /// Cancelled to end the context.
    pub end: CancellationToken,
    /// Cancelled when nothing of it is left.
    pub ended: CancellationToken,
    /// Counts the kernels.
    pub kernels: AtomicU64,
    pub is_running: AtomicBool,
    pub cells: AtomicU32,
    start_ms: Mutex<f64>,
}

/// Too many cells wait.
#[derive(Debug)]
pub struct Full;

impl Context {
    /// One without a kernel, and the work that is to be done for it.
    pub fn new(id: String, spec: ContextSpec, end: CancellationToken) -> (Self, Receiver<Work>) {
        let (work, receiver) = channel(WAITING);
        let context = Self {
            id,
            spec,
            work,
            interrupt: Notify::new(),
            kernel_end: Mutex::new(end.child_token()),
            end,
            ended: CancellationToken::new(),
            kernels: AtomicU64::new(0),
            is_running: AtomicBool::new(false),
            cells: AtomicU32::new(0),
            start_ms: Mutex::new(0.0),
        };
        (context, receiver)
    }

    /// What it is like now.
    pub fn state(&self) -> ContextState {
        ContextState {
            id: self.id.clone(),
            language: self.spec.language,
            cwd: if self.spec.cwd.is_empty() { "/workspace".into() } else { self.spec.cwd.clone() },
            is_running: self.is_running.load(Ordering::Relaxed),
            cells: self.cells.load(Ordering::Relaxed),
            start_ms: *lock(&self.start_ms),
        }
    }

    /// Lets a cell wait for its turn.
    pub fn run(&self, cell: Cell) -> Result<(), Full> {
        self.work.try_send(Work::Run(cell)).map_err(|_| Full)
    }

    /// Starts the interpreter, in place of the one that there is with `anew`.
    pub async fn start(&self, anew: bool) -> Result<(), NotReady> {
        let after = if anew { self.kernels.load(Ordering::Relaxed) } else { 0 };
        if anew {
            lock(&self.kernel_end).cancel();
        }
        let (started, answer) = oneshot::channel();
        let gone = || NotReady::Failed(io::ErrorKind::ConnectionReset.into());
        self.work.send(Work::Start { after, started }).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Interrupts the cell that runs, if one does.
    pub fn interrupt(&self) {
        if self.is_running.load(Ordering::Relaxed) {
            self.interrupt.notify_waiters();
        }
    }

    /// A kernel was started, which took so long.
    pub fn started(&self, start_ms: f64) {
        self.kernels.fetch_add(1, Ordering::Relaxed);
        self.cells.store(0, Ordering::Relaxed);
        *lock(&self.start_ms) = start_ms;
    }

    /// What ends the kernel that is started next.
    pub fn new_kernel_end(&self) -> CancellationToken {
        let token = self.end.child_token();
        *lock(&self.kernel_end) = token.clone();
        token
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
