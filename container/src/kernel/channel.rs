//! The runner's end of a kernel: its socket and its two streams.

use super::message::{Lines, Message, Order};
use super::programs;
use crate::jail::handle::STREAM_BYTES;
use docle_languages::ContextLanguage;
use docle_protocol::context::CellError;
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
/// Orders that wait for a kernel to read them. It sends no message before its last one was answered.
const ORDERS: usize = 64;
/// What a kernel says of why it does not start.
const COMPLAINT_BYTES: usize = 2_000;
/// The most bytes of the name of an error, and of its message and its traceback each.
const MAX_ERROR_NAME: usize = 256;
const MAX_ERROR_BYTES: usize = 256 << 10;

/// See the module.
#[derive(Debug)]
pub struct Channel {
    language: ContextLanguage,
    control: OwnedReadHalf,
    lines: Lines,
    orders: Sender<Vec<u8>>,
    stdout: pipe::Receiver,
    stderr: pipe::Receiver,
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

/// A socket for a kernel that is to be started.
#[derive(Debug)]
pub struct Socket {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
}

impl Socket {
    /// The end that becomes the standard input of the kernel, and ours.
    pub fn pair() -> io::Result<(StdUnixStream, Self)> {
        let (theirs, ours) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let (read, write) = UnixStream::from_std(ours)?.into_split();
        Ok((theirs, Self { read, write }))
    }

    /// The channel to the kernel of a language that was started with the other end and these streams. It is told its program.
    pub fn connect(self, language: ContextLanguage, [stdout, stderr]: [pipe::Receiver; 2]) -> Channel {
        let Self { read, mut write } = self;
        let (orders, mut ordered) = channel::<Vec<u8>>(ORDERS);
        tokio::spawn(async move {
            while let Some(line) = ordered.recv().await {
                if write.write_all(&line).await.is_err() {
                    break;
                }
            }
        });
        let channel = Channel { language, control: read, lines: Lines::default(), orders, stdout, stderr };
        channel.write(programs::program(language));
        channel
    }
}

impl Channel {
    /// Waits until the kernel can take a cell.
    ///
    /// # Errors
    /// What it has written before it ended.
    pub async fn ready(&mut self) -> Result<(), String> {
        timeout(READY_PATIENCE, self.first_message()).await.unwrap_or_else(|_| Err("nothing in time".to_owned()))
    }

    async fn first_message(&mut self) -> Result<(), String> {
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
        self.write(order.encode(self.language))
    }

    fn write(&self, bytes: Vec<u8>) -> bool {
        bytes.is_empty() || self.orders.try_send(bytes).is_ok()
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
            tokio::select! {
                biased;
                read = self.control.read_buf(self.lines.buffer()) => {
                    match (read, self.lines.next()) {
                        (Ok(1..), Ok(Some(message))) => return Event::Message(message),
                        (Ok(1..), Ok(None)) => {}
                        _ => return Event::Ended,
                    }
                }
                Ok(length @ 1..) = self.stdout.read(&mut out) => {
                    out.truncate(length);
                    return Event::Stdout(out);
                }
                Ok(length @ 1..) = self.stderr.read(&mut err) => {
                    err.truncate(length);
                    return Event::Stderr(err);
                }
            }
        }
    }

    /// What lies in its streams at this moment. Whatever it wrote before its last message is there.
    pub fn written(&self) -> [Vec<u8>; 2] {
        // Another process may write on and on; what came before lies within one pipe.
        [read_now(&self.stdout), read_now(&self.stderr)]
    }
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

/// Cuts an error to what a reader can use.
pub fn shorten(error: &mut CellError) {
    cut(&mut error.name, MAX_ERROR_NAME);
    cut(&mut error.message, MAX_ERROR_BYTES);
    let mut left = MAX_ERROR_BYTES;
    error.traceback.retain_mut(|line| {
        cut(line, left);
        left -= line.len();
        !line.is_empty()
    });
}

fn cut(text: &mut String, most: usize) {
    text.truncate(text.floor_char_boundary(most));
}
