//! Runs: start one, read its result, talk to it through a WebSocket.

pub mod answer;
pub mod interactive;
pub mod run;
