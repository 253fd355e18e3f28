//! Durable Objects, each with the calls it takes and the stub that makes them.

pub mod alarm;
pub mod backend;
pub mod caller;
pub mod gate_storage;
pub mod instance;
pub mod instance_storage;
pub mod key_gate;
pub mod key_gate_call;
pub mod machine;
pub mod members;
pub mod once;
pub mod once_storage;
pub mod project_pool;
pub mod relay;
pub mod room;
pub mod room_call;
pub mod room_runs;
pub mod room_storage;
pub mod runner;
pub mod sandbox;
pub mod sandbox_call;
pub mod tables;
