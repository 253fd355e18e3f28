//! The application with everything outside replaced: real SQLite, fakes at the other ports.

mod app;
mod contract;
mod fake_sockets;
pub mod fake_storage;
pub mod fakes;
pub mod fault;
mod key_gates;
mod routes;
pub mod sqlite;
