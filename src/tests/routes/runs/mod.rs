//! Runs by POST and by WebSocket.

mod cancel;
mod interactive;
mod output;
mod run;
