//! What the server tells its jailer to start, and what it hears back: postcard over `SOCK_SEQPACKET` sockets.
//!
//! A launch is one packet to the jailer that carries only descriptors, in the order of [`Descriptors`]; the
//! [`Launch`] itself lies in the first of them, because a packet is too small for a thousand files. Everything
//! about the run then goes over its own control socket: [`Notice`]s to the server, one byte back to stop it.

use nix::cmsg_space;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use serde::{Deserialize, Serialize};
use std::io::{self, IoSlice, IoSliceMut, Read, Seek};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// One program and the jail around it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Launch {
    /// The program's absolute path inside the jail, then its arguments.
    pub argv: Vec<String>,
    pub env: Vec<(String, String)>,
    /// Relative, normalised path → content; written below `/workspace`.
    pub files: Vec<(String, String)>,
    /// A package layer to show, read-only, at `/packages`.
    pub layer: Option<String>,
    /// The numeric user and group of the program.
    pub uid: u32,
    pub bounds: Bounds,
    /// Listen on [`EGRESS_ADDRESS`] inside the jail and hand the socket to the server.
    pub egress: bool,
    /// Make `/packages` writable and copy it out through the descriptor given, when the program succeeds.
    pub export: bool,
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
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Processes and threads alive at once.
    pub processes: u64,
    /// Seconds of processor time of one process: a backstop behind the wall clock.
    pub cpu_seconds: u64,
    /// Bytes that the tree may hold; the jail itself watches them only where no cgroup does.
    pub watched_memory_bytes: Option<u64>,
}

/// The descriptors of a launch in the order in which they are sent.
#[derive(Debug)]
pub struct Descriptors {
    /// A file that holds the encoded [`Launch`].
    pub launch: OwnedFd,
    pub control: OwnedFd,
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
    /// With [`Launch::export`]: the empty directory to fill.
    pub export: Option<OwnedFd>,
}

/// Descriptors that one packet may carry, see [`Descriptors`].
const MAX_DESCRIPTORS: usize = 6;

/// What a run tells the server over its control socket.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum Notice {
    /// The jail's first process exists; its pidfd comes with this.
    Created,
    /// The program is about to start; the egress socket comes with this where one was asked for.
    Started,
    /// No process is left.
    Ended(Ending),
    /// The jail could not be made or the program not be started.
    Failed { step: String, errno: i32 },
}

/// How the program ended and what its tree used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    pub exit: Exit,
    pub cpu_micros: u64,
    /// The largest resident size of one process, in bytes.
    pub peak_rss_bytes: u64,
    /// The jail's own watch found the tree above [`Bounds::watched_memory_bytes`].
    pub over_memory: bool,
    /// With [`Launch::export`]: everything was copied out.
    pub exported: bool,
}

/// How the program itself ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    Code(i32),
    Signal(i32),
}

/// The byte that asks a jail to end its run; closing the control socket means the same.
pub const STOP: u8 = b'K';

impl Descriptors {
    /// Hands the launch to the jailer.
    pub fn send(&self, jailer: RawFd) -> io::Result<()> {
        let mut raw = vec![
            self.launch.as_raw_fd(),
            self.control.as_raw_fd(),
            self.stdin.as_raw_fd(),
            self.stdout.as_raw_fd(),
            self.stderr.as_raw_fd(),
        ];
        raw.extend(self.export.iter().map(AsRawFd::as_raw_fd));
        send_packet(jailer, b"L", &raw)
    }

    /// Takes the next launch; `None` when the server has gone.
    pub fn receive(socket: RawFd) -> io::Result<Option<Self>> {
        let (length, descriptors) = receive_packet(socket, &mut [0])?;
        if length == 0 {
            return Ok(None);
        }
        let mut rest = descriptors.into_iter();
        let mut next = || rest.next().ok_or_else(|| io::Error::other("a launch without its descriptors"));
        let (launch, control, stdin, stdout, stderr) = (next()?, next()?, next()?, next()?, next()?);
        Ok(Some(Self { launch, control, stdin, stdout, stderr, export: rest.next() }))
    }

    /// Reads the launch out of its file.
    pub fn read_launch(&self) -> io::Result<Launch> {
        let mut file = std::fs::File::from(self.launch.try_clone()?);
        file.rewind()?;
        let mut encoded = Vec::new();
        file.read_to_end(&mut encoded)?;
        postcard::from_bytes(&encoded).map_err(io::Error::other)
    }
}

impl Notice {
    /// Tells the server, with a descriptor where the notice has one.
    pub fn send(&self, control: RawFd, descriptor: Option<RawFd>) -> io::Result<()> {
        let encoded = postcard::to_stdvec(self).map_err(io::Error::other)?;
        send_packet(control, &encoded, descriptor.as_slice())
    }

    /// Takes the next notice; `None` when the jail has gone.
    pub fn receive(control: RawFd) -> io::Result<Option<(Self, Option<OwnedFd>)>> {
        let mut buffer = [0; 512];
        let (length, descriptors) = receive_packet(control, &mut buffer)?;
        if length == 0 {
            return Ok(None);
        }
        let notice = postcard::from_bytes(&buffer[..length]).map_err(io::Error::other)?;
        Ok(Some((notice, descriptors.into_iter().next())))
    }
}

fn send_packet(socket: RawFd, bytes: &[u8], descriptors: &[RawFd]) -> io::Result<()> {
    let rights = [ControlMessage::ScmRights(descriptors)];
    let ancillary: &[ControlMessage] = if descriptors.is_empty() { &[] } else { &rights };
    sendmsg::<()>(socket, &[IoSlice::new(bytes)], ancillary, MsgFlags::MSG_NOSIGNAL, None)?;
    Ok(())
}

fn receive_packet(socket: RawFd, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = cmsg_space!([RawFd; MAX_DESCRIPTORS]);
    let mut slices = [IoSliceMut::new(buffer)];
    let message = recvmsg::<()>(socket, &mut slices, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)?;
    let mut descriptors = Vec::new();
    for ancillary in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(raw) = ancillary {
            // SAFETY: the kernel has just made these descriptors for this process, and nobody else knows them.
            descriptors.extend(raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    Ok((message.bytes, descriptors))
}
