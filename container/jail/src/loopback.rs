//! The loopback interface of a jail's network.

use super::sys;
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork, pipe2, read, write};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Brings the loopback interface of this network namespace up.
pub fn bring_up() -> io::Result<()> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: an all-zero ifreq is a valid one.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads one ifreq.
    Errno::result(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) })?;
    Ok(())
}

/// Moves this process into a network whose loopback interface is up, made by a child in a user namespace of its own:
/// there, unlike here, the child may configure what it has made.
pub fn borrow() -> io::Result<()> {
    let (ready_in, ready_out) = pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    // SAFETY: this process has one thread.
    match unsafe { fork() }? {
        ForkResult::Child => {
            drop(ready_in);
            // The parent opens this child's namespaces through /proc.
            let made = sys::allow_tracing()
                .and_then(|()| Ok(unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?))
                .and_then(|()| bring_up());
            if made.is_ok() && write(&ready_out, b"r").is_ok() {
                // The parent ends this child once it has taken the network over.
                nix::unistd::pause();
            }
            // SAFETY: ends the process without running destructors of state that belongs to the parent.
            unsafe { libc::_exit(1) }
        }
        ForkResult::Parent { child } => {
            drop(ready_out);
            let entered = match read(&ready_in, &mut [0]) {
                Ok(1) => File::open(format!("/proc/{child}/ns/net"))
                    .and_then(|network| Ok(setns(network, CloneFlags::CLONE_NEWNET)?)),
                _ => Err(io::ErrorKind::PermissionDenied.into()),
            };
            // It may have ended by itself.
            let _ = kill(child, Signal::SIGKILL);
            waitpid(child, None)?;
            entered
        }
    }
}
