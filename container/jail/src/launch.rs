//! What the server tells jailers and jails, and what it hears back: postcard over `SOCK_SEQPACKET` sockets.
//!
//! A jail is made before anybody needs it: [`Creation`] goes to the jailer together with the jail's own control
//! socket and its program's streams. Later [`Launch`] goes over that socket; it lies in a file of its own, because a
//! packet is too small for a thousand files. [`Notice`]s come back, and one byte or the end of the socket stops it.

use super::packet::{MAX_PACKET, receive_packet, send_packet};
pub use super::requests::Exit;
use super::requests::{Plan, Reply};
use super::sys;
use super::terminal::Size;
use nix::sys::socket::MsgFlags;
use nix::unistd::execve;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// An empty jail to make, with an interpreter already started in it or without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Creation {
    pub warm: Option<Warm>,
    /// A jail that stays, and has no program of its own.
    pub sandbox: Option<Plan>,
}

/// How an interpreter is started ahead of its script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Warm {
    Execute(Command),
    /// The jailer is such an interpreter, and forks. Its script has this path below `/workspace`.
    Fork {
        script: String,
    },
}

/// What to execute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The program's absolute path inside the jail, then its arguments.
    pub argv: Vec<String>,
    pub env: Vec<(String, String)>,
    /// The path below `/workspace` of the script among the arguments.
    pub script: String,
}

/// What belongs to a jail from the start.
#[derive(Debug)]
pub struct Descriptors {
    pub control: OwnedFd,
    pub streams: ProgramStreams,
}

/// A program's own ends of its streams. Nobody else keeps them open, so that a stream ends with those who write to it.
#[derive(Debug)]
pub struct ProgramStreams {
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
}

/// One program for a jail that is there.
#[derive(Debug, Serialize, Deserialize)]
pub struct Launch {
    /// What to execute; `None` in a jail whose interpreter waits for its script.
    pub command: Option<Command>,
    /// Relative, normalised path → content; written below `/workspace`.
    pub files: Vec<(String, Content)>,
    /// A kept tree to copy below `/workspace`, where none of the files is.
    pub workspace: Option<String>,
    /// A package layer, or what a compilation has made, to show, read-only, at `/packages`.
    pub layer: Option<String>,
    /// Start the program in the tree of languages.
    pub tree: bool,
    /// Give the program a terminal of this size instead of its streams. Its other end comes with [`Notice::Terminal`].
    pub terminal: Option<Size>,
    pub bounds: Bounds,
    /// Listen on [`EGRESS_ADDRESS`] inside the jail and hand the socket to the server.
    pub egress: bool,
    /// Make `/packages` writable and copy it out through the descriptor that comes with this, when the program
    /// succeeds.
    pub export: bool,
    /// The files to hand over when the program has ended.
    pub artifacts: Vec<String>,
    /// The descriptor that comes with this is the standard input of the program, and not where to export to.
    pub has_input: bool,
}

/// Files that one program hands over, at most.
pub const MAX_ARTIFACTS: usize = 20;

/// The bytes of a file. Its own type, because serde would write plain bytes one by one.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Content(pub Vec<u8>);

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Content;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("bytes")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Content, E> {
                Ok(Content(bytes.to_vec()))
            }

            fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Content, E> {
                Ok(Content(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

/// Where a jail with network finds the egress proxy.
pub const EGRESS_ADDRESS: &str = "127.0.0.1:3128";

/// What the kernel holds the whole jail to.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Bounds {
    /// Bytes of all writable places together.
    pub disk_bytes: u64,
    /// Files and directories in all writable places together.
    pub inodes: u64,
    /// Bytes that the tree may hold; the jail itself watches them only where no cgroup does.
    pub watched_memory_bytes: Option<u64>,
    /// Processor time that the tree may use; the jail itself watches it only where no cgroup counts it.
    pub watched_cpu_micros: Option<u64>,
    /// Bytes of one file, where the program asked for a limit of its own.
    pub file_bytes: Option<u64>,
}

/// Bytes of one notice; the longest names a file.
const MAX_NOTICE: usize = 2 * 1_024;

/// What a run tells the server over its control socket.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum Notice {
    /// The jail's first process exists; its pidfd comes with this.
    Created,
    /// Everything is there that does not depend on the program, and what an earlier one has left is gone.
    Prepared,
    /// The interpreter that was started ahead has come as far as its script.
    Waiting,
    /// The terminal of the program exists. The end that is not the program's comes with this.
    Terminal,
    /// The program is about to start; the egress socket comes with this where one was asked for.
    Started,
    /// Every process has been killed and some are still being taken apart, which takes the kernel long where they hold
    /// much. Nothing of the program runs any more.
    Killed(Killed),
    /// A file that the program hands over, open for reading: a regular file of the program's own below `/workspace`. Nothing
    /// of the program runs any more.
    Artifact { name: String },
    /// No process is left.
    Ended(Ending),
    /// What a sandbox says.
    Sandbox(Reply),
    /// The jail could not be made or the program not be started.
    Failed { step: String, errno: i32 },
}

/// What is known of the end of a program before its last process is gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Killed {
    /// How the program's first process ended, where it had ended.
    pub exit: Option<Exit>,
    /// See [`Ending`].
    pub over_memory: bool,
    /// See [`Ending`].
    pub over_cpu: bool,
    pub cpu_micros: u64,
    pub peak_bytes: u64,
}

/// How the program ended and what its tree used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    pub exit: Exit,
    /// Wall clock from the program's start to the end of its last process.
    pub duration_micros: u64,
    pub cpu_micros: u64,
    /// In bytes: the largest resident size of one process, or what the jail's own watch saw the whole tree hold, if more.
    pub peak_bytes: u64,
    /// The jail's own watch found the tree above [`Bounds::watched_memory_bytes`].
    pub over_memory: bool,
    /// The jail's own watch found the tree above [`Bounds::watched_cpu_micros`].
    pub over_cpu: bool,
    /// With [`Launch::export`]: everything was copied out.
    pub exported: bool,
    /// Files that match [`Launch::artifacts`] and were not handed over, because there are too many or they cannot be named.
    pub artifacts_omitted: u32,
}

impl Command {
    /// Executes this in place of the calling process; returns only where that fails.
    pub fn execute(&self) -> io::Result<()> {
        let argv = self.argv.iter().map(|value| sys::c_string(value, "args")).collect::<io::Result<Vec<_>>>()?;
        let pairs = self.env.iter().map(|(name, value)| format!("{name}={value}"));
        let env = pairs.map(|pair| sys::c_string(&pair, "env")).collect::<io::Result<Vec<_>>>()?;
        let path = argv.first().ok_or(io::ErrorKind::InvalidInput)?;
        let Err(errno) = execve(path, &argv, &env);
        Err(errno.into())
    }
}

impl Warm {
    /// The path below `/workspace` of the script that is waited for.
    pub fn script(&self) -> &str {
        match self {
            Self::Execute(command) => &command.script,
            Self::Fork { script } => script,
        }
    }
}

impl Creation {
    /// Asks a jailer for a jail.
    pub fn send(&self, jailer: RawFd, with: &Descriptors) -> io::Result<()> {
        let encoded = postcard::to_stdvec(self).map_err(io::Error::other)?;
        let Descriptors { control, streams: ProgramStreams { stdin, stdout, stderr } } = with;
        send_packet(jailer, &encoded, &[control, stdin, stdout, stderr].map(AsRawFd::as_raw_fd))
    }

    /// Takes the next wish; `None` when the server has gone.
    pub fn receive(socket: RawFd) -> io::Result<Option<(Self, Descriptors)>> {
        let mut buffer = [0; MAX_PACKET];
        let (length, descriptors) = receive_packet(socket, &mut buffer)?;
        if length == 0 {
            return Ok(None);
        }
        let creation = postcard::from_bytes(&buffer[..length]).map_err(io::Error::other)?;
        let [control, stdin, stdout, stderr] =
            descriptors.try_into().map_err(|_| io::Error::other("a jail without its descriptors"))?;
        Ok(Some((creation, Descriptors { control, streams: ProgramStreams { stdin, stdout, stderr } })))
    }
}

/// What the server says to a jail.
#[derive(Debug)]
pub enum Order {
    /// With the descriptor for [`Launch::export`] or [`Launch::has_input`].
    Launch(Box<Launch>, Option<OwnedFd>),
    Stop,
}

impl Order {
    /// Waits for the next order. The end of the socket means the same as an order to stop.
    pub fn receive(control: RawFd) -> io::Result<Self> {
        let (length, descriptors) = receive_packet(control, &mut [0])?;
        let mut descriptors = descriptors.into_iter();
        match descriptors.next() {
            Some(file) if length > 0 => {
                let mut file = File::from(file);
                file.rewind()?;
                let mut encoded = Vec::new();
                file.read_to_end(&mut encoded)?;
                let launch = postcard::from_bytes(&encoded).map_err(io::Error::other)?;
                Ok(Self::Launch(Box::new(launch), descriptors.next()))
            }
            _ => Ok(Self::Stop),
        }
    }
}

impl Launch {
    /// Tells a jail what to run, with the directory to export into or the standard input where there is one.
    pub fn send(&self, control: RawFd, descriptor: Option<&OwnedFd>) -> io::Result<()> {
        let mut file = sys::memory_file(c"launch")?;
        file.write_all(&postcard::to_stdvec(self).map_err(io::Error::other)?)?;
        let descriptors: Vec<RawFd> =
            [file.as_raw_fd()].into_iter().chain(descriptor.map(AsRawFd::as_raw_fd)).collect();
        send_packet(control, b"L", &descriptors)
    }
}

/// Asks a jail to end everything in it. A jail that is gone needs no order, so there is no error.
pub fn send_stop(control: RawFd) {
    let _ = nix::sys::socket::send(control, b"K", MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT);
}

impl Notice {
    /// Tells the server, with a descriptor where the notice has one.
    pub fn send(&self, control: RawFd, descriptor: Option<RawFd>) -> io::Result<()> {
        let encoded = postcard::to_stdvec(self).map_err(io::Error::other)?;
        send_packet(control, &encoded, descriptor.as_slice())
    }

    /// Takes the next notice; `None` when the jail has gone.
    pub fn receive(control: RawFd) -> io::Result<Option<(Self, Option<OwnedFd>)>> {
        let mut buffer = [0; MAX_NOTICE];
        let (length, descriptors) = receive_packet(control, &mut buffer)?;
        if length == 0 {
            return Ok(None);
        }
        let notice = postcard::from_bytes(&buffer[..length]).map_err(io::Error::other)?;
        Ok(Some((notice, descriptors.into_iter().next())))
    }
}
