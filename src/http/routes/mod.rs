//! One file per resource; handlers are named `verb_resource`.

pub mod auth;
pub mod collab;
pub mod docs;
pub mod health;
pub mod index;
pub mod interactive;
pub mod keys;
pub mod privacy;
pub mod projects;
pub mod rooms;
pub mod run;
pub mod scripts;
pub mod usage;
