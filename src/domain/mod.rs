//! Pure rules by noun: no async, no clock, no randomness, no HTTP.

pub mod account;
pub mod base32_code;
pub mod batch;
pub mod embed;
pub mod host;
pub mod id;
pub mod input;
pub mod judge;
pub mod key;
pub mod pool;
pub mod project;
pub mod room;
pub mod run;
pub mod sandbox;
pub mod script;
pub mod secret;
pub mod signed_token;
#[cfg(test)]
mod simulation;
pub mod timestamp;
pub mod usage;
pub mod usage_log;
pub mod webhook;
