//! Pure rules: what a request may say, what a result looks like, what is stored; no async, no clock, no HTTP.

pub mod api_key;
pub mod events;
pub mod host;
pub mod idempotency;
pub mod json;
pub mod package;
pub mod path;
pub mod problem;
pub mod read;
pub mod record;
pub mod result;
pub mod run_id;
pub mod run_request;
pub mod timestamp;
pub mod user_context;
