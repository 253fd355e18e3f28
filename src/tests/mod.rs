//! The application with everything outside replaced: real SQLite, fakes at the other ports.

mod app;
mod contract;
mod fake_sockets;
mod fakes;
mod routes;
pub mod sqlite;
