//! The table of operations, one file per kind of caller.

mod accounts;
mod contexts;
mod programs;
mod rooms;
mod sandbox_ports;
mod sandbox_processes;
mod sandbox_sessions;
mod sandboxes;
mod service;
mod snapshots;
mod webhooks;

use crate::document::operation::Operation;

/// Every operation that the document describes.
pub fn operations() -> Vec<Operation> {
    [
        programs::operations(),
        rooms::operations(),
        sandboxes::operations(),
        sandbox_processes::operations(),
        contexts::operations(),
        snapshots::operations(),
        sandbox_sessions::operations(),
        sandbox_ports::operations(),
        accounts::operations(),
        webhooks::operations(),
        service::operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Routes of the Worker that the document leaves out: one exists on development machines only, some speak the protocol of
/// agents and those of other code runners, the others are for browsers.
pub const INTERNAL: &[&str] = &[
    "list_outbox",
    "post_mcp",
    "get_login",
    "get_favicon",
    "get_embed",
    "get_loader",
    "create_frame_token",
    "get_embed_file",
    "list_piston_runtimes",
    "execute_piston",
    "list_piston_packages",
    "refuse_piston_packages",
    "run_dify",
    "list_dify_dependencies",
    "get_dify_health",
    "run_code_of_fusion",
    "exec_codapi",
];
