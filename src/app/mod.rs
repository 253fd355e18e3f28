//! Use cases: each public function is one thing that a client can do with Docle.

pub mod accepted_hosts;
pub mod accounts;
pub mod actor;
pub mod artifacts;
pub mod audit;
pub mod batch;
mod context;
pub mod end_users;
pub mod health;
mod interaction;
pub mod judge;
pub mod judges;
pub mod keys;
pub mod languages;
pub mod previews;
pub mod projects;
pub mod purge;
pub mod quotas;
pub mod retention;
pub mod rooms;
pub mod runs;
pub mod sandboxes;
pub mod scripts;
pub mod snapshots;
pub mod tokens;
pub mod usage;
pub mod webhooks;

pub use context::App;
