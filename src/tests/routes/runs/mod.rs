//! Runs by POST and by WebSocket.

mod interactive;
mod output;
mod run;
