//! The server's side of jails: starts the jailer, launches, listens to notices, stops.

use super::cgroup::Group;
use super::jailer::Settings;
use super::launch::{Descriptors, Launch, Notice, STOP};
use nix::sys::signal::Signal;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A running jailer process.
#[derive(Debug)]
pub struct Jailer {
    process: Child,
    socket: OwnedFd,
}

/// The streams of a program, as it sees them.
#[derive(Debug)]
pub struct Streams {
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
}

/// One jail from the server's side. Dropping it ends whatever still runs inside.
#[derive(Debug)]
pub struct Jail {
    control: AsyncFd<OwnedFd>,
    pidfd: Option<OwnedFd>,
}

impl Jailer {
    /// Starts the jailer, puts it into `group` and waits until its root directory stands.
    ///
    /// # Errors
    /// What the environment does not grant, in words.
    pub fn start(settings: &Settings, group: &Group) -> io::Result<Self> {
        let (socket, theirs) = packet_pair()?;
        let number = theirs.as_raw_fd();
        let mut command = Command::new("/proc/self/exe");
        command.arg0("docle-runner").args(["jailer", &number.to_string()]).env_clear();
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // SAFETY: fcntl is async-signal-safe.
        unsafe { command.pre_exec(move || keep_at_exec(number)) };
        let mut process = command.spawn()?;
        drop(theirs);
        group.join(process.id())?;
        let mut input = process.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        input.write_all(&serde_json::to_vec(settings).map_err(io::Error::other)?)?;
        drop(input);
        let mut answer = String::new();
        BufReader::new(process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?).read_line(&mut answer)?;
        match answer.trim() {
            "ready" => Ok(Self { process, socket }),
            "" => Err(io::Error::other("the jailer ended without a word")),
            reason => Err(io::Error::other(reason.to_owned())),
        }
    }

    /// Whether the process still lives; the kernel may have ended it when a run left its group no memory.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Starts a jail. Errors that come later arrive as [`Notice::Failed`].
    pub fn launch(&self, launch: &Launch, streams: Streams, export: Option<OwnedFd>) -> io::Result<Jail> {
        let (control, theirs) = packet_pair()?;
        let Streams { stdin, stdout, stderr } = streams;
        let descriptors = Descriptors { launch: written(launch)?, control: theirs, stdin, stdout, stderr, export };
        descriptors.send(self.socket.as_raw_fd())?;
        set_nonblocking(&control)?;
        Ok(Jail { control: watched(control)?, pidfd: None })
    }
}

impl Drop for Jailer {
    fn drop(&mut self) {
        // The jails die with it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Jail {
    /// The next notice with its descriptor; `None` when the jail is gone without a last word.
    pub async fn notice(&mut self) -> io::Result<Option<(Notice, Option<OwnedFd>)>> {
        loop {
            let read = |control: &OwnedFd| Notice::receive(control.as_raw_fd());
            match self.control.async_io(Interest::READABLE, read).await? {
                Some((Notice::Created, pidfd)) => self.pidfd = pidfd,
                other => return Ok(other),
            }
        }
    }

    /// Asks the jail to end everything in it, to count, and to report.
    pub fn stop(&self) {
        // A jail that is gone needs no order.
        let _ = nix::sys::socket::send(
            self.control.as_raw_fd(),
            &[STOP],
            nix::sys::socket::MsgFlags::MSG_NOSIGNAL | nix::sys::socket::MsgFlags::MSG_DONTWAIT,
        );
    }

    /// Ends the jail at once; what it used remains known to its cgroup only.
    pub fn kill(&self) {
        if let Some(pidfd) = &self.pidfd {
            // SAFETY: a pidfd never names another process than the one it was made for.
            unsafe {
                libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), Signal::SIGKILL as i32, 0, 0);
            }
        }
    }

    /// Waits until the jail's first process, and with it every other one, is gone.
    pub async fn gone(&mut self) -> io::Result<()> {
        let Some(pidfd) = self.pidfd.take() else { return Ok(()) };
        // A pidfd becomes readable when its process has ended.
        watched(pidfd)?.readable().await.map(drop)
    }
}

impl Drop for Jail {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A pipe with the reader for the server (non-blocking) and the writer for a program, or the reverse.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?)
}

/// Makes reads and writes of this description return instead of waiting.
pub fn set_nonblocking(descriptor: &OwnedFd) -> io::Result<()> {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    let flags = OFlag::from_bits_retain(fcntl(descriptor, FcntlArg::F_GETFL)?);
    fcntl(descriptor, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

fn watched(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the owned descriptor moves into the `AsyncFd` and stays the same until that is dropped.
    Ok(unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }?)
}

fn packet_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?)
}

fn keep_at_exec(descriptor: RawFd) -> io::Result<()> {
    // SAFETY: the call takes numbers only.
    nix::errno::Errno::result(unsafe { libc::fcntl(descriptor, libc::F_SETFD, 0) })?;
    Ok(())
}

/// The launch in a file that has no name.
fn written(launch: &Launch) -> io::Result<OwnedFd> {
    // SAFETY: the name is a C string; the descriptor is new and nobody else's.
    let raw = unsafe { libc::memfd_create(c"launch".as_ptr(), libc::MFD_CLOEXEC) };
    let descriptor = unsafe { OwnedFd::from_raw_fd(nix::errno::Errno::result(raw)?) };
    let encoded = postcard::to_stdvec(launch).map_err(io::Error::other)?;
    File::from(descriptor.try_clone()?).write_all(&encoded)?;
    Ok(descriptor)
}
