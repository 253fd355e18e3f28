//! Waits for everything that may happen in a jail at once, and ends and reaps what is left in it.

use super::jailer::Settings;
use super::launch::{Bounds, Ending, Exit, Killed, Notice, Order};
use super::root::Tier;
use super::script::Script;
use super::shared;
use super::watch::Watch;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::time::TimeValLike;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// Killed processes are gone after this long, unless they hold much.
const SLOW: Duration = Duration::from_millis(50);

/// Signals arrive as reads, so that one poll covers children, orders, the script and the memory watch.
#[derive(Debug)]
pub struct Reaper {
    signals: SignalFd,
    program: Option<Pid>,
    exit: Option<Exit>,
    script: Option<Script>,
    /// Set where the program's processes are not alone in their namespace.
    shared_uid: Option<u32>,
}

/// Why a wait is over.
#[derive(Debug)]
pub enum Wake {
    Order(Order),
    /// The program has ended.
    Exit,
    /// What else was waited for can be read.
    Other,
    /// None of these within the interval.
    Time,
}

impl Reaper {
    pub fn new(settings: &Settings) -> io::Result<Self> {
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGCHLD);
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&mask), None)?;
        let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        let shared_uid = (settings.tier == Tier::Shared).then_some(settings.uid);
        Ok(Self { signals, program: None, exit: None, script: None, shared_uid })
    }

    /// Takes `program` for the process whose end is the run's end.
    pub fn watch(&mut self, program: Pid) {
        self.program = Some(program);
    }

    /// Passes the script's text on while waiting.
    pub fn feed(&mut self, script: Script) {
        self.script = Some(script);
    }

    /// Waits for an order, for the end of the program, or until `other` can be read.
    pub fn next(&mut self, control: &OwnedFd, other: Option<BorrowedFd>) -> io::Result<Wake> {
        loop {
            match self.poll(control, other, None)? {
                Wake::Time => {}
                wake => return Ok(wake),
            }
        }
    }

    /// Waits until the program, which started at `began`, has ended or the server wants it to, then ends and reaps
    /// everything that is left.
    pub fn wait(&mut self, began: Instant, control: &OwnedFd, bounds: &Bounds) -> io::Result<Ending> {
        let mut watch = bounds.watched_memory_bytes.map(|memory| Watch::new(memory, bounds, self.shared_uid));
        let (mut over_memory, mut over_cpu) = (false, false);
        while !over_memory && !over_cpu {
            match self.poll(control, None, watch.as_ref().map(Watch::interval))? {
                Wake::Order(_) | Wake::Other | Wake::Exit => break,
                Wake::Time => {
                    over_memory = watch.as_mut().is_some_and(Watch::is_over);
                    if let (Some(watch), Some(limit)) = (&watch, bounds.watched_cpu_micros) {
                        // What orphans have used, which this process has reaped, counts as well.
                        over_cpu = watch.cpu_micros() + reaped_micros()? > limit;
                    }
                }
            }
        }
        let peak_bytes = watch.as_ref().map_or(0, Watch::peak_bytes);
        self.end_all(|exit| {
            // What is still being taken apart is counted where no group does.
            let cpu_micros = watch.as_ref().map_or(0, Watch::cpu_micros);
            Notice::Killed(Killed { exit, over_memory, over_cpu, cpu_micros, peak_bytes })
                .send(control.as_raw_fd(), None)
        })?;
        let peak_rss = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
        Ok(Ending {
            exit: self.exit.unwrap_or(Exit::Signal(libc::SIGKILL)),
            duration_micros: began.elapsed().as_micros() as u64,
            cpu_micros: reaped_micros()?,
            peak_bytes: peak_bytes.max(peak_rss as u64 * 1024),
            over_memory,
            over_cpu,
            exported: false,
            artifacts_omitted: 0,
        })
    }

    /// Kills every other process of this jail and waits until none is left. Calls `slow` once if that takes long, with how
    /// the program has ended, where it has: from then on nothing of it runs any more.
    pub fn end_all(&mut self, slow: impl FnOnce(Option<Exit>) -> io::Result<()>) -> io::Result<()> {
        let began = Instant::now();
        let mut slow = Some(slow);
        loop {
            self.kill_all()?;
            // Before children are reaped: who ends later is signalled anew.
            while self.signals.read_signal()?.is_some() {}
            if !self.reap()? {
                return Ok(());
            }
            let left = SLOW.saturating_sub(began.elapsed());
            if let Some(say) = slow.take_if(|_| left.is_zero()) {
                say(self.exit)?;
            }
            let patience = if slow.is_some() { timeout(left) } else { PollTimeout::NONE };
            match poll(&mut [PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)], patience) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    fn kill_all(&self) -> io::Result<()> {
        match self.shared_uid {
            Some(uid) => {
                // A program that was just forked may not have become its user yet.
                if let (Some(program), None) = (self.program, self.exit) {
                    kill(program, Signal::SIGKILL)?;
                }
                shared::kill_all(uid)
            }
            None => match kill(Pid::from_raw(-1), Signal::SIGKILL) {
                Ok(()) | Err(Errno::ESRCH) => Ok(()),
                Err(errno) => Err(errno.into()),
            },
        }
    }

    /// Sleeps until a child ends, the server speaks, the script's reader has room, `other` can be read or the interval
    /// is over.
    fn poll(&mut self, control: &OwnedFd, other: Option<BorrowedFd>, interval: Option<u16>) -> io::Result<Wake> {
        let mut sources =
            vec![PollFd::new(control.as_fd(), PollFlags::POLLIN), PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        let script = self.script.as_ref().map(|script| PollFd::new(script.as_fd(), PollFlags::POLLOUT));
        let writes = script.is_some();
        sources.extend(script);
        sources.extend(other.map(|other| PollFd::new(other, PollFlags::POLLIN)));
        match poll(&mut sources, interval.map_or(PollTimeout::NONE, PollTimeout::from)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let happened =
            |index: usize| sources.get(index).and_then(PollFd::revents).is_some_and(|events| !events.is_empty());
        let (ordered, signalled, has_room) = (happened(0), happened(1), writes && happened(2));
        let other = happened(2 + usize::from(writes));
        if has_room && self.script.as_mut().is_some_and(Script::pass_on) {
            // Closing it is the end of the file for the reader.
            self.script = None;
        }
        if signalled {
            while self.signals.read_signal()?.is_some() {}
            self.reap()?;
        }
        if self.exit.is_some() {
            return Ok(Wake::Exit);
        }
        if ordered {
            return Order::receive(control.as_raw_fd()).map(Wake::Order);
        }
        Ok(if other { Wake::Other } else { Wake::Time })
    }

    /// Reaps what has ended. False when there is no child at all.
    fn reap(&mut self) -> io::Result<bool> {
        loop {
            let (pid, exit) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
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
        }
    }
}

/// Processor time of all processes that this one has reaped, and of those that they have.
fn reaped_micros() -> io::Result<u64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    Ok((usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as u64)
}

/// A time to poll for, at least a millisecond: less would be none.
fn timeout(left: Duration) -> PollTimeout {
    PollTimeout::try_from(left.max(Duration::from_millis(1))).unwrap_or(PollTimeout::ZERO)
}
