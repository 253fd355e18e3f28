//! Persistent sandboxes: jails that stay.
//!
//! [`registry`] knows them by id, [`living`] is one of them from the server's side, [`exec`] one command in it, with its
//! [`output`], and [`groups`] what holds the processes of a command. [`processes`] knows those in the background, each a [`process`]
//! with its [`log`]; [`process_requests`] is what is asked about them, [`attend`] brings them to their end, and [`wait`] waits for
//! what they do. [`session`] keeps shells, in which [`session_exec`] executes commands with a [`script`]. All of these begin in
//! [`start`] and end as [`exited`] has it. [`files`] and [`archive`] ask a [`worker`] inside, and [`tree`] makes chunks of the archive.
//! [`checkout`] brings repositories in.
//! [`contexts`] are interpreters that keep their state, [`port`] connects to what listens within
//! [`port_limits`], and
//! [`terminals`] are shells that people sit at, each a [`terminal`] that begins and ends in [`terminal_shell`].

mod archive;
mod attend;
mod checkout;
mod contexts;
mod environment;
mod exec;
mod exited;
mod files;
mod groups;
mod living;
mod log;
mod output;
mod port;
mod port_limits;
mod process;
mod process_requests;
mod processes;
mod registry;
mod script;
mod session;
mod session_exec;
mod spool;
mod start;
mod terminal;
mod terminal_shell;
mod terminals;
mod tree;
mod wait;
mod worker;

pub use contexts::{NoContext, NotReady, Opened};
pub use exec::Running;
pub use files::{Content, FileFailure, Paths, file_error};
pub use living::Sandbox;
pub use log::Read;
pub use port::PortConnection;
pub use process::Process;
pub use processes::Refusal;
pub use registry::{Created, MOST as MOST_SANDBOXES, Refused, Sandboxes};
pub use start::NotStarted;
pub use terminal::{Step, Terminal};
pub use tree::receive_base;
pub use wait::Wait;
