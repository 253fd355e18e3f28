//! Accounts: signing in, sessions, export and deletion.

pub mod privacy;
pub mod sign_in;
