//! The RunPool object: one per project.

pub mod call;
pub mod client_signal;
pub mod idempotency;
pub mod idempotency_storage;
pub mod logic;
pub mod members;
pub mod object;
pub mod pipe;
