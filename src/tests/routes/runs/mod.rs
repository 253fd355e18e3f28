//! Runs by POST and by WebSocket.

mod interactive;
mod run;
