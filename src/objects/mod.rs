//! Durable Objects: a folder for each, with its shell, its logic, its storage and its calls.

pub mod account;
pub mod cached;
pub mod call;
pub mod container;
pub mod fleet;
pub mod json_row;
pub mod key_gate;
pub mod room;
pub mod run_pool;
pub mod runtime;
pub mod sandbox;
pub mod schema;
pub mod usage_log;
pub mod webhooks;
