//! What each route answers.

mod accounts;
mod address_limit;
mod edge;
mod judges;
mod management_tokens;
mod projects;
mod publishable_keys;
mod rooms;
mod runs;
mod sandbox_contexts;
mod sandbox_ports;
mod sandbox_processes;
mod sandboxes;
mod scripts;
mod site;
mod snapshots;
mod tokens;
mod usage;
mod webhooks;
