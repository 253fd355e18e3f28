//! The API's public types, each once: what requests hold, what responses and events hold, limits, and error codes.
//!
//! One file per noun. The Worker makes its responses of these types and takes from them every field name, limit,
//! default and allowed value of a request; with the feature `schema`, [`document`] makes the OpenAPI document of them
//! and of the table of operations. A comment on a field is its description there.

pub mod accounts;
pub mod batches;
pub mod compile;
pub mod contexts;
pub mod device_logins;
#[cfg(feature = "schema")]
pub mod document;
pub mod end_users;
pub mod errors;
pub mod executions;
pub mod fields;
pub mod health;
pub mod judges;
pub mod judging;
pub mod keys;
pub mod languages;
pub mod limits;
pub mod packages;
pub mod pending_runs;
pub mod projects;
pub mod repositories;
pub mod request_headers;
pub mod room_messages;
pub mod rooms;
pub mod run_details;
pub mod run_events;
pub mod run_input;
pub mod runs;
pub mod sandbox_commands;
pub mod sandbox_files;
pub mod sandbox_ports;
pub mod sandbox_processes;
pub mod sandbox_sessions;
pub mod sandboxes;
pub mod scripts;
pub mod snapshots;
pub mod source_file;
pub mod terminals;
pub mod time;
pub mod tokens;
pub mod usage;
pub mod webhook_messages;
pub mod webhooks;
