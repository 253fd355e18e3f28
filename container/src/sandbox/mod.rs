//! Persistent sandboxes: jails that stay.
//!
//! [`registry`] knows them by id, [`living`] is one of them from the server's side, [`exec`] one command in it, with its
//! [`output`], and [`groups`] what holds the processes of a command. [`files`] and
//! [`archive`] ask a [`worker`] inside, and [`tree`] makes chunks of the archive.

mod archive;
mod environment;
mod exec;
mod files;
mod groups;
mod living;
mod output;
mod registry;
mod spool;
mod tree;
mod worker;

pub use exec::{NotStarted, Running};
pub use files::{Content, FileFailure, Paths, file_error};
pub use living::Sandbox;
pub use registry::{Created, MOST as MOST_SANDBOXES, Refused, Sandboxes};
pub use tree::receive_base;
