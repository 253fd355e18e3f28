//! Runs: start a run, read its result, send input to it through a WebSocket.

pub mod answer;
pub mod interactive;
pub mod list;
pub mod run;
