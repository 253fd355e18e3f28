//! The RunPool object: one per project, and one for each further container of a project.

pub mod artifacts;
pub mod call;
pub mod detached;
pub mod held;
pub mod idempotency;
pub mod in_flight;
pub mod logic;
pub mod maintenance;
pub mod members;
pub mod notices;
pub mod object;
pub mod output;
pub mod partial_output;
pub mod pipe;
pub mod quota;
mod quota_watch;
pub mod recorder;
pub mod runs;
pub mod storage;
pub mod stub;
#[cfg(test)]
mod tests;
pub mod unstarted;
pub mod watch;
pub mod watch_ports;
