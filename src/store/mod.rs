//! Queries and key layouts over the ports.

pub mod accounts;
pub mod audit;
pub mod device_logins;
pub mod erasure;
pub mod judges;
pub mod key_ledger;
pub mod keys;
pub mod log_ledger;
pub mod outbox;
pub mod projects;
pub mod rooms;
pub mod runs;
pub mod sandboxes;
pub mod sessions;
pub mod sign_in_attempts;
pub mod usage;
pub mod webhooks;
