//! Who calls: an argument type for each kind of caller.

pub mod caller;
pub mod room_caller;
