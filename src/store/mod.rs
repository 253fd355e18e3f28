//! Queries and key layouts over the ports.

pub mod attempts;
pub mod audit;
pub mod erasure;
pub mod keys;
pub mod ledger;
pub mod outbox;
pub mod projects;
pub mod rooms;
pub mod runs;
pub mod sessions;
pub mod usage;
