//! Contexts: interpreters inside a sandbox that keep what one cell of code has made for the next.
//!
//! [`kernel`] is one that runs. [`context`] is what a caller knows by its id: it outlives its kernel. [`attend`] is the task that runs its cells
//! one after the other, [`cell`] one of them with its [`output`].

mod attend;
mod cell;
pub(super) mod context;
mod kernel;
mod output;
mod registry;

pub use context::NotReady;
pub use registry::{NoContext, Opened};
