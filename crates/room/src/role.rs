//! The roles of the people in a room.

pub use docle_api::rooms::Role;
