//! `/api/v1/sandboxes`.

pub mod content;
pub mod exec;
mod exec_output;
pub mod execute;
pub mod file_operation;
pub mod files;
mod process_events;
pub mod process_logs;
pub mod processes;
pub mod refusal;
pub mod sandbox;
pub mod snapshots;
