//! Detached runs: stored before the call is answered, sent when there is a slot, and taken up after a reset.

pub mod drive;
pub mod fifo_lock;
pub mod state;
pub mod storage;
