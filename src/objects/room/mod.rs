//! The Room object: one per room.

pub mod call;
pub mod live;
pub mod logic;
mod memory;
pub mod object;
mod runs;
pub mod storage;
