//! PID 1 of one jail: prepares what the program sees, starts it, reaps everything, and ends with it.

use super::launch::{Bounds, Descriptors, EGRESS_ADDRESS, Ending, Exit, Launch, Notice, STOP};
use super::root::{LAYERS, OUTER_PROC, SCRATCH, Tier};
use super::watch::Watch;
use super::{export, program, sys};
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, kill, signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::time::TimeValLike;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown};
use std::path::Path;

/// Runs one jail to its end and never returns.
pub fn run(tier: Tier, descriptors: &Descriptors) -> ! {
    let control = descriptors.control.as_raw_fd();
    let code = match serve(tier, descriptors) {
        Ok(()) => 0,
        Err((step, error)) => {
            let errno = error.raw_os_error().unwrap_or(0);
            let _ = Notice::Failed { step: step.into(), errno }.send(control, None);
            1
        }
    };
    // SAFETY: ends the process without running the destructors of state that belongs to the jailer.
    unsafe { libc::_exit(code) }
}

type Failure = (&'static str, io::Error);

fn serve(tier: Tier, descriptors: &Descriptors) -> Result<(), Failure> {
    let failed = |step| move |error: io::Error| (step, error);
    sys::die_with_parent().map_err(failed("die with the jailer"))?;
    // SAFETY: the default action runs no code of ours.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }.map_err(|errno| ("reset signals", errno.into()))?;
    let launch = descriptors.read_launch().map_err(failed("read the launch"))?;
    nix::unistd::sethostname("sandbox").map_err(|errno| ("name the host", errno.into()))?;
    sys::loopback_up().map_err(failed("bring loopback up"))?;
    make_places(&launch).map_err(failed("make the workspace"))?;
    write_files(&launch).map_err(failed("write the files"))?;
    show_processes(tier).map_err(failed("mount /proc"))?;
    show_packages(&launch).map_err(failed("show the packages"))?;
    let egress = if launch.egress { Some(listen().map_err(failed("listen for egress"))?) } else { None };

    let control = descriptors.control.as_raw_fd();
    let mut reaper = Reaper::new().map_err(failed("watch children"))?;
    Notice::Started.send(control, egress.as_ref().map(AsRawFd::as_raw_fd)).map_err(failed("say it starts"))?;
    drop(egress);
    // SAFETY: this process has one thread.
    match unsafe { fork() }.map_err(|errno| ("fork", errno.into()))? {
        ForkResult::Child => program::start(tier, &launch, descriptors),
        ForkResult::Parent { child } => reaper.program = Some(child),
    }
    let keep: &[u32] = if launch.export { &[sys::CAP_KILL, sys::CAP_DAC_OVERRIDE] } else { &[sys::CAP_KILL] };
    sys::keep_capabilities(keep).map_err(failed("drop capabilities"))?;

    let mut ending = reaper.wait(&descriptors.control, &launch.bounds).map_err(failed("wait for the program"))?;
    if let (Exit::Code(0), Some(target)) = (ending.exit, &descriptors.export) {
        export::copy_tree(Path::new("/packages"), target).map_err(failed("copy the packages out"))?;
        ending.exported = true;
    }
    Notice::Ended(ending).send(control, None).map_err(failed("say how it ended"))
}

/// Mounts the one file system behind all writable places, so that one size holds for all of them.
fn make_places(launch: &Launch) -> io::Result<()> {
    let Bounds { disk_bytes, inodes, .. } = launch.bounds;
    let options = format!("size={disk_bytes},nr_inodes={inodes},mode=0755");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("none"), SCRATCH, Some("tmpfs"), flags, Some(options.as_str()))?;
    let mut places = vec![("workspace", "/workspace", 0o755), ("tmp", "/tmp", 0o1777), ("shm", "/dev/shm", 0o1777)];
    if launch.export {
        places.push(("packages", "/packages", 0o755));
    }
    for (name, target, mode) in places {
        let source = Path::new(SCRATCH).join(name);
        fs::create_dir(&source)?;
        fs::set_permissions(&source, Permissions::from_mode(mode))?;
        chown(&source, Some(launch.uid), Some(launch.uid)).or_else(ignore_unmapped)?;
        mount(Some(&source), target, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    }
    Ok(umount2(SCRATCH, MntFlags::MNT_DETACH)?)
}

/// Writes the program's files into its still empty workspace, where nothing can lead a path astray.
fn write_files(launch: &Launch) -> io::Result<()> {
    let workspace = Path::new("/workspace");
    for (path, content) in &launch.files {
        let path = Path::new(path);
        for directory in path.ancestors().skip(1).collect::<Vec<_>>().into_iter().rev() {
            let directory = workspace.join(directory);
            if !directory.exists() {
                fs::create_dir(&directory)?;
                chown(&directory, Some(launch.uid), Some(launch.uid)).or_else(ignore_unmapped)?;
            }
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o644).custom_flags(libc::O_NOFOLLOW);
        let mut file = options.open(workspace.join(path))?;
        file.write_all(content.as_bytes())?;
        std::os::unix::fs::fchown(&file, Some(launch.uid), Some(launch.uid)).or_else(ignore_unmapped)?;
    }
    Ok(())
}

/// In a user namespace only one number is mapped and everything belongs to it already.
fn ignore_unmapped(error: io::Error) -> io::Result<()> {
    if error.raw_os_error() == Some(libc::EINVAL) { Ok(()) } else { Err(error) }
}

fn show_processes(tier: Tier) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, Some("hidepid=invisible"))?;
    if tier == Tier::UserNamespace {
        umount2(OUTER_PROC, MntFlags::MNT_DETACH)?;
    }
    Ok(())
}

fn show_packages(launch: &Launch) -> io::Result<()> {
    if let Some(layer) = &launch.layer {
        let source = Path::new(LAYERS).join(layer);
        mount(Some(&source), "/packages", None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
        super::root::protect(Path::new("/packages"), 0)?;
    }
    Ok(umount2(LAYERS, MntFlags::MNT_DETACH)?)
}

fn listen() -> io::Result<OwnedFd> {
    let listener = std::net::TcpListener::bind(EGRESS_ADDRESS)?;
    listener.set_nonblocking(true)?;
    Ok(listener.into())
}

/// Waits for children; signals arrive as reads so that one poll covers children, orders and the memory watch.
struct Reaper {
    signals: SignalFd,
    program: Option<Pid>,
    exit: Option<Exit>,
}

impl Reaper {
    fn new() -> io::Result<Self> {
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGCHLD);
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&mask), None)?;
        let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        Ok(Self { signals, program: None, exit: None })
    }

    /// Waits until the program has ended or the server wants it to, then ends and reaps everything that is left.
    fn wait(&mut self, control: &OwnedFd, bounds: &Bounds) -> io::Result<Ending> {
        let mut watch = bounds.watched_memory_bytes.map(Watch::new);
        let mut over_memory = false;
        while self.exit.is_none() && !over_memory {
            if self.ordered_to_stop(control, watch.as_ref().map(Watch::interval))? {
                break;
            }
            while self.signals.read_signal()?.is_some() {}
            self.reap(WaitPidFlag::WNOHANG)?;
            over_memory = watch.as_mut().is_some_and(Watch::is_over);
        }
        loop {
            match kill(Pid::from_raw(-1), Signal::SIGKILL) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err(errno.into()),
            }
            if !self.reap(WaitPidFlag::empty())? {
                break;
            }
        }
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        Ok(Ending {
            exit: self.exit.unwrap_or(Exit::Signal(libc::SIGKILL)),
            cpu_micros: (usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as u64,
            peak_rss_bytes: usage.max_rss() as u64 * 1024,
            over_memory,
            exported: false,
        })
    }

    /// Sleeps until a child ends, the server speaks or the interval is over.
    fn ordered_to_stop(&self, control: &OwnedFd, interval: Option<u16>) -> io::Result<bool> {
        let mut sources =
            [PollFd::new(control.as_fd(), PollFlags::POLLIN), PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        match poll(&mut sources, interval.map_or(PollTimeout::NONE, PollTimeout::from)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        if sources[0].revents().is_none_or(|events| events.is_empty()) {
            return Ok(false);
        }
        let mut order = [0];
        let length = fs::File::from(control.try_clone()?).read(&mut order)?;
        Ok(length == 0 || order[0] == STOP)
    }

    /// Reaps what has ended; without `WNOHANG` waits for one child. False when there is no child at all.
    fn reap(&mut self, flags: WaitPidFlag) -> io::Result<bool> {
        loop {
            let (pid, exit) = match waitpid(None, Some(flags)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, Exit::Code(code)),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, Exit::Signal(signal as i32)),
                Ok(_) => return Ok(true),
                Err(Errno::ECHILD) => return Ok(false),
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(errno.into()),
            };
            if self.program == Some(pid) {
                self.exit = Some(exit);
            }
            if !flags.contains(WaitPidFlag::WNOHANG) {
                return Ok(true);
            }
        }
    }
}
