//! Kernels: interpreters that run cells of code, and say over a socket of their own what a cell shows and how it ends.
//!
//! [`programs`] are what makes an interpreter a kernel, [`bash`] what a shell is told, [`channel`] is the runner's end of one, with what both say in [`message`].
//! Contexts of a sandbox have a kernel for many cells, and a run that is a cell has one for that cell.

pub mod bash;
pub mod channel;
pub mod message;
pub mod programs;
mod results;

pub use results::ResultRoom;
