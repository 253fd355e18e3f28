//! The Account object: one per user, and one for the processor time that all strangers share.

pub mod call;
pub mod lease_storage;
pub mod logic;
pub mod object;
mod shared;
pub mod storage;
#[cfg(test)]
mod tests;
