//! The server's side of jails: starts the jailer, has jails made, launches, listens to notices, stops.

use super::cgroup::Group;
use super::jailer::{READY, Settings};
use super::launch::{Creation, Descriptors, Launch, MAX_ARTIFACTS, Notice, ProgramStreams, send_stop};
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

/// Killing what no namespace holds takes this long at most. Longer means processes that cannot be ended.
const SWEEP_PATIENCE: Duration = Duration::from_secs(5);
/// Bytes that wait in a stream for the server. Node writes what a pipe has no room for later, and forgets it when the
/// program calls `process.exit`; this is the default limit of an output, and all that an unprivileged user may ask for.
pub const STREAM_BYTES: i32 = 1 << 20;

/// A running jailer process.
#[derive(Debug)]
pub struct Jailer {
    process: Child,
    socket: OwnedFd,
    /// Where it says that it is ready, until a caller has asked.
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
    /// The first process; readable when it has ended, and with it every other one in its namespace.
    pidfd: Option<AsyncFd<OwnedFd>>,
    streams: Option<Streams>,
    waits: bool,
    /// Whose processes do not end with the jail's first one, where there is no namespace to hold them.
    outliving: Option<u32>,
    /// The files that the program hands over, by name.
    artifacts: Vec<(String, OwnedFd)>,
    /// The other end of the program's terminal.
    terminal: Option<OwnedFd>,
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

    /// The process.
    pub fn pid(&self) -> u32 {
        self.process.id()
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
        for stream in [&stdout, &stderr] {
            // Where it may not be larger it stays as it is.
            let _ = nix::fcntl::fcntl(stream, nix::fcntl::FcntlArg::F_SETPIPE_SZ(STREAM_BYTES));
        }
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
        Ok(Jail {
            control: watched(control)?,
            pidfd: None,
            streams: Some(streams),
            waits: false,
            outliving,
            artifacts: Vec::new(),
            terminal: None,
        })
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
    /// Closes the streams of a jail that has no program of its own.
    pub fn close_streams(&mut self) {
        self.streams = None;
    }

    /// Starts the program in this jail and hands over its streams.
    pub fn launch(&mut self, launch: &Launch, descriptor: Option<&OwnedFd>) -> io::Result<Streams> {
        launch.send(self.control.get_ref().as_raw_fd(), descriptor)?;
        self.streams.take().ok_or_else(|| io::Error::other("a jail runs one program only"))
    }

    /// The next notice with its descriptor; `None` when the jail is gone without a last word.
    pub async fn notice(&mut self) -> io::Result<Option<(Notice, Option<OwnedFd>)>> {
        loop {
            let read = |control: &OwnedFd| Notice::receive(control.as_raw_fd());
            match self.control.async_io(Interest::READABLE, read).await {
                Ok(Some((Notice::Created, pidfd))) => self.pidfd = pidfd.map(watched).transpose()?,
                Ok(Some((Notice::Prepared | Notice::Waiting, _))) => {}
                Ok(Some((Notice::Artifact { name }, Some(file)))) if self.artifacts.len() < MAX_ARTIFACTS => {
                    self.artifacts.push((name, file));
                }
                Ok(Some((Notice::Terminal, terminal))) => self.terminal = terminal,
                // Said once, when it has ended without reading an order. Its last words are still to be read.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                other => return other,
            }
        }
    }

    /// Takes the files that the program has handed over.
    pub fn take_artifacts(&mut self) -> Vec<(String, OwnedFd)> {
        std::mem::take(&mut self.artifacts)
    }

    /// Takes the other end of the program's terminal, where it has one.
    pub fn take_terminal(&mut self) -> Option<OwnedFd> {
        self.terminal.take()
    }

    /// A second descriptor of the control socket, for what a sandbox is asked while it is listened to.
    pub fn requests(&self) -> io::Result<OwnedFd> {
        self.control.get_ref().try_clone()
    }

    /// Whether the interpreter that was started in this jail has come as far as its script.
    pub fn is_waiting(&mut self) -> bool {
        while !self.waits {
            match Notice::receive(self.control.get_ref().as_raw_fd()) {
                Ok(Some((Notice::Created, pidfd))) => self.pidfd = pidfd.and_then(|pidfd| watched(pidfd).ok()),
                Ok(Some((Notice::Prepared, _))) => {}
                Ok(Some((Notice::Waiting, _))) => self.waits = true,
                // Nothing has been said, or the jail is gone, which the next use finds out.
                _ => return false,
            }
        }
        true
    }

    /// Waits until the jail is there, and what an earlier program has left is gone where programs share a place.
    ///
    /// # Errors
    /// The jail could not be made.
    pub async fn prepared(&mut self) -> io::Result<()> {
        loop {
            let read = |control: &OwnedFd| Notice::receive(control.as_raw_fd());
            match self.control.async_io(Interest::READABLE, read).await? {
                Some((Notice::Created, pidfd)) => self.pidfd = pidfd.map(watched).transpose()?,
                Some((Notice::Prepared, _)) => return Ok(()),
                Some((notice, _)) => return Err(io::Error::other(format!("a jail is not there: {notice:?}"))),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }

    /// Whether programs share a place here, which is emptied before the next one.
    pub fn is_shared(&self) -> bool {
        self.outliving.is_some()
    }

    /// Asks the jail to end everything in it, to count, and to report.
    pub fn stop(&self) {
        send_stop(self.control.get_ref().as_raw_fd());
    }

    /// Takes the first process from what the jail has said, where nobody has read that yet.
    fn find_process(&mut self) {
        while self.pidfd.is_none() {
            match Notice::receive(self.control.get_ref().as_raw_fd()) {
                Ok(Some((Notice::Created, pidfd))) => self.pidfd = pidfd.and_then(|pidfd| watched(pidfd).ok()),
                Ok(Some(_)) => {}
                _ => return,
            }
        }
    }

    /// Ends the jail at once; what it used remains known to its cgroup only.
    pub fn kill(&mut self) {
        self.find_process();
        self.kill_process();
    }

    fn kill_process(&self) {
        if let Some(pidfd) = &self.pidfd {
            // SAFETY: a pidfd never names another process than the one it was made for.
            unsafe {
                libc::syscall(libc::SYS_pidfd_send_signal, pidfd.get_ref().as_raw_fd(), Signal::SIGKILL as i32, 0, 0);
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

    /// Waits until the jail's first process, and with it every other one, is gone. That takes the kernel as long as they
    /// hold much: there is no limit here. May be asked again.
    pub async fn gone(&mut self) -> io::Result<()> {
        self.find_process();
        if let Some(pidfd) = &self.pidfd {
            pidfd.readable().await?.retain_ready();
        }
        self.sweep().await.map(drop)
    }

    /// Ends what no namespace ends, until nothing of it is left. False where the kernel does that.
    pub async fn sweep(&self) -> io::Result<bool> {
        let Some(uid) = self.outliving else { return Ok(false) };
        let swept = async {
            loop {
                let status = sweeper(uid).await?.wait().await?;
                // The jail's own init may be sweeping at the same time, and then each ends the other.
                if status.signal() != Some(libc::SIGKILL) {
                    return Ok(status);
                }
            }
        };
        match timeout(SWEEP_PATIENCE, swept).await {
            Ok(Ok(status)) if status.success() => Ok(true),
            Ok(Ok(status)) => Err(io::Error::other(format!("what a jail has left is not ended: {status}"))),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::Error::other("what a jail has left does not end")),
        }
    }
}

/// Starts a process that ends everything of this user, on a thread of its own: a start waits until the new process has
/// begun, which it does late where hundreds are being taken apart.
async fn sweeper(uid: u32) -> io::Result<tokio::process::Child> {
    let start = move || {
        let mut command = tokio::process::Command::new("/proc/self/exe");
        command.arg0("docle-runner").arg("sweep").env_clear().stdin(Stdio::null());
        command.uid(uid).gid(uid).kill_on_drop(true).spawn()
    };
    tokio::task::spawn_blocking(start).await.map_err(io::Error::other)?
}

#[cfg(test)]
impl Jail {
    /// A jail that says whatever the test says, over the other end of its control socket.
    pub fn fake() -> (Self, OwnedFd) {
        let (control, theirs) = packet_pair().unwrap();
        set_nonblocking(&control).unwrap();
        let control = watched(control).unwrap();
        let artifacts = Vec::new();
        let (streams, terminal) = (None, None);
        (Self { control, pidfd: None, streams, waits: false, outliving: None, artifacts, terminal }, theirs)
    }
}

impl Drop for Jail {
    fn drop(&mut self) {
        // There may be no runtime any more. One whose process is not known yet ends with its control socket.
        self.kill_process();
    }
}

/// Reader and writer.
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

pub fn own_descriptor(descriptor: &OwnedFd, uid: Option<u32>) -> io::Result<()> {
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
