//! Runs: start one or several, judge a program, read a result, send input to a run through a WebSocket.

pub mod answer;
pub mod batch;
pub mod code;
pub mod interactive;
pub mod judge;
pub mod list;
mod repository;
pub mod run;
mod several;
