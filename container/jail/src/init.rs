//! PID 1 of one jail: prepares what the program sees, starts it, reaps everything, and ends with it.

use super::jailer::{Jail, Settings};
use super::launch::{Command, EGRESS_ADDRESS, Exit, Notice, Order, ProgramStreams, Warm};
use super::program::Extras;
use super::reaper::{Reaper, Wake};
use super::root::Tier;
use super::script::Script;
use super::stdio::Stdio;
use super::terminal::{self, Terminal};
use super::{artifacts, export, places, program, sandbox, shared, sys};
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{ForkResult, fork};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::time::Instant;

/// Runs one jail to its end. Returns only in its program, where that is a fork of the interpreter that called this.
pub fn run(jail: &Jail, streams: ProgramStreams) {
    let control = jail.control.as_raw_fd();
    let code = match serve(jail, streams) {
        Ok(Process::Program) => return,
        Ok(Process::Init) => 0,
        Err((step, error)) => {
            let errno = error.raw_os_error().unwrap_or(0);
            let _ = Notice::Failed { step: step.into(), errno }.send(control, None);
            1
        }
    };
    // SAFETY: ends the process without running the destructors of state that belongs to the jailer.
    unsafe { libc::_exit(code) }
}

/// What a process is after a fork.
enum Process {
    Init,
    Program,
}

pub(super) type Failure = (&'static str, io::Error);

fn serve(jail: &Jail, streams: ProgramStreams) -> Result<Process, Failure> {
    let Jail { settings, creation, .. } = *jail;
    let failed = |step| move |error: io::Error| (step, error);
    let control = jail.control.as_raw_fd();
    // Whichever start comes takes them along.
    let mut streams = Some(Stdio::Pipes(streams));
    sys::be_prompt();
    if let Some(plan) = &creation.sandbox {
        drop(streams.take());
        return sandbox::serve(jail, plan).map(|()| Process::Init);
    }
    let mut reaper = Reaper::new(settings).map_err(failed("watch children"))?;
    prepare(settings).map_err(failed("prepare the jail"))?;
    Notice::Prepared.send(control, None).map_err(failed("say that it is prepared"))?;
    let (waiting, opening) = match &creation.warm {
        Some(warm) => {
            let script = Script::lay(warm.script(), settings.uid).map_err(failed("lay the script"))?;
            let (command, opening) = match warm {
                Warm::Execute(command) => {
                    (Some(command), Some(script.opening().map_err(failed("watch for the interpreter"))?))
                }
                // A fork has opened its script before anybody could ask.
                Warm::Fork { .. } => (None, None),
            };
            let started = start(jail, streams.take(), command, Extras::default(), &mut reaper);
            match started.map_err(failed("start the interpreter"))? {
                Process::Program => return Ok(Process::Program),
                Process::Init => (Some(script), opening),
            }
        }
        None => (None, None),
    };
    let mut woken = reaper.next(jail.control, opening.as_ref().map(AsFd::as_fd)).map_err(failed("wait"))?;
    if let Wake::Other = woken {
        Notice::Waiting.send(control, None).map_err(failed("say that an interpreter waits"))?;
        // While nobody waits for it.
        drop(opening);
        woken = reaper.next(jail.control, None).map_err(failed("wait"))?;
    }
    let Wake::Order(Order::Launch(launch, descriptor)) = woken else {
        return reaper.end_all(|_| Ok(())).map_err(failed("end")).map(|()| Process::Init);
    };
    let (input, export) = if launch.has_input { (descriptor, None) } else { (None, descriptor) };
    if let (Some(input), Some(Stdio::Pipes(pipes))) = (input, &mut streams) {
        pipes.stdin = input;
    }
    let script = waiting.as_ref().map(Script::path);
    let furnished = match settings.tier {
        Tier::Shared => shared::furnish(&launch, script, settings),
        Tier::Root | Tier::UserNamespace => places::furnish(&launch, script, settings.uid),
    };
    furnished.map_err(failed("furnish the jail"))?;
    // Held to the end: a program that closes its terminal may open it again, and its output has ended only then.
    let mut held = None;
    if let Some(size) = launch.terminal {
        let Terminal { outer, inner } = terminal::open(size, settings.uid).map_err(failed("open a terminal"))?;
        let given = Notice::Terminal.send(control, Some(outer.as_raw_fd()));
        given.map_err(failed("hand the terminal over"))?;
        held = Some(inner.try_clone().map_err(failed("hold the terminal"))?);
        streams = Some(Stdio::Terminal(inner));
    }
    let egress = if launch.egress { Some(listen().map_err(failed("listen for egress"))?) } else { None };
    Notice::Started.send(control, egress.as_ref().map(AsRawFd::as_raw_fd)).map_err(failed("say it starts"))?;
    drop(egress);
    let began = Instant::now();
    match (&launch.command, waiting) {
        (Some(command), None) => {
            let extras = Extras { egress: launch.egress, file_bytes: launch.bounds.file_bytes };
            start(jail, streams.take(), Some(command), extras, &mut reaper).map_err(failed("start"))?;
        }
        (None, Some(mut script)) => {
            script.arrive(&launch.files, settings.uid).map_err(failed("put the script in place"))?;
            reaper.feed(script);
        }
        _ => return Err(("match the launch to the jail", io::ErrorKind::InvalidInput.into())),
    }
    sys::keep_capabilities(capabilities(settings.tier, export.is_some() || !launch.artifacts.is_empty()))
        .map_err(failed("drop capabilities"))?;

    let mut ending = reaper.wait(began, jail.control, &launch.bounds).map_err(failed("wait for the program"))?;
    if let (Exit::Code(0), Some(target)) = (ending.exit, &export) {
        let copied = export::copy_tree(Path::new(packages(settings.tier)), target, launch.bounds.disk_bytes);
        // What cannot be copied was made by the program, so it is the program's failure.
        ending.exported = copied.is_ok();
    }
    if !launch.artifacts.is_empty() {
        // A tree that cannot be read hands nothing over; the run goes on to its report.
        let say = |name: String, file: &OwnedFd| Notice::Artifact { name }.send(control, Some(file.as_raw_fd()));
        ending.artifacts_omitted = artifacts::hand_over(Path::new("/workspace"), &launch.artifacts, say).unwrap_or(0);
    }
    let said = Notice::Ended(ending).send(control, None);
    drop(held);
    said.map_err(failed("say how it ended")).map(|()| Process::Init)
}

/// Everything that does not depend on the program to come.
fn prepare(settings: &Settings) -> io::Result<()> {
    sys::die_with_parent()?;
    // SAFETY: the default action runs no code of ours.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }?;
    match settings.tier {
        Tier::Shared => shared::prepare(settings.uid),
        Tier::Root | Tier::UserNamespace => places::prepare(settings),
    }
}

/// Where a program with [`Launch::export`] puts what is to be copied out.
fn packages(tier: Tier) -> &'static str {
    match tier {
        Tier::Shared => shared::EXPORTS,
        Tier::Root | Tier::UserNamespace => "/packages",
    }
}

/// What init still needs while its program runs: to end it, and to read what it exports or hands over.
fn capabilities(tier: Tier, exports: bool) -> &'static [u32] {
    match (tier, exports) {
        // Ending a program here means to become its user first.
        (Tier::Shared, _) => &[sys::CAP_KILL, sys::CAP_DAC_OVERRIDE, sys::CAP_SETUID, sys::CAP_SETGID],
        // The watch counts processes that have made themselves opaque, too. Without the capability those are out of sight.
        (Tier::UserNamespace, true) => &[sys::CAP_KILL, sys::CAP_SYS_PTRACE, sys::CAP_DAC_OVERRIDE],
        (Tier::UserNamespace, false) => &[sys::CAP_KILL, sys::CAP_SYS_PTRACE],
        (Tier::Root, true) => &[sys::CAP_KILL, sys::CAP_DAC_OVERRIDE],
        // The capability also keeps programs from changing init's priority: the kernel asks for a set that is no larger.
        (Tier::Root, false) => &[sys::CAP_KILL],
    }
}

/// Starts the program: `command`, or where there is none what this process is a fork of. Its streams are then its own.
fn start(
    jail: &Jail,
    streams: Option<Stdio>,
    command: Option<&Command>,
    extras: Extras,
    reaper: &mut Reaper,
) -> io::Result<Process> {
    let streams = streams.ok_or_else(|| io::Error::other("a jail starts one program only"))?;
    // SAFETY: this process has one thread.
    match unsafe { fork() }? {
        ForkResult::Child => {
            program::start(jail, &streams, command, extras);
            Ok(Process::Program)
        }
        ForkResult::Parent { child } => {
            reaper.watch(child);
            Ok(Process::Init)
        }
    }
}

fn listen() -> io::Result<OwnedFd> {
    let listener = std::net::TcpListener::bind(EGRESS_ADDRESS)?;
    listener.set_nonblocking(true)?;
    Ok(listener.into())
}
