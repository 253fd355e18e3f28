//! Sandboxes: their ids, their settings, what may be asked of them, and when they are saved and sleep.

pub mod cell;
pub mod checkout;
pub mod command;
pub mod env;
pub mod file;
pub mod id;
pub mod lifecycle;
pub mod port;
pub mod preview;
pub mod preview_headers;
pub mod process;
pub mod program;
pub mod search;
pub mod session;
pub mod settings;
pub mod snapshot;
pub mod terminal;
