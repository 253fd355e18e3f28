//! The jailer: one process, one thread, starts the jails of one place and knows nothing else.
//!
//! It joins the place's control group once, before its first jail, and every jail inherits that. Moving each jail's
//! process instead would cost a grace period of the kernel, about 10 ms, whenever nothing else was moved lately.

use super::launch::{Creation, Descriptors, Notice};
use super::root::{Root, Tier};
use super::{init, sys};
use nix::sys::signal::{SigHandler, Signal, signal};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

/// What the server tells a new jailer on standard input, as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    pub tier: Tier,
    pub root: Root,
    /// An existing directory to mount the jails' root on.
    pub mount_point: PathBuf,
    /// The user that programs run as, so that it has a name.
    pub uid: u32,
}

/// Namespaces that every jail gets of its own where it may.
const NAMESPACES: i32 = libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// Runs the jailer until the server goes away. The first line on standard output says `ready`, or what failed.
pub fn serve(socket: OwnedFd) -> io::Result<()> {
    let settings: Settings = serde_json::from_reader(io::stdin()).map_err(io::Error::other)?;
    let prepared = sys::die_with_parent()
        .and_then(|()| settings.root.enter(settings.tier, &settings.mount_point, settings.uid))
        .and_then(|()| sys::forbid_tracing());
    let mut answer = io::stdout();
    match prepared {
        Ok(()) => writeln!(answer, "ready")?,
        Err(error) => return writeln!(answer, "{error}"),
    }
    answer.flush()?;
    // SAFETY: ignoring a signal runs no code; children are then reaped by the kernel.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }?;
    while let Some((creation, descriptors)) = Creation::receive(socket.as_raw_fd())? {
        let control = descriptors.control.try_clone()?;
        if let Err(error) = start(&settings, &socket, &creation, &descriptors) {
            let notice = Notice::Failed { step: "create".into(), errno: error.raw_os_error().unwrap_or(0) };
            // The server sees the end of the socket if even this cannot be said.
            let _ = notice.send(control.as_raw_fd(), None);
        }
    }
    Ok(())
}

/// Starts one jail.
fn start(settings: &Settings, socket: &OwnedFd, creation: &Creation, with: &Descriptors) -> io::Result<()> {
    // SAFETY: the jailer has one thread.
    match unsafe { sys::fork_into(if settings.tier == Tier::Shared { 0 } else { NAMESPACES }) }? {
        None => {
            // SAFETY: the child's copy of the jailer's socket; it never touches it again.
            unsafe { libc::close(socket.as_raw_fd()) };
            init::run(settings, creation, with);
        }
        Some(pidfd) => Notice::Created.send(with.control.as_raw_fd(), Some(pidfd.as_raw_fd())),
    }
}
