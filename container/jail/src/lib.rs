//! Jails: a fresh one around every program, made by a small single-threaded process beside the server.
//!
//! Three kinds of process, each knowing less than the one before:
//! * the **server** holds the secret, listens, and never executes a program; it is not in this crate;
//! * the **jailer** ([`jailer`]) starts with an empty environment. It lives in a mount namespace of its own ([`root`])
//!   and starts jails because it may fork safely, having one thread. Where it can, it is a Python interpreter that has
//!   come as far as its script ([`zygote`]);
//! * **init** ([`init`]) is PID 1 of one jail: it prepares the places a program sees, starts the program
//!   ([`program`]), reaps everything, and ends with it.
//!
//! All three speak [`launch`] with each other.

mod artifacts;
mod entries;
mod export;
mod files;
mod filter;
mod init;
pub mod jailer;
pub mod landlock;
pub mod launch;
pub mod loopback;
mod packet;
pub mod pattern;
pub mod places;
mod populate;
pub mod program;
mod queues;
mod reaper;
mod remove;
mod requests;
pub mod root;
pub mod sandbox;
mod script;
pub mod seccomp;
mod shared;
mod stdio;
pub mod sys;
pub mod terminal;
mod watch;
pub mod zygote;

pub use shared::sweep;
