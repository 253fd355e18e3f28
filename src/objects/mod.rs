//! Durable Objects, each with the calls it takes and the stub that makes them.

pub mod gate_storage;
pub mod key_gate;
pub mod key_gate_call;
pub mod once;
pub mod once_storage;
pub mod runner;
pub mod sandbox;
pub mod sandbox_call;
