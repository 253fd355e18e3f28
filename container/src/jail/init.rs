//! PID 1 of one jail: prepares what the program sees, starts it, reaps everything, and ends with it.

use super::jailer::Settings;
use super::launch::{Command, Creation, Descriptors, EGRESS_ADDRESS, Exit, Launch, Notice, Order};
use super::reaper::{Reaper, Wake};
use super::root::{LAYERS, OUTER_PROC, SCRATCH, Tier};
use super::script::Script;
use super::{export, loopback, program, sys};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{ForkResult, fork};
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown};
use std::path::Path;

/// Runs one jail to its end and never returns.
pub fn run(settings: &Settings, creation: &Creation, descriptors: &Descriptors) -> ! {
    let control = descriptors.control.as_raw_fd();
    let code = match serve(settings, creation, descriptors) {
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

fn serve(settings: &Settings, creation: &Creation, descriptors: &Descriptors) -> Result<(), Failure> {
    let failed = |step| move |error: io::Error| (step, error);
    let control = descriptors.control.as_raw_fd();
    let mut reaper = Reaper::new().map_err(failed("watch children"))?;
    prepare(settings).map_err(failed("prepare the jail"))?;
    let waiting = match &creation.warm {
        Some(command) => {
            let script = Script::lay(&command.script, settings.uid).map_err(failed("lay the script"))?;
            start(settings, command, descriptors, &mut reaper).map_err(failed("start the interpreter"))?;
            Some(script)
        }
        None => None,
    };
    let Wake::Order(Order::Launch(launch, export)) = reaper.next(&descriptors.control).map_err(failed("wait"))? else {
        return reaper.end_all().map_err(failed("end"));
    };
    furnish(&launch, settings.uid).map_err(failed("furnish the jail"))?;
    let egress = if launch.egress { Some(listen().map_err(failed("listen for egress"))?) } else { None };
    Notice::Started.send(control, egress.as_ref().map(AsRawFd::as_raw_fd)).map_err(failed("say it starts"))?;
    drop(egress);
    match (&launch.command, waiting) {
        (Some(command), None) => start(settings, command, descriptors, &mut reaper).map_err(failed("start"))?,
        (None, Some(script)) => reaper.feed(script, &launch.files),
        _ => return Err(("match the launch to the jail", io::ErrorKind::InvalidInput.into())),
    }
    let keep: &[u32] = if export.is_some() { &[sys::CAP_KILL, sys::CAP_DAC_OVERRIDE] } else { &[sys::CAP_KILL] };
    sys::keep_capabilities(keep).map_err(failed("drop capabilities"))?;

    let limit = launch.bounds.watched_memory_bytes;
    let mut ending = reaper.wait(&descriptors.control, limit).map_err(failed("wait for the program"))?;
    if let (Exit::Code(0), Some(target)) = (ending.exit, &export) {
        export::copy_tree(Path::new("/packages"), target).map_err(failed("copy the packages out"))?;
        ending.exported = true;
    }
    Notice::Ended(ending).send(control, None).map_err(failed("say how it ended"))
}

/// Everything that does not depend on the program to come.
fn prepare(settings: &Settings) -> io::Result<()> {
    sys::die_with_parent()?;
    // SAFETY: the default action runs no code of ours.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }?;
    nix::unistd::sethostname("sandbox")?;
    make_places(settings.uid)?;
    show_processes(settings.tier)?;
    match loopback::bring_up() {
        // A container may let us make a network but not configure it.
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => loopback::borrow(),
        result => result,
    }
}

/// Everything that does.
fn furnish(launch: &Launch, uid: u32) -> io::Result<()> {
    resize_places(launch)?;
    write_files(launch, uid)?;
    if launch.export {
        fs::create_dir(Path::new(SCRATCH).join("packages"))?;
        show_place("packages", "/packages", 0o755, uid)?;
    }
    show_packages(launch)?;
    Ok(umount2(SCRATCH, MntFlags::MNT_DETACH)?)
}

fn start(settings: &Settings, command: &Command, with: &Descriptors, reaper: &mut Reaper) -> io::Result<()> {
    // SAFETY: this process has one thread.
    match unsafe { fork() }? {
        ForkResult::Child => program::start(settings, command, with),
        ForkResult::Parent { child } => reaper.watch(child),
    }
    Ok(())
}

/// Mounts the one file system behind all writable places, so that one size holds for all of them.
fn make_places(uid: u32) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("none"), SCRATCH, Some("tmpfs"), flags, Some("size=1m,nr_inodes=64,mode=0755"))?;
    for (name, target, mode) in
        [("workspace", "/workspace", 0o755), ("tmp", "/tmp", 0o1777), ("shm", "/dev/shm", 0o1777)]
    {
        fs::create_dir(Path::new(SCRATCH).join(name))?;
        show_place(name, target, mode, uid)?;
    }
    Ok(())
}

fn show_place(name: &str, target: &str, mode: u32, uid: u32) -> io::Result<()> {
    let source = Path::new(SCRATCH).join(name);
    fs::set_permissions(&source, Permissions::from_mode(mode))?;
    own(&source, uid)?;
    Ok(mount(Some(&source), target, None::<&str>, MsFlags::MS_BIND, None::<&str>)?)
}

/// Gives the file system its size for the run to come.
fn resize_places(launch: &Launch) -> io::Result<()> {
    let options = format!("size={},nr_inodes={}", launch.bounds.disk_bytes, launch.bounds.inodes);
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    Ok(mount(None::<&str>, SCRATCH, None::<&str>, flags, Some(options.as_str()))?)
}

/// Hands a path over to the program's user.
fn own(path: &Path, uid: u32) -> io::Result<()> {
    chown(path, Some(uid), Some(uid)).or_else(ignore_unmapped)
}

/// Writes the program's files into its still empty workspace, where nothing can lead a path astray.
///
/// A file takes the place of a script that an interpreter is already waiting for: what it then reads comes from
/// [`Script`], and what anybody opens from now on is the file.
fn write_files(launch: &Launch, uid: u32) -> io::Result<()> {
    let workspace = Path::new("/workspace");
    for (path, content) in &launch.files {
        let path = Path::new(path);
        for directory in path.ancestors().skip(1).collect::<Vec<_>>().into_iter().rev() {
            let directory = workspace.join(directory);
            if !directory.exists() {
                fs::create_dir(&directory)?;
                own(&directory, uid)?;
            }
        }
        let path = workspace.join(path);
        let replaces = launch.command.is_none() && path.exists();
        let written = if replaces { Path::new(SCRATCH).join("script") } else { path.clone() };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o644).custom_flags(libc::O_NOFOLLOW);
        let mut file = options.open(&written)?;
        file.write_all(content.as_bytes())?;
        std::os::unix::fs::fchown(&file, Some(uid), Some(uid)).or_else(ignore_unmapped)?;
        if replaces {
            // /workspace is a part of the same file system, but another mount of it.
            fs::rename(
                &written,
                Path::new(SCRATCH).join("workspace").join(path.strip_prefix(workspace).unwrap_or(&path)),
            )?;
        }
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
