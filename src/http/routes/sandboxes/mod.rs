//! `/api/v1/sandboxes`.

pub mod archive;
pub mod cell_answer;
pub mod cell_output;
pub mod cells;
pub mod checkout;
pub mod content;
pub mod contexts;
pub mod env;
pub mod exec;
pub mod exec_output;
pub mod execute;
pub mod file_operation;
pub mod files;
pub mod ports;
mod process_events;
pub mod process_logs;
pub mod processes;
pub mod refusal;
pub mod sandbox;
pub mod sessions;
pub mod snapshots;
pub mod terminal;
