//! The KeyGate object: one per API key.

pub mod call;
pub mod logic;
pub mod object;
pub mod quota;
pub mod storage;
