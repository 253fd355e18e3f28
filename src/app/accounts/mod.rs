//! Accounts: signing in, sessions, export and deletion.

pub mod data;
pub mod export;
pub mod sign_in;
