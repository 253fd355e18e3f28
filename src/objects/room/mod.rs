//! The Room object: one per room.

pub mod call;
pub mod object;
pub mod runs;
pub mod storage;
