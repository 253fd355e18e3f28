//! Examples of bodies. They are values of the types, so that no example can differ from its type.

mod accounts;
mod batches;
mod contexts;
mod judging;
mod rooms;
mod runs;
mod sandbox_ports;
mod sandbox_processes;
mod sandbox_sessions;
mod sandboxes;
mod scripts;
mod snapshots;
mod webhooks;
