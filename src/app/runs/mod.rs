//! Runs: start one or several, follow it, cancel it, and read its result.

pub mod cancel;
mod cell_lines;
pub mod detach;
pub mod follow;
pub mod list;
pub mod progress;
pub mod read;
pub mod record;
pub mod repository;
pub mod running;
pub mod series;
pub mod start;
