//! Jails without namespaces, for containers whose engine grants none: one program at a time, kept apart from the
//! runner by its user, the kernel's file rules and the system call filter.
//!
//! The container is the outer wall here, and it is its own machine or nearly so. Programs share its file system and
//! process table, so what one leaves behind is removed before the next one starts, and its user owns nothing else.

use super::files::{own, write_files};
use super::jailer::Settings;
use super::launch::Launch;
use super::populate::copy_below;
use super::remove::remove_content;
use super::root::Root;
use super::sys;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Gid, Pid, Uid, fork, setresgid, setresuid};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Where programs start, and what belongs to them; made anew for every run.
const WORKSPACE: &str = "/workspace";
/// Where programs write beside others; what is theirs is removed before every run.
const PLACES: [&str; 2] = ["/tmp", "/dev/shm"];
/// Where an installation puts its packages.
pub const EXPORTS: &str = "/tmp/packages";
/// A name for the program's user.
const USERS: &str = "/etc/passwd";

/// Makes the container's own root look like a jail's: the interpreters, the place for packages and the user exist.
pub fn enter(root: &Root, uid: u32) -> io::Result<()> {
    // What a jail's first process leaves, should it be killed itself, comes here and not to the runner.
    adopt_orphans()?;
    // A runner that was killed may have left some.
    while kill_all(uid).is_ok() && others_of(Uid::from_raw(uid))? {
        nix::sched::sched_yield()?;
    }
    fs::create_dir_all(WORKSPACE)?;
    for (source, target) in &root.binds {
        if source != target {
            link(source, target)?;
        }
    }
    for place in &root.places {
        fs::create_dir_all(without_packages(root).join(place.strip_prefix("/packages").unwrap_or(place)))?;
    }
    fs::create_dir_all(without_packages(root))?;
    link(&without_packages(root), Path::new("/packages"))?;
    link(Path::new("packages/node_modules"), Path::new("/node_modules"))?;
    // An earlier runner may have had another user.
    let users = fs::read_to_string(USERS)?;
    let others = users.lines().filter(|line| !line.starts_with("sandbox:"));
    let own = format!("sandbox:x:{uid}:{uid}::/tmp:/bin/sh");
    let lines: Vec<_> = others.chain([own.as_str()]).collect();
    fs::write(USERS, lines.join("\n") + "\n")
}

/// Where `/packages` leads when a run has none: beside the layers, so that it is not taken for one.
pub fn without_packages(root: &Root) -> PathBuf {
    root.layers.with_file_name("no-packages")
}

/// Puts a link at `path` in one step, whatever link was there.
fn link(target: &Path, path: &Path) -> io::Result<()> {
    let aside = PathBuf::from(format!("{}.new", path.display()));
    fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    symlink(target, &aside)?;
    fs::rename(&aside, path)
}

/// Removes what the last program has left. Every process of it is gone, so nothing moves underneath.
pub fn prepare(uid: u32) -> io::Result<()> {
    adopt_orphans()?;
    for place in PLACES {
        remove_content(Path::new(place), Some(uid))?;
    }
    remove_content(Path::new(WORKSPACE), None)?;
    // Not the same directory again: it was the last program's own, with attributes, access lists and inode flags that
    // the program could set and that nobody can list for sure.
    fs::remove_dir(WORKSPACE)?;
    fs::create_dir(WORKSPACE)?;
    fs::set_permissions(WORKSPACE, Permissions::from_mode(0o755))?;
    own(Path::new(WORKSPACE), uid)
}

/// Puts the program's files and packages in place.
pub fn furnish(launch: &Launch, waiting: Option<&str>, settings: &Settings) -> io::Result<()> {
    write_files(launch, waiting, settings.uid)?;
    if let Some(tree) = &launch.workspace {
        copy_below(&settings.root.layers.join(tree), Path::new(WORKSPACE), settings.uid)?;
    }
    let packages = match &launch.layer {
        Some(layer) => settings.root.layers.join(layer),
        None if launch.export => {
            fs::create_dir(EXPORTS)?;
            own(Path::new(EXPORTS), settings.uid)?;
            EXPORTS.into()
        }
        None => without_packages(&settings.root),
    };
    link(&packages, Path::new("/packages"))
}

/// Kills every other process of this process' user until none is left. For a process that has become a program's user.
pub fn sweep() -> io::Result<()> {
    sys::be_prompt();
    loop {
        match kill(Pid::from_raw(-1), Signal::SIGKILL) {
            // Neither says whether a process is left: success comes of processes of other users, and the error of one that
            // has just gone.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(errno.into()),
        }
        if !others_of(Uid::current())? {
            return Ok(());
        }
        nix::sched::sched_yield()?;
    }
}

/// Whether another process of this user has not ended yet. One that only waits to be reaped has.
fn others_of(user: Uid) -> io::Result<bool> {
    let own = std::process::id().to_string();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_string_lossy().parse::<u32>().is_err() || name.to_string_lossy() == own {
            continue;
        }
        // Its owner would not tell: the files of a process that may not be traced are root's. What the process calls itself
        // is in the same text, and need not be UTF-8.
        let status = fs::read(entry.path().join("status")).unwrap_or_default();
        let status = String::from_utf8_lossy(&status);
        let says = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
        if says("Uid:") == Some(&user.to_string()) && !matches!(says("State:"), Some("Z" | "X")) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes processes whose parent has ended children of this one, which reaps them.
pub fn adopt_orphans() -> io::Result<()> {
    // SAFETY: the call takes numbers only.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) })?;
    Ok(())
}

/// Kills every process of the program's user, by a child that has become that user: to it, "all" means those. Who
/// calls this reaps and calls again until nobody is left, so what was forked meanwhile is met the next time.
pub fn kill_all(uid: u32) -> io::Result<()> {
    loop {
        // SAFETY: this process has one thread.
        let child = match unsafe { fork() }? {
            ForkResult::Child => kill_as(uid),
            ForkResult::Parent { child } => child,
        };
        match waitpid(child, None)? {
            WaitStatus::Exited(_, 0) => return Ok(()),
            // The server may be sweeping at the same time, and the program may kill every process of its user, too.
            WaitStatus::Signaled(_, Signal::SIGKILL, _) => {}
            _ => return Err(io::Error::other("the program's processes cannot be ended")),
        }
    }
}

/// Becomes the program's user, kills everybody else who is that, and ends.
fn kill_as(uid: u32) -> ! {
    // Those who are to be ended may keep every processor busy.
    sys::be_prompt();
    let (user, group) = (Uid::from_raw(uid), Gid::from_raw(uid));
    let became = setresgid(group, group, group).and_then(|()| setresuid(user, user, user));
    // Killing as anybody else would end the runner itself.
    let code = match became.and_then(|()| kill(Pid::from_raw(-1), Signal::SIGKILL)) {
        Ok(()) | Err(Errno::ESRCH) => 0,
        Err(_) => 1,
    };
    // SAFETY: ends the process without running destructors of state that belongs to the parent.
    unsafe { libc::_exit(code) }
}
