//! The table of operations, one file per kind of caller.

mod accounts;
mod contexts;
mod judges;
mod programs;
mod rooms;
mod sandbox_ports;
mod sandbox_processes;
mod sandbox_sessions;
mod sandboxes;
mod service;
mod sign_in;
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
        sign_in::operations(),
        accounts::operations(),
        judges::operations(),
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
    "get_device_page",
    "post_device_page",
    "get_favicon",
    "get_embed",
    "get_loader",
    "create_frame_token",
    "get_embed_file",
    "list_piston_runtimes",
    "execute_piston",
    "list_piston_packages",
    "refuse_piston_packages",
    "list_judge0_languages",
    "list_all_judge0_languages",
    "get_judge0_language",
    "list_judge0_statuses",
    "get_judge0_about",
    "get_judge0_version",
    "get_judge0_config",
    "authenticate_judge0",
    "refuse_submissions",
    "create_submission",
    "get_submissions",
    "create_submissions",
    "get_submission",
    "get_bridge_health",
    "create_bridge_sandbox",
    "delete_bridge_sandbox",
    "is_bridge_sandbox_running",
    "exec_in_bridge_sandbox",
    "read_bridge_file",
    "write_bridge_file",
    "persist_bridge_workspace",
    "hydrate_bridge_workspace",
    "connect_bridge_terminal",
    "create_bridge_session",
    "delete_bridge_session",
    "create_bridge_tunnel",
    "delete_bridge_tunnel",
    "refuse_bridge_mount",
    "run_dify",
    "list_dify_dependencies",
    "get_dify_health",
    "run_code_of_fusion",
    "exec_codapi",
];
