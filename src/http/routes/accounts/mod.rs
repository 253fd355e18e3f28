//! Accounts: signing in, sessions, export, deletion and quotas.

pub mod data;
pub mod sign_in;
pub mod usage;
