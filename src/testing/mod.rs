//! The application with everything outside replaced: real SQLite, fakes at the other ports.

mod app;
mod edge_tests;
mod fake_sockets;
mod fakes;
mod interactive_tests;
mod platform_tests;
mod privacy_tests;
mod room_tests;
mod run_tests;
mod script_tests;
mod session_tests;
pub mod sqlite;
