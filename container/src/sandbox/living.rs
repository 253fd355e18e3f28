//! One sandbox from the server's side: what it is asked, and what it answers.

use super::contexts::context::Context;
use super::exited::Exited;
use super::groups::Programs;
use super::output::discard;
use super::port_limits::Ports;
use super::processes::Processes;
use super::session::Sessions;
use super::terminals::Terminals;
use super::worker::Worker;
use crate::jail::cgroup::Group;
use crate::jail::handle::{Jail, Jailer};
use crate::jail::launch::Notice;
use crate::jail::sandbox::{Reply, Request};
use docle_protocol::sandbox::{SandboxSpec, SandboxState};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::unix::pipe;
use tokio::sync::{RwLock, Semaphore, oneshot};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Init answers in less than a millisecond. It may have to wait for a processor.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two tries to say something to an init that has much to read.
const FULL: Duration = Duration::from_millis(5);
/// How often it is looked whether a group can be removed.
const REMOVAL: Duration = Duration::from_millis(5);
/// Removing takes as long as the kernel needs for what the sandbox held. After this it is said that it takes long.
const REMOVALS: u32 = 6_000;
/// Streams that are read for processes in the background.
const MAX_LEFT_STREAMS: usize = 128;
/// KiB of the commands of all sessions that run or wait, with their standard input.
const MAX_WAITING_KIB: usize = 64 << 10;

/// What init is still to say about a command.
#[derive(Debug)]
pub struct Awaited {
    pub spawned: oneshot::Receiver<u32>,
    pub exited: oneshot::Receiver<Exited>,
}

#[derive(Debug, Default)]
struct Waiting {
    spawned: HashMap<u64, oneshot::Sender<u32>>,
    exited: HashMap<u64, oneshot::Sender<Exited>>,
    /// Answers come in the order of their questions.
    answers: VecDeque<oneshot::Sender<Reply>>,
}

/// A sandbox that lives.
#[derive(Debug)]
pub struct Sandbox {
    pub spec: SandboxSpec,
    /// The variables of its commands, which may have changed since it was made.
    env: Mutex<BTreeMap<String, String>>,
    /// Whom the streams of commands belong to; `None` where only one user is to be had.
    pub uid: Option<u32>,
    /// `PATH` of its commands.
    pub path: String,
    control: OwnedFd,
    group: Mutex<Option<Group>>,
    /// What holds the processes of each command; without it, a monitor inside does.
    pub programs: Option<Programs>,
    waiting: Mutex<Waiting>,
    commands: AtomicU64,
    /// The commands that run, by the caller's id.
    pub execs: Mutex<HashMap<String, CancellationToken>>,
    /// Processes in the background, those that have ended included.
    pub processes: Arc<Processes>,
    /// Interpreters that keep their state, the oldest first.
    pub contexts: Mutex<Vec<Arc<Context>>>,
    pub sessions: Sessions,
    /// Shells that people sit at.
    pub terminals: Terminals,
    /// Connections to what listens in it.
    pub ports: Ports,
    /// Places for streams that commands have left to processes in the background.
    left_streams: Arc<Semaphore>,
    /// KiB for commands that wait for their session.
    pub waiting_commands: Arc<Semaphore>,
    revision: AtomicU64,
    pub workers: Mutex<Vec<Worker>>,
    /// Held alone while all files are read or replaced, and shared by what changes something.
    pub archive: Arc<RwLock<()>>,
    /// Times that everything was ended for want of memory, where no control group counts that.
    over_memory: AtomicU64,
    /// Whether it has ended by itself.
    lost: AtomicBool,
    /// Cancelled to end it.
    pub end: CancellationToken,
    /// Cancelled when nothing of it is left.
    pub ended: CancellationToken,
}

impl Sandbox {
    /// A sandbox whose init is behind `control`.
    pub fn new(
        spec: SandboxSpec,
        (uid, path): (Option<u32>, String),
        control: OwnedFd,
        group: Group,
        programs: Option<Programs>,
    ) -> Self {
        Self {
            env: Mutex::new(spec.env.clone()),
            spec,
            uid,
            path,
            control,
            group: Mutex::new(Some(group)),
            programs,
            waiting: Mutex::default(),
            commands: AtomicU64::new(1),
            execs: Mutex::default(),
            processes: Arc::default(),
            contexts: Mutex::default(),
            sessions: Sessions::default(),
            terminals: Terminals::default(),
            ports: Ports::default(),
            left_streams: Arc::new(Semaphore::new(MAX_LEFT_STREAMS)),
            waiting_commands: Arc::new(Semaphore::new(MAX_WAITING_KIB)),
            revision: AtomicU64::new(1),
            workers: Mutex::default(),
            archive: Arc::default(),
            over_memory: AtomicU64::new(0),
            lost: AtomicBool::new(false),
            end: CancellationToken::new(),
            ended: CancellationToken::new(),
        }
    }

    /// The variables of a command that starts now.
    pub fn env(&self) -> BTreeMap<String, String> {
        self.env.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces them for commands that start from now on.
    pub fn set_env(&self, env: BTreeMap<String, String>) {
        *self.env.lock().unwrap_or_else(PoisonError::into_inner) = env;
    }

    /// Reads and drops what processes in the background still write to a stream, so that writing neither stops nor ends them. Of very
    /// many such streams the later ones are closed: each is a descriptor of the runner.
    pub fn discard_rest(&self, mut rest: pipe::Receiver) {
        let Ok(place) = Arc::clone(&self.left_streams).try_acquire_owned() else { return };
        let ended = self.end.clone();
        tokio::spawn(async move {
            let _place = place;
            tokio::select! {
                () = discard(&mut rest) => {}
                () = ended.cancelled() => {}
            }
        });
    }

    /// Something has changed, or may have.
    pub fn changed(&self) {
        self.revision.fetch_add(1, Ordering::Relaxed);
    }

    /// Asks init for something.
    pub async fn ask(&self, request: Request, descriptors: &[&OwnedFd]) -> io::Result<()> {
        let asked = async {
            loop {
                match request.send(self.control.as_raw_fd(), descriptors) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(FULL).await,
                    result => return result,
                }
            }
        };
        timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Asks init for something that it answers.
    pub async fn question(&self, request: Request) -> io::Result<Reply> {
        let (sender, receiver) = oneshot::channel();
        self.waiting().answers.push_back(sender);
        self.ask(request, &[]).await?;
        let answer = timeout(PATIENCE, receiver).await.map_err(|_| io::ErrorKind::TimedOut)?;
        answer.map_err(|_| io::ErrorKind::ConnectionReset.into())
    }

    /// A number for the next command, and what init will say about it.
    pub fn expect_command(&self) -> (u64, Awaited) {
        let number = self.commands.fetch_add(1, Ordering::Relaxed);
        let ((spawned_sender, spawned), (exited_sender, exited)) = (oneshot::channel(), oneshot::channel());
        let mut waiting = self.waiting();
        waiting.spawned.insert(number, spawned_sender);
        waiting.exited.insert(number, exited_sender);
        (number, Awaited { spawned, exited })
    }

    /// Nothing more is said about a command.
    pub fn forget_command(&self, number: u64) {
        let mut waiting = self.waiting();
        waiting.spawned.remove(&number);
        waiting.exited.remove(&number);
    }

    /// How often it ran out of memory.
    pub fn memory_failures(&self) -> u64 {
        let counted = self.lock_group().as_ref().map_or(0, Group::memory_failures);
        counted + self.over_memory.load(Ordering::Relaxed)
    }

    /// Whether it has ended although nobody wanted it to.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// What it is like now.
    pub async fn state(&self) -> io::Result<SandboxState> {
        // Before the look, so that no change stays unseen.
        let revision = self.revision.load(Ordering::Relaxed);
        let Reply::State { processes, resident_bytes, disk_bytes } = self.question(Request::State).await? else {
            return Err(io::Error::other("init has answered something else"));
        };
        let held = self.lock_group().as_ref().and_then(Group::holds_bytes).unwrap_or(resident_bytes + disk_bytes);
        Ok(SandboxState { processes, mem_mb: (held >> 20) as u32, disk_bytes, revision })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_group(&self) -> MutexGuard<'_, Option<Group>> {
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, reply: Reply) {
        let mut waiting = self.waiting();
        // The caller may have gone.
        match reply {
            Reply::Spawned { id, pid } => {
                let _ = waiting.spawned.remove(&id).map(|sender| sender.send(pid));
            }
            Reply::Exited { id, exit, cpu_micros, peak_bytes } => {
                let said = Exited { exit, cpu_micros, peak_bytes };
                let _ = waiting.exited.remove(&id).map(|sender| sender.send(said));
            }
            Reply::OverMemory => drop(self.over_memory.fetch_add(1, Ordering::Relaxed)),
            Reply::State { .. } | Reply::Done | Reply::Refused { .. } => {
                let _ = waiting.answers.pop_front().map(|sender| sender.send(reply));
            }
            Reply::Ready => {}
        }
    }

    /// Listens to init until the sandbox ends or is to end, then ends it and waits until nothing of it is left.
    pub async fn attend(&self, mut jail: Jail, jailer: Jailer) {
        loop {
            tokio::select! {
                notice = jail.notice() => match notice {
                    Ok(Some((Notice::Sandbox(reply), _))) => self.hear(reply),
                    Ok(Some((Notice::Failed { step, errno }, _))) => {
                        eprintln!("sandbox.failed step={step:?} errno={errno}");
                        break;
                    }
                    _ => break,
                },
                () = self.end.cancelled() => break,
            }
        }
        self.lost.store(!self.end.is_cancelled(), Ordering::Relaxed);
        jail.kill();
        if let Err(error) = jail.gone().await {
            eprintln!("sandbox.not_gone error={:?}", error.to_string());
        }
        self.end.cancel();
        // A caller that waits for a command learns that there is nothing to wait for.
        *self.waiting() = Waiting::default();
        self.contexts.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        // Waits for the end of the process.
        let _ = tokio::task::spawn_blocking(move || drop(jailer)).await;
        let mut looks = 0;
        while self.programs.as_ref().is_some_and(|programs| !programs.remove()) {
            looks += 1;
            if looks == REMOVALS {
                eprintln!("sandbox.not_empty: a sandbox that has ended is still being taken apart");
            }
            sleep(REMOVAL).await;
        }
        let group = self.lock_group().take();
        let _ = tokio::task::spawn_blocking(move || drop(group)).await;
    }
}
