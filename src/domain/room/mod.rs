//! Rooms: their ids and the tokens that open them.

pub mod id;
pub mod token;
