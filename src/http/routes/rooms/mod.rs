//! Rooms: those of projects, and what every room answers to.

pub mod collab;
pub mod project_rooms;
