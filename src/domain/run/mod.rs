//! Runs: the request, the event stream, the result, and what is kept of it.

pub mod artifact_link;
pub mod artifacts;
pub mod cell;
pub mod client_message;
pub mod compile;
pub mod content;
pub mod draft;
pub mod events;
pub mod finished;
pub mod id;
pub mod idempotency;
pub mod manifest;
pub mod output;
pub mod output_start;
pub mod path;
pub mod phase;
pub mod position;
pub mod program;
pub mod record;
pub mod repository;
pub mod request;
pub mod result;
pub mod stored_keys;
pub mod tier;
pub mod user_context;
