//! The Sandbox object: one per sandbox, the only way to its machine and its files.

pub mod alarm;
pub mod branch;
mod bridge;
pub mod call;
pub mod contexts;
pub mod deletion;
pub mod diff;
mod difference;
pub mod env;
pub mod exec;
pub mod export;
pub mod files;
pub mod garbage;
pub mod host;
pub mod logic;
mod merge;
pub mod object;
mod place;
pub mod ports;
pub mod previews;
pub mod processes;
pub mod save;
pub mod sessions;
pub mod snapshots;
pub mod storage;
pub mod stub;
pub mod terminals;
#[cfg(test)]
mod tests;
pub mod trees;
pub mod wake;
