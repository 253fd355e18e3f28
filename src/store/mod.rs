//! Queries and key layouts over the ports.

pub mod keys;
pub mod runs;
