//! What a program sees of its own: one file system of limited size behind every writable place, its own `/proc`, its
//! own network, and its packages.

use super::files::{own, write_files};
use super::jailer::Settings;
use super::launch::Launch;
use super::populate::copy_below;
use super::root::{LAYERS, OUTER_PROC, SCRATCH, TREE, Tier, change_to_tree, protect};
use super::terminal::{TERMINALS, mount_terminals};
use super::{loopback, sys};
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::CloneFlags;
use nix::time::{ClockId, clock_gettime};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Everything that does not depend on the program to come.
pub fn prepare(settings: &Settings) -> io::Result<()> {
    nix::unistd::sethostname("sandbox")?;
    make_places(settings.uid)?;
    show_processes(settings.tier)?;
    mount_terminals(Path::new(TERMINALS))?;
    match start_clocks() {
        // A container may make every other namespace but this one.
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => {}
        result => result?,
    }
    match loopback::bring_up() {
        // A container may let us make a network but not configure it.
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => loopback::borrow(),
        result => result,
    }
}

/// Everything that does.
pub fn furnish(launch: &Launch, waiting: Option<&str>, uid: u32) -> io::Result<()> {
    resize_places(launch)?;
    write_files(launch, waiting, uid)?;
    if let Some(tree) = &launch.workspace {
        copy_below(&Path::new(LAYERS).join(tree), Path::new("/workspace"), uid)?;
    }
    if launch.export {
        fs::create_dir(Path::new(SCRATCH).join("packages"))?;
        show_place("packages", "/packages", 0o755, uid)?;
    }
    show_packages(launch)?;
    umount2(SCRATCH, MntFlags::MNT_DETACH)?;
    if launch.tree {
        return change_to_tree();
    }
    match umount2(TREE, MntFlags::MNT_DETACH) {
        // This runner has no tree.
        Err(Errno::EINVAL) => Ok(()),
        removed => Ok(removed?),
    }
}

/// Mounts the one file system behind all writable places, so that one size holds for all of them.
pub fn make_places(uid: u32) -> io::Result<()> {
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

/// Mounts a `/proc` that knows this namespace's processes only.
pub fn show_processes(tier: Tier) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, Some("hidepid=invisible"))?;
    // Settings of a jail's own namespaces belong to its user where it has a user namespace.
    mount(Some("/proc/sys"), "/proc/sys", None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    protect(Path::new("/proc/sys"), 0)?;
    if tier == Tier::UserNamespace {
        umount2(OUTER_PROC, MntFlags::MNT_DETACH)?;
    }
    Ok(())
}

/// Lets the clocks that count from the machine's start begin anew for every process to come, so that a program learns
/// neither how long the machine has run nor, from another one, when that one ran.
pub fn start_clocks() -> io::Result<()> {
    nix::sched::unshare(CloneFlags::from_bits_retain(libc::CLONE_NEWTIME))?;
    let seconds = |clock| -> io::Result<i64> { Ok(clock_gettime(clock)?.tv_sec()) };
    let (monotonic, boot) = (seconds(ClockId::CLOCK_MONOTONIC)?, seconds(ClockId::CLOCK_BOOTTIME)?);
    // Nobody else is here yet, and a process that may not be traced does not own its entries in a user namespace.
    sys::allow_tracing()?;
    fs::write("/proc/self/timens_offsets", format!("monotonic -{monotonic} 0\nboottime -{boot} 0\n"))?;
    sys::forbid_tracing()
}

fn show_packages(launch: &Launch) -> io::Result<()> {
    if let Some(layer) = &launch.layer {
        let source = Path::new(LAYERS).join(layer);
        mount(Some(&source), "/packages", None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
        protect(Path::new("/packages"), 0)?;
    }
    Ok(umount2(LAYERS, MntFlags::MNT_DETACH)?)
}
