//! The server's side of jails: starts the jailer, has jails made, launches, listens to notices, stops.

use super::cgroup::Group;
use super::jailer::{READY, Settings};
use super::launch::{Creation, Descriptors, Launch, Notice, ProgramStreams, send_stop};
use super::root::Tier;
use nix::sys::signal::Signal;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe;
use tokio::time::timeout;

/// The kernel's own time to take a killed tree apart. Longer means processes that cannot be ended.
const DEATH_PATIENCE: Duration = Duration::from_secs(5);

/// A running jailer process.
#[derive(Debug)]
pub struct Jailer {
    process: Child,
    socket: OwnedFd,
    /// Where it says that it is ready, until somebody has asked.
    answer: Option<ChildStdout>,
    /// Whom a program's streams belong to; `None` where only one user is to be had.
    uid: Option<u32>,
    tier: Tier,
}

/// The other ends of a program's streams.
#[derive(Debug)]
pub struct Streams {
    pub stdin: pipe::Sender,
    pub stdout: pipe::Receiver,
    pub stderr: pipe::Receiver,
}

/// One jail from the server's side. Dropping it ends whatever still runs inside.
#[derive(Debug)]
pub struct Jail {
    control: AsyncFd<OwnedFd>,
    pidfd: Option<OwnedFd>,
    streams: Option<Streams>,
    waits: bool,
    /// Whose processes do not end with the jail's first one, where there is no namespace to hold them.
    outliving: Option<u32>,
}

impl Jailer {
    /// Starts the jailer and puts it into `group`. It takes wishes at once and fulfils them when it is ready.
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
        let uid = (settings.tier != Tier::UserNamespace).then_some(settings.uid);
        Ok(Self { answer: process.stdout.take(), process, socket, uid, tier: settings.tier })
    }

    /// Waits until the jailer is ready.
    ///
    /// # Errors
    /// What the environment does not grant, in words.
    pub fn ready(&mut self) -> io::Result<()> {
        let Some(answer) = self.answer.take() else { return Ok(()) };
        let mut answer = BufReader::new(answer);
        let mut line = String::new();
        answer.read_line(&mut line)?;
        match line.trim() {
            READY => Ok(()),
            "" => Err(io::Error::other("the jailer ended without a word")),
            _ => {
                // An interpreter that does not start says why in its last line.
                let said = answer.lines().map_while(Result::ok).last().unwrap_or(line);
                Err(io::Error::other(said.trim().to_owned()))
            }
        }
    }

    /// Whether the process still lives; the kernel may have ended it when a run left its group no memory.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Has a jail made. Returns at once; errors that come later arrive as [`Notice::Failed`].
    pub fn create(&self, creation: &Creation) -> io::Result<Jail> {
        let (control, theirs) = packet_pair()?;
        let (stdin, stdin_ours) = pipe()?;
        let (stdout_ours, stdout) = pipe()?;
        let (stderr_ours, stderr) = pipe()?;
        [&control, &stdin_ours, &stdout_ours, &stderr_ours].into_iter().try_for_each(set_nonblocking)?;
        // A program may open its streams once more by name, which asks for their owner.
        for theirs in [&stdin, &stdout, &stderr] {
            own_descriptor(theirs, self.uid)?;
        }
        let program = ProgramStreams { stdin, stdout, stderr };
        creation.send(self.socket.as_raw_fd(), &Descriptors { control: theirs, streams: program })?;
        let streams = Streams {
            stdin: pipe::Sender::from_owned_fd(stdin_ours)?,
            stdout: pipe::Receiver::from_owned_fd(stdout_ours)?,
            stderr: pipe::Receiver::from_owned_fd(stderr_ours)?,
        };
        let outliving = self.uid.filter(|_| self.tier == Tier::Shared);
        Ok(Jail { control: watched(control)?, pidfd: None, streams: Some(streams), waits: false, outliving })
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
    /// Starts the program in this jail and hands over its streams.
    pub fn launch(&mut self, launch: &Launch, export: Option<&OwnedFd>) -> io::Result<Streams> {
        launch.send(self.control.get_ref().as_raw_fd(), export)?;
        self.streams.take().ok_or_else(|| io::Error::other("a jail runs one program only"))
    }

    /// The next notice with its descriptor; `None` when the jail is gone without a last word.
    pub async fn notice(&mut self) -> io::Result<Option<(Notice, Option<OwnedFd>)>> {
        loop {
            let read = |control: &OwnedFd| Notice::receive(control.as_raw_fd());
            match self.control.async_io(Interest::READABLE, read).await {
                Ok(Some((Notice::Created, pidfd))) => self.pidfd = pidfd,
                Ok(Some((Notice::Emptied | Notice::Waiting, _))) => {}
                // Said once, when it has ended without reading an order. Its last words are still to be read.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                other => return other,
            }
        }
    }

    /// Whether the interpreter that was started in this jail has come as far as its script.
    pub fn is_waiting(&mut self) -> bool {
        while !self.waits {
            match Notice::receive(self.control.get_ref().as_raw_fd()) {
                Ok(Some((Notice::Created, pidfd))) => self.pidfd = pidfd,
                Ok(Some((Notice::Emptied, _))) => {}
                Ok(Some((Notice::Waiting, _))) => self.waits = true,
                // Nothing has been said, or the jail is gone, which whoever uses it finds out.
                _ => return false,
            }
        }
        true
    }

    /// Waits until what an earlier program has left is gone, where programs share a place. A jail that ends before is
    /// somebody else's to find out.
    pub async fn emptied(&mut self) {
        while self.outliving.is_some() {
            let read = |control: &OwnedFd| Notice::receive(control.as_raw_fd());
            match self.control.async_io(Interest::READABLE, read).await {
                Ok(Some((Notice::Created, pidfd))) => self.pidfd = pidfd,
                _ => return,
            }
        }
    }

    /// Asks the jail to end everything in it, to count, and to report.
    pub fn stop(&self) {
        send_stop(self.control.get_ref().as_raw_fd());
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

    /// Ends a jail that never ran a program.
    pub async fn end(mut self) -> io::Result<()> {
        self.stop();
        // It may still say that it was made, or that it could not be.
        while self.notice().await?.is_some() {}
        self.gone().await
    }

    /// Waits until the jail's first process, and with it every other one, is gone.
    pub async fn gone(&mut self) -> io::Result<()> {
        let Some(pidfd) = self.pidfd.take() else { return Ok(()) };
        // A pidfd becomes readable when its process has ended.
        let ended = async { watched(pidfd)?.readable().await.map(drop) };
        timeout(DEATH_PATIENCE, ended).await.map_err(|_| io::Error::other("a jail does not end"))??;
        self.sweep().await.map(drop)
    }

    /// Ends what no namespace ends, until nothing of it is left. False where the kernel does that.
    pub async fn sweep(&self) -> io::Result<bool> {
        let Some(uid) = self.outliving else { return Ok(false) };
        let mut command = tokio::process::Command::new("/proc/self/exe");
        command.arg0("docle-runner").arg("sweep").env_clear().stdin(Stdio::null());
        command.uid(uid).gid(uid).kill_on_drop(true);
        let swept = async {
            loop {
                let status = command.status().await?;
                // The jail's own init may be sweeping at the same time, and then each ends the other.
                if status.signal() != Some(libc::SIGKILL) {
                    return Ok(status);
                }
            }
        };
        match timeout(DEATH_PATIENCE, swept).await {
            Ok(Ok(status)) if status.success() => Ok(true),
            Ok(Ok(status)) => Err(io::Error::other(format!("what a jail has left is not ended: {status}"))),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::Error::other("what a jail has left does not end")),
        }
    }
}

impl Drop for Jail {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reader and writer.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?)
}

/// Makes reads and writes of this description return instead of waiting.
fn set_nonblocking(descriptor: &OwnedFd) -> io::Result<()> {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    let flags = OFlag::from_bits_retain(fcntl(descriptor, FcntlArg::F_GETFL)?);
    fcntl(descriptor, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

fn watched(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the owned descriptor moves into the `AsyncFd` and stays the same until that is dropped.
    Ok(unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }?)
}

fn own_descriptor(descriptor: &OwnedFd, uid: Option<u32>) -> io::Result<()> {
    uid.map_or(Ok(()), |uid| std::os::unix::fs::fchown(descriptor, Some(uid), Some(uid)))
}

fn packet_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?)
}

fn keep_at_exec(descriptor: RawFd) -> io::Result<()> {
    // SAFETY: the call takes numbers only.
    nix::errno::Errno::result(unsafe { libc::fcntl(descriptor, libc::F_SETFD, 0) })?;
    Ok(())
}
