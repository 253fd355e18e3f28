//! Accounts: signing in, sessions, export and deletion.

pub mod data;
pub mod sign_in;
