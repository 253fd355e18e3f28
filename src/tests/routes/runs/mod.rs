//! Runs by POST and by WebSocket.

mod cancel;
mod detached;
mod interactive;
mod output;
mod run;
