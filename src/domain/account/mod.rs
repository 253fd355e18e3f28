//! Accounts: addresses, login links, sessions, the audit log.

pub mod audit;
pub mod email;
pub mod mail;
pub mod session;
pub mod token;
