//! Rooms: those of projects, and the connections to every room.

pub mod connect;
pub mod project_rooms;
pub mod refusal;
