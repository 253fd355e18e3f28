//! Accounts: signing in, also of programs, sessions, export and deletion.

pub mod data;
pub mod device_login;
pub mod export;
pub mod sign_in;
