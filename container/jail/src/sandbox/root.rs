//! The root directory of a sandbox: one file system of limited size that the user may write to, with the system's
//! directories mounted into it, read-only.

use super::parts;
use crate::files::own;
use crate::jailer::Settings;
use crate::launch::EGRESS_ADDRESS;
use crate::places::start_clocks;
use crate::root::{SCRATCH, Tier, enter_here, protect};
use crate::terminal::mount_terminals;
use crate::{loopback, sys};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Of the spawner's root, what a sandbox has of its own or does not have.
const NOT_SHOWN: [&str; 11] =
    ["workspace", "tmp", "packages", "run", "proc", "dev", "etc", "node_modules", ".layers", ".proc", ".tree"];
/// The directories of the user, below the root.
const OF_USER: [(&str, u32); 10] = [
    ("workspace", 0o755),
    ("app", 0o755),
    ("home/user", 0o755),
    ("mnt/data", 0o755),
    ("tmp", 0o1777),
    ("var/tmp", 0o1777),
    ("run", 0o755),
    ("run/shm", 0o1777),
    (parts::PLACE, 0o700),
    ("opt", 0o755),
];
/// Everybody may make directories in the root, and nobody may take away what is not his.
const ROOT_MODE: u32 = 0o1777;

/// Builds the root and enters it. The namespaces of the jail are those of this process.
pub fn enter(settings: &Settings, disk_bytes: u64, inodes: u64) -> io::Result<()> {
    nix::unistd::sethostname("sandbox")?;
    let top = Path::new(SCRATCH);
    let options = format!("size={disk_bytes},nr_inodes={inodes},mode={ROOT_MODE:o}");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("none"), top, Some("tmpfs"), flags, Some(options.as_str()))?;
    // The umask of the user who started the runner has no effect here.
    fs::set_permissions(top, Permissions::from_mode(ROOT_MODE))?;
    show_system(top)?;
    for (name, mode) in OF_USER {
        let path = top.join(name);
        fs::create_dir_all(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(mode))?;
        own(&path, settings.uid)?;
    }
    show_configuration(&top.join("etc"), settings.uid)?;
    show_devices(top)?;
    show_processes(&top.join("proc"))?;
    std::env::set_current_dir(top)?;
    enter_here()?;
    match start_clocks() {
        // A container may make every other namespace but this one.
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => {}
        result => result?,
    }
    match loopback::bring_up() {
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => loopback::borrow(),
        result => result,
    }
}

/// Shows the system and the interpreters, with the mounts that protect them.
fn show_system(top: &Path) -> io::Result<()> {
    for entry in fs::read_dir("/")? {
        let entry = entry?;
        let (name, from) = (entry.file_name(), entry.path());
        if NOT_SHOWN.iter().any(|hidden| name == *hidden) {
            continue;
        }
        let to = top.join(&name);
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            symlink(fs::read_link(&from)?, to)?;
        } else if kind.is_dir() {
            fs::create_dir(&to)?;
            bind(&from, &to)?;
        }
    }
    Ok(())
}

/// Shows the configuration of the jails' root, with the names of this sandbox's user.
fn show_configuration(etc: &Path, uid: u32) -> io::Result<()> {
    fs::create_dir(etc)?;
    for entry in fs::read_dir("/etc")? {
        let entry = entry?;
        let (from, to) = (entry.path(), etc.join(entry.file_name()));
        if matches!(entry.file_name().to_str(), Some("passwd" | "group")) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            symlink(fs::read_link(&from)?, to)?;
            continue;
        }
        if kind.is_dir() {
            fs::create_dir(&to)?;
        } else {
            fs::File::create(&to)?;
        }
        bind(&from, &to)?;
    }
    fs::write(etc.join("passwd"), format!("root:x:0:0::/:/bin/false\nuser:x:{uid}:{uid}::/home/user:/bin/bash\n"))?;
    fs::write(etc.join("group"), format!("root:x:0:\nuser:x:{uid}:\n"))?;
    bind(etc, etc)?;
    protect(etc, libc::AT_RECURSIVE)
}

fn show_devices(top: &Path) -> io::Result<()> {
    let devices = top.join("dev");
    fs::create_dir(&devices)?;
    bind(Path::new("/dev"), &devices)?;
    mount_terminals(&devices.join("pts"))?;
    bind(&top.join("run/shm"), &devices.join("shm"))
}

/// Mounts a `/proc` that knows this namespace's processes only. Commands of one sandbox see each other there, as on any
/// machine; the file rules keep them from each other's memory and environment.
fn show_processes(proc: &Path) -> io::Result<()> {
    fs::create_dir(proc)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), proc, Some("proc"), flags, None::<&str>)?;
    let settings = proc.join("sys");
    bind(&settings, &settings)?;
    protect(&settings, 0)?;
    Ok(())
}

fn bind(from: &Path, to: &Path) -> io::Result<()> {
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(from), to, None::<&str>, flags, None::<&str>).map_err(|errno| named(from, errno))
}

/// An errno alone helps nobody.
fn named(path: &Path, errno: Errno) -> io::Error {
    let error = io::Error::from(errno);
    io::Error::new(error.kind(), format!("cannot show {}: {}", path.display(), errno.desc()))
}

/// Where commands find the way out.
pub fn listen() -> io::Result<OwnedFd> {
    let listener = std::net::TcpListener::bind(EGRESS_ADDRESS)?;
    listener.set_nonblocking(true)?;
    Ok(listener.into())
}

/// An absolute path of what a caller named: relative ones start in `/workspace`.
pub fn absolute(path: &Path) -> PathBuf {
    Path::new("/workspace").join(path)
}

/// Keeps what init needs to start commands as the user, and to end them.
pub fn keep_capabilities(tier: Tier) -> io::Result<()> {
    sys::keep_capabilities(match tier {
        // With the last one, the kernel takes the filter of a command before no_new_privs, and from a larger budget.
        Tier::Root | Tier::Shared => &[sys::CAP_KILL, sys::CAP_SETGID, sys::CAP_SETUID, sys::CAP_SYS_ADMIN],
        // A command's user namespace maps the root of this one, which takes the last one (user_namespaces(7)). The watch
        // counts processes that have made themselves opaque, too.
        Tier::UserNamespace => &[sys::CAP_KILL, sys::CAP_SYS_PTRACE, sys::CAP_SETFCAP],
    })
}
