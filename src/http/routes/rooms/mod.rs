//! Rooms: those of projects, and what every room answers to.

pub mod connect;
pub mod project_rooms;
