//! `/api/v1/sandboxes/:id/terminal`: a shell that a person uses, through a WebSocket.

use crate::app::App;
use crate::domain::sandbox::terminal::{Viewer, parse_viewer};
use crate::http::auth::sandbox_caller::SandboxCaller;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::Call;
use crate::http::request::subprotocol;
use crate::ports::http_messages::Response;
use crate::ports::previews::TerminalCall;
use crate::ports::sandboxes::SandboxOf;

/// `GET /api/v1/sandboxes/:id/terminal?session=`. It wakes the sandbox.
pub async fn connect_terminal(app: &App, call: Call) -> Result<Response, ApiError> {
    if !call.asks_for_websocket() {
        let message = "This path is a WebSocket. POST …/exec executes a command without a terminal.";
        return Err(ApiError::new(ErrorCode::UpgradeRequired, message));
    }
    let caller = SandboxCaller::extract_for_socket(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    connect(app, &call, &sandbox, None).await
}

/// Connects a viewer, as the query says. Without a session in it, the terminal is `own`, and ends with its last viewer.
///
/// # Errors
/// The query is wrong, or the sandbox does not start.
pub async fn connect(app: &App, call: &Call, sandbox: &SandboxOf, own: Option<String>) -> Result<Response, ApiError> {
    let own = own.filter(|_| call.query("session").is_none());
    let ends_with_viewers = own.is_some();
    let query = |name: &str| call.query(name).or_else(|| own.clone().filter(|_| name == "session"));
    let Viewer { session, cols, rows, is_view } = parse_viewer(query).map_err(ApiError::invalid)?;
    let viewer = TerminalCall { session, cols, rows, is_view, ends_with_viewers };
    let socket = app.sandboxes.terminal(sandbox, &viewer).await?;
    Ok(subprotocol::switch(call, socket))
}
