//! What the server asks the init of a sandbox, and what it answers: postcard over the control socket of the jail.

use crate::packet::{MAX_PACKET, receive_packet, send_packet};
use crate::sys;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// What a sandbox is like. It comes with the creation of its jail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Bytes of all files together.
    pub disk_bytes: u64,
    /// Files and directories together.
    pub inodes: u64,
    /// Listen on [`crate::launch::EGRESS_ADDRESS`] and hand the socket to the server.
    pub egress: bool,
    /// Bytes that programs and files may hold; init watches them only where no control group does.
    pub watched_memory_bytes: Option<u64>,
}

/// One command to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spawn {
    /// The server's number for it.
    pub id: u64,
    /// The program and its arguments; one without a slash is looked up in `PATH` of `env`.
    pub argv: Vec<String>,
    pub env: Vec<(String, String)>,
    /// Absolute, or relative to `/workspace`.
    pub cwd: String,
    /// Whether its three streams are one terminal, which then controls it.
    pub has_terminal: bool,
}

/// What a worker is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Job {
    /// Takes [`Operation`]s over its socket until that ends.
    Operate,
    /// Writes an archive of all files that are saved, in frames.
    Pack,
    /// Replaces the files that are saved by those of an archive, which comes in the same way, and answers with one frame.
    Unpack,
    /// Takes an `Operation::Patch`, changes the files that it names with an archive that comes in frames, and answers with one frame.
    Patch,
    /// Takes an `Operation::Begin` with a directory, answers whether it is one, and writes an archive of it, in frames.
    Export,
    /// Takes an `Operation::Begin` with a directory, unpacks an archive into it that comes in frames, and answers with one frame.
    Import,
}

/// What the server asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// A [`Spawn`] lies in the file that comes first. Standard input, output and error follow, then where a
    /// [`StartFailure`] is written to, and the control group where there is one.
    Spawn,
    /// Starts a process that works on files, see [`crate::sandbox`]. Its socket, or what else the job says, comes with this.
    Work(Job),
    /// Ends a command and everything that it has started, where no control group does that.
    Kill { id: u64 },
    /// Stops all programs where no control group does that.
    Freeze,
    /// Lets them go on.
    Thaw,
    /// Asks for [`Reply::State`].
    State,
    /// Sends a signal to the process group of a command, which its first process leads.
    Signal { pid: u32, signal: i32 },
}

/// What init says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// The sandbox is there. The egress socket comes with this where one was asked for.
    Ready,
    /// The command exists; whether it could be executed is said by the end of its pipe for a [`StartFailure`].
    Spawned { id: u64, pid: u32 },
    /// The command has ended. What it has started may go on.
    Exited {
        id: u64,
        exit: Exit,
        /// Processor time of the command and of what it has waited for.
        cpu_micros: u64,
        /// The largest resident size of one of these processes.
        peak_bytes: u64,
    },
    /// Everything was ended because it held more than [`Plan::watched_memory_bytes`].
    OverMemory,
    /// An answer to [`Request::State`].
    State { processes: u32, resident_bytes: u64, disk_bytes: u64 },
    /// [`Request::Freeze`] or [`Request::Thaw`] is done.
    Done,
    /// A request could not be carried out.
    Refused { errno: i32 },
}

/// How the program itself ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    Code(i32),
    Signal(i32),
}

/// Why a command did not start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartFailure {
    /// [`Self::DIRECTORY`], or a step of ours.
    pub step: String,
    pub errno: i32,
}

impl StartFailure {
    /// The step that enters the working directory.
    pub const DIRECTORY: &str = "enter the directory";

    /// Reads what a command that could not start has left; nothing is left by one that could.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return None;
        }
        Some(postcard::from_bytes(bytes).unwrap_or(Self { step: "say why it does not start".into(), errno: 0 }))
    }

    pub fn write(&self, status: &OwnedFd) -> io::Result<()> {
        File::from(status.try_clone()?).write_all(&postcard::to_stdvec(self).map_err(io::Error::other)?)
    }
}

impl Spawn {
    /// The file that travels with [`Request::Spawn`]: a packet is too small for it.
    pub fn file(&self) -> io::Result<OwnedFd> {
        let mut file = sys::memory_file(c"command")?;
        file.write_all(&postcard::to_stdvec(self).map_err(io::Error::other)?)?;
        Ok(file.into())
    }

    pub fn read(file: OwnedFd) -> io::Result<Self> {
        let mut file = File::from(file);
        file.rewind()?;
        let mut encoded = Vec::new();
        file.read_to_end(&mut encoded)?;
        postcard::from_bytes(&encoded).map_err(io::Error::other)
    }
}

impl Request {
    /// Asks the init behind `control`.
    pub fn send(self, control: RawFd, descriptors: &[&OwnedFd]) -> io::Result<()> {
        let encoded = postcard::to_stdvec(&self).map_err(io::Error::other)?;
        let descriptors: Vec<RawFd> = descriptors.iter().map(|descriptor| descriptor.as_raw_fd()).collect();
        send_packet(control, &encoded, &descriptors)
    }

    /// The next request with its descriptors; `None` when the server wants the sandbox to end, or has gone.
    pub fn receive(control: RawFd) -> io::Result<Option<(Self, Vec<OwnedFd>)>> {
        let mut buffer = [0; MAX_PACKET];
        let (length, descriptors) = receive_packet(control, &mut buffer)?;
        if length == 0 {
            return Ok(None);
        }
        let request = postcard::from_bytes(&buffer[..length]).map_err(io::Error::other)?;
        Ok(Some((request, descriptors)))
    }
}
