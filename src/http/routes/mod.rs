//! One folder or file per noun; handlers are named `verb_resource`.

pub mod accounts;
pub mod artifacts;
pub mod audit;
pub mod embed;
pub mod end_users;
pub mod health;
pub mod index;
pub mod judges;
pub mod keys;
pub mod projects;
pub mod rooms;
pub mod runs;
pub mod sandboxes;
pub mod scripts;
pub mod tokens;
pub mod usage;
pub mod webhooks;
