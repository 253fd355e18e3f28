//! What each property of a jail costs: `/bin/true` in a new process, with one property more each time.
//!
//! Needs root. Prints one JSON object: step → its times in microseconds, fork to reaped, sorted.

use docle_jail::jailer::Settings;
use docle_jail::root::{Root, Tier};
use docle_jail::seccomp::{Filters, Network};
use docle_jail::{landlock, loopback, places, program, sys};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::time::Instant;

/// A user that nobody else is.
const UID: u32 = 99_999;

/// One property: namespaces of the new process, and what is done in it.
struct Step {
    name: &'static str,
    namespaces: i32,
    act: fn(&Settings) -> io::Result<()>,
}

/// Compiled once, as in a jailer.
static FILTERS: OnceLock<Filters> = OnceLock::new();

fn nothing(_: &Settings) -> io::Result<()> {
    Ok(())
}

/// In the order in which they are added. What a process does to itself comes last in it, whatever the order here.
const STEPS: [Step; 9] = [
    Step { name: "a new process that executes `/bin/true`", namespaces: 0, act: nothing },
    Step {
        name: "its own IPC, UTS and cgroup names",
        namespaces: libc::CLONE_NEWIPC | libc::CLONE_NEWUTS | libc::CLONE_NEWCGROUP,
        act: nothing,
    },
    Step { name: "its own processes", namespaces: libc::CLONE_NEWPID, act: nothing },
    Step { name: "its own network, with loopback", namespaces: libc::CLONE_NEWNET, act: |_| loopback::bring_up() },
    Step {
        name: "its own mounts: writable places and `/proc`",
        namespaces: libc::CLONE_NEWNS,
        act: |settings| {
            places::make_places(settings.uid)?;
            places::show_processes(settings.tier)
        },
    },
    Step { name: "its own clocks", namespaces: 0, act: |_| places::start_clocks() },
    Step { name: "a user of its own, limits, no capabilities", namespaces: 0, act: program::lose_privileges },
    Step { name: "file rules", namespaces: 0, act: |settings| landlock::restrict(settings, Network::Own) },
    Step {
        name: "system call filter",
        namespaces: 0,
        act: |_| FILTERS.get().map_or(Ok(()), |filters| filters.of(Network::Own).install()),
    },
];

fn main() -> io::Result<()> {
    let rounds: usize = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(200);
    let directory = std::env::temp_dir().join(format!("docle-steps-{}", std::process::id()));
    let (mount_point, layers) = (directory.join("root"), directory.join("layers"));
    std::fs::create_dir_all(&mount_point)?;
    std::fs::create_dir_all(&layers)?;
    let root = Root { layers, ..Root::default() };
    let settings = Settings { tier: Tier::Root, root, mount_point, uid: UID, counts_processes: true, zygote: None };
    settings.root.enter(&settings)?;
    let _ = FILTERS.set(Filters::of_tier(settings.tier));
    let mut times: BTreeMap<String, Vec<u128>> = BTreeMap::new();
    for _ in 0..rounds {
        // All steps in each round, so that what else the machine does meets all alike.
        for last in 0..STEPS.len() {
            let taken = run(&STEPS[..=last], &settings)?;
            times.entry(format!("{last} {}", STEPS[last].name)).or_default().push(taken);
        }
    }
    times.values_mut().for_each(|times| times.sort_unstable());
    println!("{}", serde_json::to_string(&times)?);
    Ok(())
}

/// Microseconds of one process with all these properties.
fn run(steps: &[Step], settings: &Settings) -> io::Result<u128> {
    let namespaces = steps.iter().fold(0, |all, step| all | step.namespaces);
    let began = Instant::now();
    // SAFETY: this process has one thread.
    let Some(child) = (unsafe { sys::fork_into(namespaces) })? else {
        let result = steps.iter().try_for_each(|step| (step.act)(settings)).and_then(|()| execute());
        eprintln!("{result:?}");
        std::process::exit(1);
    };
    let status =
        nix::sys::wait::waitid(nix::sys::wait::Id::PIDFd(child.as_fd()), nix::sys::wait::WaitPidFlag::WEXITED)?;
    let taken = began.elapsed().as_micros();
    match status {
        nix::sys::wait::WaitStatus::Exited(_, 0) => Ok(taken),
        other => Err(io::Error::other(format!("{:?} after {}", other, steps[steps.len() - 1].name))),
    }
}

fn execute() -> io::Result<()> {
    let path = CString::new("/bin/true")?;
    let Err(errno) = nix::unistd::execve(&path, &[path.as_c_str()], &[] as &[CString]);
    Err(errno.into())
}
