//! Pure rules: what a request may say, what a result looks like, what is stored; no async, no clock, no HTTP.

pub mod api_key;
pub mod audit;
pub mod email;
pub mod events;
pub mod host;
pub mod id;
pub mod idempotency;
pub mod json;
pub mod mail;
pub mod package;
pub mod page;
pub mod path;
pub mod problem;
pub mod read;
pub mod record;
pub mod result;
pub mod run_id;
pub mod run_request;
pub mod session;
pub mod timestamp;
pub mod token;
pub mod user_context;
