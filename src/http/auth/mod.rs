//! Authentication: an argument type of handlers for each kind of caller.

pub mod caller;
pub mod room_caller;
