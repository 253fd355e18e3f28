//! The root directory that every jail starts from: built once, read-only, with only what programs need.
//!
//! The jailer moves into it for good; each jail then gets a copy of this mount namespace and adds what is its own.

use super::jailer::Settings;
use super::terminal::{NEW_TERMINAL, OWN_TERMINAL, TERMINALS};
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Which privileges jails are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// Root with `CAP_SYS_ADMIN`: every run has a user of its own.
    Root,
    /// An ordinary user: the jailer is root of a user namespace, every program an ordinary user of a further one.
    UserNamespace,
    /// Root of a container that may make no namespaces: see [`super::shared`].
    Shared,
}

impl Tier {
    /// For people and for `/health`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::UserNamespace => "user-namespace",
            Self::Shared => "shared",
        }
    }
}

/// What a root directory holds besides the system's own libraries.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Root {
    /// Directory or file of the host → absolute path in the jail.
    pub binds: Vec<(PathBuf, PathBuf)>,
    /// Where packages of a language will be: absolute paths that exist before any package does, because
    /// interpreters look for them while they start.
    pub places: Vec<PathBuf>,
    /// Where package layers lie on the host.
    pub layers: PathBuf,
    /// The root directory of the tree of languages on the host.
    #[serde(default)]
    pub tree: Option<PathBuf>,
}

/// Where package layers lie in the jailer's root; a jail unmounts it before its program starts.
pub const LAYERS: &str = "/.layers";
/// A view of all processes that mounting `/proc` in a user namespace requires to exist; unmounted likewise.
pub const OUTER_PROC: &str = "/.proc";
/// Where the tree of languages lies in the spawner's root. A jail makes it its own root for a program that needs it, and
/// otherwise unmounts it before its program starts.
pub const TREE: &str = "/.tree";
/// Where a jail mounts the one file system that holds all its writable places.
pub const SCRATCH: &str = "/run";

/// Directories of the host's root that are shown when they exist, as links where they are links.
pub const SYSTEM: [&str; 7] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];
/// Configuration that loaders, certificate checks and time zones read.
const CONFIGURATION: [&str; 7] = [
    "/etc/ld.so.cache",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/ca-certificates",
    "/etc/alternatives",
    "/etc/mime.types",
    "/etc/python3",
];
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
const PLACES: [&str; 8] = ["workspace", "tmp", "packages", "run", "proc", ".layers", ".proc", ".tree"];
/// Files of the jails' root that the tree of languages shows as well, where both have them.
const SHARED_WITH_TREE: [&str; 6] =
    ["etc/passwd", "etc/group", "etc/hosts", "etc/hostname", "etc/nsswitch.conf", "etc/ssl/certs"];

impl Root {
    /// Builds the root on the mount point and makes it this process' own.
    pub fn enter(&self, settings: &Settings) -> io::Result<()> {
        let Settings { tier, uid, mount_point, zygote, .. } = settings;
        let (tier, uid) = (*tier, *uid);
        if tier == Tier::Shared {
            return super::shared::enter(self, uid);
        }
        become_private(tier)?;
        step("mount the root", mount(Some("none"), mount_point, Some("tmpfs"), MsFlags::empty(), Some("mode=0755")))?;
        for name in SYSTEM {
            show_system(mount_point, name)?;
        }
        for place in PLACES {
            fs::create_dir(mount_point.join(place))?;
        }
        fs::create_dir(mount_point.join("dev"))?;
        fs::create_dir(mount_point.join("dev/shm"))?;
        for device in DEVICES {
            show_device(Path::new(device), &below(mount_point, Path::new(device)))?;
        }
        show_terminals(mount_point)?;
        for (name, target) in [("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
            symlink(Path::new("/proc/self").join(target), mount_point.join("dev").join(name))?;
        }
        write_configuration(&mount_point.join("etc"), uid)?;
        for path in CONFIGURATION.map(Path::new).into_iter().filter(|path| path.exists()) {
            bind(path, &below(mount_point, path))?;
        }
        let fork = zygote.as_ref().map_or(Ok(Vec::new()), |zygote| zygote.lay(mount_point))?;
        for (source, target) in self.binds.iter().chain(&fork) {
            bind(source, &below(mount_point, target))?;
        }
        for place in &self.places {
            fs::create_dir_all(below(mount_point, place))?;
        }
        bind(&self.layers, &below(mount_point, Path::new(LAYERS)))?;
        symlink("packages/node_modules", mount_point.join("node_modules"))?;
        if let Some(tree) = &self.tree {
            show_tree(tree, mount_point)?;
        }
        if tier == Tier::UserNamespace {
            let target = below(mount_point, Path::new(OUTER_PROC));
            let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
            step("show /proc", mount(Some("/proc"), &target, None::<&str>, flags, None::<&str>))?;
        }
        protect(mount_point, 0)?;
        std::env::set_current_dir(mount_point)?;
        enter_here()
    }
}

/// Makes the place for the terminals of a jail, and the names of them that programs know.
fn show_terminals(mount_point: &Path) -> io::Result<()> {
    fs::create_dir(below(mount_point, Path::new(TERMINALS)))?;
    symlink("pts/ptmx", below(mount_point, Path::new(NEW_TERMINAL)))?;
    let own = Path::new(OWN_TERMINAL);
    // Some containers have none. Their programs ask for a password at their standard input.
    if own.exists() { show_device(own, &below(mount_point, own)) } else { Ok(()) }
}

/// Shows the tree of languages with the devices and the users of the jails' root. Everything else of it is read-only and
/// the same for all; what is added to it on the host appears here.
fn show_tree(tree: &Path, mount_point: &Path) -> io::Result<()> {
    let shown = below(mount_point, Path::new(TREE));
    bind(tree, &shown)?;
    for name in SHARED_WITH_TREE {
        let (own, theirs) = (mount_point.join(name), shown.join(name));
        if own.exists() && theirs.exists() {
            over(&own, &theirs)?;
            protect(&theirs, libc::AT_RECURSIVE)?;
        }
    }
    let devices = shown.join("dev");
    over(&mount_point.join("dev"), &devices)?;
    // The devices below it keep the mounts of their own.
    protect(&devices, 0)
}

/// Mounts what is at `source` over what is at `target`, with all mounts below.
fn over(source: &Path, target: &Path) -> io::Result<()> {
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    step(&format!("show {}", source.display()), mount(Some(source), target, None::<&str>, flags, None::<&str>))
}

/// Makes the tree of languages the root of this jail, with the jail's own places in it.
pub fn change_to_tree() -> io::Result<()> {
    for place in ["/workspace", "/tmp", "/dev/shm", TERMINALS, "/packages", "/proc"] {
        let target = below(Path::new(TREE), Path::new(place));
        match mount(Some(place), &target, None::<&str>, MsFlags::MS_MOVE, None::<&str>) {
            // Without a product and without an export, nothing is mounted there.
            Err(Errno::EINVAL) if place == "/packages" => {}
            moved => step(&format!("move {place}"), moved)?,
        }
    }
    std::env::set_current_dir(TREE)?;
    enter_here()
}

/// Takes a mount away from the root that this process is in.
pub fn remove(target: &str) -> io::Result<()> {
    step("remove a mount", umount2(target, MntFlags::MNT_DETACH))
}

/// Makes the current directory the root.
pub(super) fn enter_here() -> io::Result<()> {
    match nix::unistd::pivot_root(".", ".") {
        Ok(()) => step("leave the old root", umount2(".", MntFlags::MNT_DETACH))?,
        // A container engine's filter forbids pivot_root even to those who may mount, and a root on an initramfs
        // cannot be exchanged. Moving the mount on top and changing the root hides what was there; to undo that takes
        // capabilities and system calls that no program has.
        Err(Errno::EPERM | Errno::EINVAL) => {
            step("move the root", mount(Some("."), "/", None::<&str>, MsFlags::MS_MOVE, None::<&str>))?;
            step("enter the root", nix::unistd::chroot("."))?;
        }
        Err(errno) => step("enter the root", Err(errno))?,
    }
    std::env::set_current_dir("/")
}

/// Leaves the mount namespace of the host, and its user namespace where the tier says so.
fn become_private(tier: Tier) -> io::Result<()> {
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    match tier {
        Tier::Root | Tier::Shared => step("make a mount namespace", unshare(CloneFlags::CLONE_NEWNS))?,
        Tier::UserNamespace => {
            let namespaces = CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS;
            step("make a user namespace", unshare(namespaces))?;
            map_identity(0, uid.as_raw(), gid.as_raw())?;
        }
    }
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    step("detach from the host's mounts", mount(None::<&str>, "/", None::<&str>, flags, None::<&str>))
}

/// Gives this process the number `inside` in its new user namespace, and no other number a meaning there.
pub fn map_identity(inside: u32, uid: u32, gid: u32) -> io::Result<()> {
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{inside} {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("{inside} {gid} 1"))
}

fn show_system(mount_point: &Path, name: &str) -> io::Result<()> {
    let host = Path::new("/").join(name);
    match fs::symlink_metadata(&host) {
        Ok(found) if found.is_symlink() => symlink(fs::read_link(&host)?, mount_point.join(name)),
        Ok(found) if found.is_dir() => bind(&host, &mount_point.join(name)),
        _ => Ok(()),
    }
}

/// The few files of /etc that a program may look into, without anything of the host.
fn write_configuration(etc: &Path, uid: u32) -> io::Result<()> {
    fs::create_dir(etc)?;
    fs::write(etc.join("passwd"), format!("root:x:0:0::/:/bin/false\nsandbox:x:{uid}:{uid}::/tmp:/bin/sh\n"))?;
    fs::write(etc.join("group"), format!("root:x:0:\nsandbox:x:{uid}:\n"))?;
    fs::write(etc.join("hosts"), "127.0.0.1 localhost sandbox\n::1 localhost\n")?;
    fs::write(etc.join("hostname"), "sandbox\n")?;
    fs::write(etc.join("nsswitch.conf"), "passwd: files\ngroup: files\nhosts: files\n")
}

/// Shows a file or directory of the host at `target`: read-only, without devices or set-user-id.
fn bind(source: &Path, target: &Path) -> io::Result<()> {
    show(source, target)?;
    protect(target, libc::AT_RECURSIVE)
}

/// Shows a device of the host at `target`. Reading and writing it does not ask whether the mount is read-only; changing
/// its times or its mode does, and it is the inode of the whole machine.
fn show_device(source: &Path, target: &Path) -> io::Result<()> {
    show(source, target)?;
    restrict_mount(target, 0, libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC)
}

fn show(source: &Path, target: &Path) -> io::Result<()> {
    if source.is_dir() {
        fs::create_dir_all(target)?;
    } else {
        fs::create_dir_all(target.parent().unwrap_or(Path::new("/")))?;
        fs::File::create(target)?;
    }
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    let name = format!("show {}", source.display());
    step(&name, mount(Some(source), target, None::<&str>, flags, None::<&str>))
}

/// Makes a mount read-only and takes devices and set-user-id from it. mount_setattr(2) only adds to what is there,
/// so it is also allowed on the mounts that a user namespace inherits locked.
pub fn protect(path: &Path, recursive: i32) -> io::Result<()> {
    let harmless = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
    restrict_mount(path, recursive, harmless)
}

fn restrict_mount(path: &Path, recursive: i32, attributes: u64) -> io::Result<()> {
    let name = super::sys::c_string(&path.to_string_lossy(), "a mount point")?;
    let attributes = libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let size = size_of::<libc::mount_attr>();
    // SAFETY: the path and the structure outlive the call, and the size is the structure's own.
    let result = unsafe {
        libc::syscall(libc::SYS_mount_setattr, libc::AT_FDCWD, name.as_ptr(), recursive, &raw const attributes, size)
    };
    step("protect a mount", Errno::result(result).map(drop))
}

fn below(root: &Path, absolute: &Path) -> PathBuf {
    root.join(absolute.strip_prefix("/").unwrap_or(absolute))
}

/// Names what could not be done, because an errno alone helps nobody.
fn step<T>(name: &str, result: nix::Result<T>) -> io::Result<T> {
    result.map_err(|errno| io::Error::new(io::Error::from(errno).kind(), format!("cannot {name}: {}", errno.desc())))
}
