//! Runs by POST and by WebSocket.

mod batch;
mod cancel;
mod detached;
mod interactive;
mod judge;
mod output;
mod run;
