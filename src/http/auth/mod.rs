//! Authentication: an argument type of handlers for each kind of caller.

pub mod caller;
pub mod key_error;
pub mod manager;
pub mod room_caller;
pub mod sandbox_caller;
