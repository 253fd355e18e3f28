//! The application with everything outside replaced: real SQLite, fakes at the other ports.

pub mod accounts;
pub mod app;
mod contract;
pub mod fake_archives;
pub mod fake_artifacts;
pub mod fake_contexts;
pub mod fake_disk;
pub mod fake_host;
pub mod fake_ports;
mod fake_processes;
pub mod fake_room_sockets;
pub mod fake_run_pools;
pub mod fake_runner;
pub mod fake_sockets;
pub mod fake_spool;
pub mod fake_storage;
pub mod fakes;
pub mod fault;
pub mod key_gates;
pub mod object_fixture;
mod rooms;
mod routes;
pub mod sandboxes;
pub mod sqlite;
pub mod step_clock;
pub mod usage_logs;
pub mod webhooks;
