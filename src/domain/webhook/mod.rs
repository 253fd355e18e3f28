//! Webhooks: where the end of a run is reported, how a report is signed, and when it is repeated.

pub mod delivery;
pub mod message;
pub mod notice;
pub mod request;
pub mod retry;
pub mod sealed;
pub mod secret;
pub mod url;
