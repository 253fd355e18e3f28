//! The Room object: one per room.

pub mod call;
mod checks;
pub mod live;
pub mod logic;
mod memory;
pub mod object;
mod runs;
pub mod storage;
mod write_budget;
