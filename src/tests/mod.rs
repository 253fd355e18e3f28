//! The application with everything outside replaced: real SQLite, fakes at the other ports.

mod app;
pub mod fake_room_sockets;
mod fake_sockets;
pub mod fake_storage;
pub mod fakes;
pub mod fault;
mod key_gates;
mod rooms;
mod routes;
pub mod sqlite;
