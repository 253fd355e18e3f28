//! Jails: a fresh one around every program, made by a small single-threaded process beside the server.
//!
//! Three kinds of process, each knowing less than the one before:
//! * the **server** holds the secret, listens, and never executes a program;
//! * the **jailer** ([`jailer`]) is this binary once more, started with an empty environment. It lives in a mount
//!   namespace of its own ([`root`]) and starts jails because it may fork safely, having one thread;
//! * **init** ([`init`]) is PID 1 of one jail: it prepares the places a program sees, starts the program
//!   ([`program`]), reaps everything, and ends with it.
//!
//! [`handle`] is the server's side of all that, [`cgroup`] what limits and measures, [`probe`] what holds here.

pub mod cgroup;
mod export;
mod files;
pub mod handle;
mod init;
pub mod jailer;
mod landlock;
pub mod launch;
mod loopback;
mod places;
pub mod probe;
mod program;
mod reaper;
pub mod root;
mod script;
mod seccomp;
mod shared;
mod sys;
mod watch;

/// Keeps other processes from looking into the server and, where wanted, ends it with its parent.
pub fn protect_server(die_with_parent: bool) -> std::io::Result<()> {
    sys::forbid_tracing()?;
    if die_with_parent { sys::die_with_parent() } else { Ok(()) }
}
