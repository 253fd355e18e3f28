//! Runs: start one and read its result.

pub mod read;
pub mod start;
