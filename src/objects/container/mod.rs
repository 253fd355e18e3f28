//! A container with a runner in it, or a runner outside.

pub mod handle;
pub mod instance;
pub mod runner;
pub mod storage;
pub mod target;
