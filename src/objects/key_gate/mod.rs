//! The KeyGate object: one per API key.

mod batch;
pub mod call;
pub mod deliver;
pub mod logic;
pub mod object;
pub mod quota;
pub mod storage;
