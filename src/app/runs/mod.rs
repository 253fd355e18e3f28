//! Runs: start one and read its result.

pub mod cancel;
pub mod progress;
pub mod read;
pub mod record;
pub mod running;
pub mod start;
