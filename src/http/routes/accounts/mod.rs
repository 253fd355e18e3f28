//! Accounts: signing in, also of programs, sessions, export, deletion and quotas.

pub mod data;
pub mod device_login;
pub mod sign_in;
pub mod usage;
