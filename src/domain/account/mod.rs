//! Accounts: addresses, login links, sessions, the audit log, quotas.

pub mod amounts;
pub mod audit;
pub mod block;
pub mod device_login;
pub mod email;
pub mod lease;
pub mod mail;
pub mod next_page;
pub mod quota;
pub mod session;
pub mod sign_up;
pub mod token;
