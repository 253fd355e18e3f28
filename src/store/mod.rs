//! Queries and key layouts over the ports.

pub mod attempts;
pub mod audit;
pub mod keys;
pub mod outbox;
pub mod runs;
pub mod sessions;
