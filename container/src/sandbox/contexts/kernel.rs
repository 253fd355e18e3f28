//! One interpreter that runs as a kernel: its socket, its streams, and its end.

use super::context::NotReady;
use super::kernels;
use super::message::{Lines, Message, Order};
use crate::jail::handle::STREAM_BYTES;
use crate::report::milliseconds;
use crate::sandbox::exited::Exited;
use crate::sandbox::living::Sandbox;
use crate::sandbox::start::{Launch, NotStarted, Started};
use docle_protocol::context::ContextSpec;
use docle_protocol::sandbox::ExecCommand;
use nix::errno::Errno;
use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf, pipe};
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::timeout;

/// An interpreter starts in a fraction of a second. It may have to wait for a processor.
const READY_PATIENCE: Duration = Duration::from_secs(30);
/// After everything was killed.
const END_PATIENCE: Duration = Duration::from_secs(5);
/// Orders that wait for a kernel to read them. It sends no message before its last one was answered.
const ORDERS: usize = 64;
/// What a kernel says of why it does not start.
const COMPLAINT_BYTES: usize = 2_000;

/// See the module.
#[derive(Debug)]
pub struct Kernel {
    pub started: Started,
    control: OwnedReadHalf,
    lines: Lines,
    orders: Sender<Vec<u8>>,
    /// Of the sandbox, when its last cell began.
    pub memory_failures: u64,
    /// Cells that it has begun.
    pub cells: u32,
    /// What its start took.
    pub start_ms: f64,
}

/// What comes of a kernel.
#[derive(Debug)]
pub enum Event {
    Message(Message),
    /// It has ended or does not speak as kernels do.
    Ended,
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
}

/// Why a kernel has ended.
#[derive(Debug, Clone, Copy)]
pub struct Ending {
    pub exited: Option<Exited>,
    /// Whether the sandbox has run out of memory since it started.
    pub is_memory: bool,
}

impl Kernel {
    /// Starts one, and waits until it can take a cell.
    pub async fn start(sandbox: &Sandbox, spec: &ContextSpec) -> Result<Self, NotReady> {
        let memory_failures = sandbox.memory_failures();
        let (theirs, control, mut writer) = socket().map_err(NotReady::Failed)?;
        let command = ExecCommand::Argv(kernels::command(spec.language));
        let launch = Launch { command: &command, cwd: &spec.cwd, env: &spec.env };
        let started = {
            // While all files are read, nothing begins.
            let _changes = sandbox.archive.read().await;
            sandbox.start(launch, theirs.into()).await.map_err(|failure| match failure {
                NotStarted::Directory(errno) => NotReady::Directory(errno),
                NotStarted::Failed(error) => NotReady::Failed(error),
                NotStarted::Duplicate | NotStarted::TooManySessions => {
                    NotReady::Failed(io::ErrorKind::AlreadyExists.into())
                }
            })?
        };
        let (orders, mut ordered) = channel::<Vec<u8>>(ORDERS);
        tokio::spawn(async move {
            while let Some(line) = ordered.recv().await {
                if writer.write_all(&line).await.is_err() {
                    break;
                }
            }
        });
        let mut kernel =
            Self { started, control, lines: Lines::default(), orders, memory_failures, cells: 0, start_ms: 0.0 };
        kernel.say_bytes(kernels::program(spec.language));
        match timeout(READY_PATIENCE, kernel.ready()).await {
            Ok(Ok(())) => {
                kernel.start_ms = milliseconds(kernel.started.began.elapsed());
                Ok(kernel)
            }
            why => {
                let said = why.map_or_else(|_| "nothing in time".to_owned(), |said| said.err().unwrap_or_default());
                kernel.end(sandbox).await;
                Err(NotReady::Failed(io::Error::other(format!("an interpreter does not start: {said}"))))
            }
        }
    }

    async fn ready(&mut self) -> Result<(), String> {
        let mut complaint = Vec::new();
        loop {
            match self.next().await {
                Event::Message(Message::Ready) => return Ok(()),
                Event::Message(_) => {}
                Event::Stdout(bytes) | Event::Stderr(bytes) => {
                    complaint.extend_from_slice(&bytes[..bytes.len().min(COMPLAINT_BYTES - complaint.len())]);
                }
                Event::Ended => {
                    let [out, err] = self.written();
                    complaint.extend(out.into_iter().chain(err).take(COMPLAINT_BYTES));
                    return Err(String::from_utf8_lossy(&complaint).into_owned());
                }
            }
        }
    }

    /// Says something. False if it does not listen.
    pub fn say(&self, order: &Order<'_>) -> bool {
        self.say_bytes(order.line())
    }

    fn say_bytes(&self, bytes: Vec<u8>) -> bool {
        self.orders.try_send(bytes).is_ok()
    }

    /// What it does next. It may be dropped while it waits.
    pub async fn next(&mut self) -> Event {
        match self.lines.next() {
            Ok(Some(message)) => return Event::Message(message),
            Ok(None) => {}
            Err(_) => return Event::Ended,
        }
        self.lines.buffer().reserve(16_384);
        let (mut out, mut err) = (vec![0; 16_384], vec![0; 16_384]);
        loop {
            let Started { stdout, stderr, .. } = &mut self.started;
            tokio::select! {
                biased;
                read = self.control.read_buf(self.lines.buffer()) => {
                    match (read, self.lines.next()) {
                        (Ok(1..), Ok(Some(message))) => return Event::Message(message),
                        (Ok(1..), Ok(None)) => {}
                        _ => return Event::Ended,
                    }
                }
                Ok(length @ 1..) = stdout.read(&mut out) => {
                    out.truncate(length);
                    return Event::Stdout(out);
                }
                Ok(length @ 1..) = stderr.read(&mut err) => {
                    err.truncate(length);
                    return Event::Stderr(err);
                }
            }
        }
    }

    /// What lies in its streams at this moment. Whatever it wrote before its last message is there.
    pub fn written(&self) -> [Vec<u8>; 2] {
        // Another process may write on and on; what came before lies within one pipe.
        [read_now(&self.started.stdout), read_now(&self.started.stderr)]
    }

    /// Ends it with everything that it has started, and says why it has ended if that was before.
    pub async fn end(mut self, sandbox: &Sandbox) -> Ending {
        // One that has closed its socket is about to end by itself.
        let grace = Duration::from_millis(200);
        let mut exited = timeout(grace, &mut self.started.exited).await.ok().and_then(Result::ok);
        sandbox.end_command(self.started.group.as_ref(), self.started.number).await;
        let is_memory = sandbox.memory_failures() > self.memory_failures;
        if exited.is_none() {
            exited = timeout(END_PATIENCE, &mut self.started.exited).await.ok().and_then(Result::ok);
        }
        if let Some(group) = &self.started.group {
            group.emptied().await;
        }
        Ending { exited, is_memory }
    }

    /// Ends it at once.
    pub async fn kill(self, sandbox: &Sandbox) {
        sandbox.end_command(self.started.group.as_ref(), self.started.number).await;
        let _ = timeout(END_PATIENCE, self.started.exited).await;
        if let Some(group) = &self.started.group {
            group.emptied().await;
        }
    }

    /// Processor time of everything that it has started, where something counts it.
    pub fn cpu_ms(&self) -> Option<f64> {
        let micros = self.started.group.as_ref()?.cpu_micros()?;
        Some(milliseconds(Duration::from_micros(micros)))
    }
}

/// The end of the kernel, and both halves of ours.
fn socket() -> io::Result<(StdUnixStream, OwnedReadHalf, OwnedWriteHalf)> {
    let (theirs, ours) = StdUnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let (read, write) = UnixStream::from_std(ours)?.into_split();
    Ok((theirs, read, write))
}

/// Not through the reactor, which may not know yet that there is something.
fn read_now(stream: &pipe::Receiver) -> Vec<u8> {
    let (mut found, mut buffer) = (Vec::new(), [0; 65_536]);
    while found.len() < STREAM_BYTES as usize {
        match nix::unistd::read(stream, &mut buffer) {
            Ok(length @ 1..) => found.extend_from_slice(&buffer[..length]),
            Err(Errno::EINTR) => {}
            _ => break,
        }
    }
    found
}
