//! The loop of init in a sandbox: carries requests out, reaps, and says what has ended.

use super::children::{processes, reap_one};
use super::{command, monitor, root, worker};
use crate::jailer::Jail;
use crate::launch::{Bounds, Exit, Notice, ProgramStreams};
use crate::requests::{Plan, Reply, Request, Spawn, StartFailure};
use crate::stdio::Stdio;
use crate::sys;
use crate::watch::Watch;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, kill, signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::statvfs::statvfs;
use nix::unistd::Pid;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// The step that failed, and why.
type Failure = (&'static str, io::Error);

/// Serves one sandbox until the server wants its end.
pub fn serve(jail: &Jail, plan: &Plan) -> Result<(), Failure> {
    let failed = |step| move |error: io::Error| (step, error);
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    let block = sigprocmask(SigmaskHow::SIG_BLOCK, Some(&mask), None);
    block.map_err(|errno| ("watch children", errno.into()))?;
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC);
    let signals = signals.map_err(|errno| ("watch children", errno.into()))?;
    sys::die_with_parent().map_err(failed("end with the spawner"))?;
    // SAFETY: the default action runs no code of ours.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }.map_err(|errno| ("watch children", errno.into()))?;
    root::enter(jail.settings, plan.disk_bytes, plan.inodes).map_err(failed("build the root"))?;
    let egress = if plan.egress { Some(root::listen().map_err(failed("listen for egress"))?) } else { None };
    root::keep_capabilities(jail.settings.tier).map_err(failed("drop capabilities"))?;
    let watch = plan.watched_memory_bytes.map(|memory| {
        let (disk_bytes, inodes) = (plan.disk_bytes, plan.inodes);
        let watched_memory_bytes = Some(memory);
        Watch::new(
            memory,
            &Bounds { disk_bytes, inodes, watched_memory_bytes, watched_cpu_micros: None, file_bytes: None },
            None,
        )
    });
    let mut supervisor = Supervisor { jail, signals, watch, commands: HashMap::new(), own: HashSet::new() };
    let ready = Notice::Sandbox(Reply::Ready).send(jail.control.as_raw_fd(), egress.as_ref().map(AsRawFd::as_raw_fd));
    ready.map_err(failed("say that it is there"))?;
    drop(egress);
    // When init ends, the kernel ends everything else.
    supervisor.run().map_err(failed("serve"))
}

struct Supervisor<'a> {
    jail: &'a Jail<'a>,
    signals: SignalFd,
    watch: Option<Watch>,
    /// The children that are commands, by process id. A command with a monitor is not init's child.
    commands: HashMap<Pid, Child>,
    /// Processes of ours: those that work on files, and monitors.
    own: HashSet<Pid>,
}

/// What a child of init is for.
#[derive(Debug, Clone, Copy)]
struct Child {
    id: u64,
    /// It watches the command and says how that ended, unless it is ended before.
    is_monitor: bool,
}

impl Supervisor<'_> {
    fn run(&mut self) -> io::Result<()> {
        loop {
            let mut sources = [
                PollFd::new(self.jail.control.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            ];
            let patience = self.watch.as_ref().map_or(PollTimeout::NONE, |watch| watch.interval().into());
            match poll(&mut sources, patience) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            let happened = |index: usize| sources[index].revents().is_some_and(|events| !events.is_empty());
            let (asked, signalled) = (happened(0), happened(1));
            if signalled {
                while self.signals.read_signal()?.is_some() {}
                self.reap()?;
            }
            if asked {
                match Request::receive(self.jail.control.as_raw_fd())? {
                    Some((request, descriptors)) => self.act(request, descriptors)?,
                    None => return Ok(()),
                }
            }
            if self.watch.as_mut().is_some_and(Watch::is_over) {
                self.say(Reply::OverMemory)?;
                self.kill_programs(Signal::SIGKILL)?;
            }
        }
    }

    fn say(&self, reply: Reply) -> io::Result<()> {
        Notice::Sandbox(reply).send(self.jail.control.as_raw_fd(), None)
    }

    fn act(&mut self, request: Request, descriptors: Vec<OwnedFd>) -> io::Result<()> {
        match request {
            Request::Spawn => self.spawn(descriptors),
            Request::Work(job) => match worker::start(self.jail, job, descriptors) {
                Ok(pid) => {
                    self.own.insert(pid);
                    Ok(())
                }
                // A reader at the other end of the socket sees its end.
                Err(_) => Ok(()),
            },
            Request::Kill { id } => {
                let monitors = self.commands.iter().filter(|(_, child)| child.id == id && child.is_monitor);
                for (monitor, _) in monitors {
                    let _ = kill(*monitor, Signal::SIGTERM);
                }
                Ok(())
            }
            Request::Freeze => {
                self.kill_programs(Signal::SIGSTOP)?;
                self.say(Reply::Done)
            }
            Request::Thaw => {
                self.kill_programs(Signal::SIGCONT)?;
                self.say(Reply::Done)
            }
            Request::State => self.say(self.state()),
            Request::Signal { pid, signal } => {
                // 0 and 1 would mean our own group, and everybody.
                if let Some(group) = i32::try_from(pid).ok().filter(|pid| *pid > 1) {
                    // SAFETY: sends a signal. A group that is no more gets none.
                    unsafe { libc::kill(-group, signal) };
                }
                Ok(())
            }
        }
    }

    fn spawn(&mut self, descriptors: Vec<OwnedFd>) -> io::Result<()> {
        let mut descriptors = descriptors.into_iter();
        let mut next = || descriptors.next().ok_or(io::ErrorKind::InvalidInput);
        let (file, stdin, stdout, stderr, status) = (next()?, next()?, next()?, next()?, next()?);
        let group = descriptors.next();
        let spawn = Spawn::read(file)?;
        let id = spawn.id;
        let stdio = match spawn.has_terminal {
            true => Stdio::Terminal(stdin),
            false => Stdio::Pipes(ProgramStreams { stdin, stdout, stderr }),
        };
        // SAFETY: this process has one thread.
        let forked = unsafe { sys::fork_into_group(group.as_ref()) };
        match (forked, &group) {
            (Ok(None), Some(_)) => command::start(self.jail, &spawn, &stdio, &status),
            (Ok(None), None) => monitor::run(self.jail, &spawn, stdio, status),
            (Ok(Some(pid)), group) => {
                let is_monitor = group.is_none();
                self.commands.insert(pid, Child { id, is_monitor });
                if is_monitor {
                    self.own.insert(pid);
                    return Ok(());
                }
                self.say(Reply::Spawned { id, pid: pid.as_raw() as u32 })
            }
            (Err(error), _) => {
                let failure = StartFailure { step: "fork".into(), errno: error.raw_os_error().unwrap_or(0) };
                // Nobody waits where this cannot be said.
                let _ = failure.write(&status);
                Ok(())
            }
        }
    }

    /// Reaps what has ended, and says which commands have.
    fn reap(&mut self) -> io::Result<()> {
        while let Some(ended) = reap_one()? {
            self.own.remove(&ended.pid);
            match self.commands.remove(&ended.pid) {
                Some(Child { id, is_monitor: false }) => self.say(ended.reply(id))?,
                // One that has said how its command ended leaves in order; the server knows about it already.
                Some(Child { id, is_monitor: true }) if ended.exit != Exit::Code(0) => self.say(ended.reply(id))?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Sends a signal to every process but our own. Twice, because some may have been born meanwhile.
    fn kill_programs(&self, signal: Signal) -> io::Result<()> {
        for _ in 0..2 {
            for pid in processes().filter(|pid| !self.own.contains(pid)) {
                let _ = kill(pid, signal);
            }
        }
        Ok(())
    }

    fn state(&self) -> Reply {
        let programs: Vec<_> = processes().filter(|pid| !self.own.contains(pid)).collect();
        let resident = |pid: &Pid| {
            let text = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
            let mut pages = text.split_whitespace().skip(1).map(|field| field.parse::<u64>().unwrap_or(0));
            Some(pages.next()?.saturating_sub(pages.next()?) * sys::page_bytes() as u64)
        };
        let resident_bytes = programs.iter().filter_map(resident).sum();
        let disk_bytes =
            statvfs("/workspace").map_or(0, |found| (found.blocks() - found.blocks_free()) * found.fragment_size());
        Reply::State { processes: programs.len() as u32, resident_bytes, disk_bytes }
    }
}
