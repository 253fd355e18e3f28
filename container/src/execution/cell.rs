//! A run that is one cell of code: its program is a kernel, which is ended when the cell is over.

use super::ending::Stop;
use crate::events::EventSender;
use crate::jail::launch::Exit;
use crate::kernel::ResultRoom;
use crate::kernel::channel::{Channel, Event, Socket, shorten};
use crate::kernel::message::{Message, Order};
use crate::output::Output;
use crate::units::{milliseconds, signal_name};
use docle_languages::ContextLanguage;
use docle_protocol::Stream;
use docle_protocol::context::{CellError, CellEvent};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Instant;
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The cell of a program.
#[derive(Debug, Clone)]
pub struct CellCode {
    pub language: ContextLanguage,
    pub code: String,
}

/// A cell whose kernel is being started.
pub struct Waiting {
    cell: CellCode,
    socket: Socket,
}

/// How a cell has gone.
#[derive(Default)]
pub struct Ended {
    /// Whether the kernel has said that the cell is over.
    is_done: bool,
    has_failed: bool,
    results_truncated: bool,
}

/// A cell that runs.
pub struct Running {
    task: JoinHandle<(Ended, Output, Output)>,
    /// Cancelled when the cell is over: then its kernel, which waits for another one, is to be ended.
    pub over: CancellationToken,
}

struct Cell {
    channel: Channel,
    events: EventSender,
    room: ResultRoom,
    stdout: Output,
    stderr: Output,
    ended: Ended,
}

impl Waiting {
    /// A cell, and the standard input of its kernel.
    pub fn new(cell: CellCode) -> io::Result<(Self, OwnedFd)> {
        let (theirs, socket) = Socket::pair()?;
        Ok((Self { cell, socket }, theirs.into()))
    }

    /// Runs the cell in the kernel that was started with these streams. Ends when the kernel does, or with `close`.
    pub fn run(
        self,
        streams: [pipe::Receiver; 2],
        limit: usize,
        events: EventSender,
        close: CancellationToken,
    ) -> Running {
        let over = CancellationToken::new();
        let (began, is_over) = (Instant::now(), over.clone());
        let Self { cell: CellCode { language, code }, socket } = self;
        let task = tokio::spawn(async move {
            let (channel, ended) = (socket.connect(language, streams), Ended::default());
            let (stdout, stderr) = (Output::new(limit), Output::new(limit));
            let mut cell = Cell { channel, events, room: ResultRoom::of_run(), stdout, stderr, ended };
            tokio::select! {
                () = cell.run(language, &code, began) => {}
                () = close.cancelled() => {}
            }
            cell.pass_output();
            cell.ended.results_truncated = cell.room.is_truncated;
            is_over.cancel();
            (cell.ended, cell.stdout, cell.stderr)
        });
        Running { task, over }
    }
}

impl Running {
    /// How it has gone, and its output.
    pub async fn ended(self) -> io::Result<(Ended, Output, Output)> {
        self.task.await.map_err(io::Error::other)
    }
}

impl Cell {
    async fn run(&mut self, language: ContextLanguage, code: &str, began: Instant) {
        if let Err(said) = self.channel.ready().await {
            self.write(Stream::Stderr, said.as_bytes());
            return;
        }
        self.events.cell(&CellEvent::Start { start_ms: Some(milliseconds(began.elapsed())) });
        let is_typescript = language == ContextLanguage::TypeScript;
        self.channel.say(&Order::Run { code, env: &BTreeMap::new(), is_typescript });
        loop {
            let number = match self.channel.next().await {
                Event::Stdout(bytes) => {
                    self.write(Stream::Stdout, &bytes);
                    continue;
                }
                Event::Stderr(bytes) => {
                    self.write(Stream::Stderr, &bytes);
                    continue;
                }
                Event::Ended => return,
                Event::Message(Message::Ready) => continue,
                Event::Message(Message::Done { .. }) => {
                    self.ended.is_done = true;
                    return;
                }
                Event::Message(Message::Sync { number }) => {
                    self.pass_output();
                    number
                }
                Event::Message(Message::Result { number, data, main }) => {
                    self.pass_output();
                    self.show(data, main);
                    number
                }
                Event::Message(Message::Error { number, error }) => {
                    self.pass_output();
                    self.fail(error);
                    number
                }
            };
            // One that asks without reading the answers is none of ours.
            if !self.channel.say(&Order::Ack { number }) {
                return;
            }
        }
    }

    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        let output = if stream == Stream::Stdout { &mut self.stdout } else { &mut self.stderr };
        self.events.output(stream, output.take(bytes));
    }

    fn pass_output(&mut self) {
        let [out, err] = self.channel.written();
        self.write(Stream::Stdout, &out);
        self.write(Stream::Stderr, &err);
    }

    fn show(&mut self, data: Map<String, Value>, is_main: bool) {
        let event = CellEvent::Result { data, is_main };
        if self.room.take(crate::events::line(&event).len()) {
            self.events.cell(&event);
        }
    }

    fn fail(&mut self, mut error: CellError) {
        // A cell fails once. What else its process says of itself is not passed on.
        if !std::mem::replace(&mut self.ended.has_failed, true) {
            shorten(&mut error);
            self.events.cell(&CellEvent::Error { error });
        }
    }
}

impl Ended {
    /// How the program has exited: as the cell has, also where its kernel was ended after it.
    pub fn exit(&self, program: Exit) -> Exit {
        match (self.is_done, program) {
            (true, _) => Exit::Code(i32::from(self.has_failed)),
            // An interpreter that ends in the middle of a cell has not done what it was to do, whatever it says.
            (false, Exit::Code(0)) => Exit::Code(1),
            (false, exit) => exit,
        }
    }

    /// Says how a cell has ended, and why if it was not over.
    pub fn explain(&self, stop: Option<Stop>, exit: Exit, memory_mb: u64, events: &EventSender) {
        if self.results_truncated {
            events.cell(&CellEvent::ResultsTruncated);
        }
        if self.is_done {
            return;
        }
        let (name, message) = match (stop, exit) {
            (Some(Stop::Timeout | Stop::Cpu), _) => {
                (CellError::TIMEOUT, "The cell has taken longer than its time limit allows.".to_owned())
            }
            (Some(Stop::Memory), _) => (
                CellError::MEMORY,
                format!("The cell has used all the memory that it may have: {memory_mb} MiB (memoryMB)."),
            ),
            (Some(Stop::Cancelled | Stop::Output), _) => (CellError::INTERRUPTED, "The cell was cancelled.".to_owned()),
            (None, Exit::Code(code)) => {
                (CellError::EXITED, format!("The interpreter has ended with exit code {code} while the cell ran."))
            }
            (None, Exit::Signal(number)) => {
                (CellError::EXITED, format!("The interpreter was ended by {} while the cell ran.", signal_name(number)))
            }
        };
        events.cell(&CellEvent::Error { error: CellError { name: name.into(), message, traceback: Vec::new() } });
    }
}
