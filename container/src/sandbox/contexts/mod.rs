//! Contexts: interpreters inside a sandbox that keep what one cell of code has made for the next.
//!
//! [`kernels`] are the programs that we give to the interpreters, [`kernel`] is one that runs, with what it says in
//! [`message`]. [`context`] is what a caller knows by its id: it outlives its kernel. [`attend`] is the task that runs its cells
//! one after the other, [`cell`] one of them with its [`output`].

mod attend;
mod cell;
pub(super) mod context;
mod kernel;
mod kernels;
mod message;
mod output;
mod registry;

pub use context::NotReady;
pub use registry::{NoContext, Opened};
