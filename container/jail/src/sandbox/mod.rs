//! A jail that stays: init starts one command after another in it, and everything lasts until the server ends it.
//!
//! Init stays what it is in every jail, PID 1 with no program in its own place. It keeps the few capabilities that
//! starting a command as the user takes, and no program can reach it: the kernel gives PID 1 no signal of its own
//! namespace, nobody may trace it, and it reads nothing but the server's control socket.
//!
//! [`crate::requests`] is what both sides say, [`root`] the file system, [`supervisor`] init's loop, [`command`] the last steps of a
//! command, [`monitor`] what ends one where no control group can. [`worker`] works on files as the user: [`operations`] one
//! by one, with [`entry`], [`list`], [`search`], [`listening`], [`connect`] and [`upload`], [`directory`] on a directory, [`pack`], [`unpack`] and [`patch`] on all of
//! them at once, which [`saved`] names. What is not complete lies in [`parts`], and takes effect by
//! [`changes`].

mod changes;
mod children;
mod command;
mod connect;
mod directory;
pub mod entry;
mod list;
mod listening;
mod monitor;
pub mod operations;
pub mod pack;
mod parts;
pub mod patch;
mod root;
mod saved;
pub mod search;
mod supervisor;
pub mod unpack;
mod upload;
mod worker;

pub use crate::requests::{Job, Plan, Reply, Request, Spawn, StartFailure};
pub use supervisor::serve;
pub use worker::Frame;
