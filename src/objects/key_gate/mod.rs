//! The KeyGate object: one per API key.

pub mod call;
pub mod object;
pub mod storage;
