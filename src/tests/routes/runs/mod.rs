//! Runs by POST and by WebSocket.

mod artifacts;
mod batch;
mod cancel;
mod code;
mod detached;
mod form;
mod interactive;
mod judge;
mod output;
mod run;
