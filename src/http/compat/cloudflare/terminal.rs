//! `…/pty` of the bridge: a shell that a person uses. Its messages are those of our own terminals.

use crate::app::App;
use crate::http::auth::sandbox_caller::SandboxCaller;
use crate::http::compat::cloudflare::refusal::refused;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::Call;
use crate::http::routes::sandboxes::terminal;
use crate::ports::http_messages::Response;

/// `GET …/pty`. Without a session each connection has a shell of its own, which ends with it.
pub async fn connect_bridge_terminal(app: &App, call: Call) -> Result<Response, ApiError> {
    connect(app, call).await.map_err(|error| error.shaped(refused))
}

async fn connect(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_key(app, &call).await?;
    if !call.asks_for_websocket() {
        return Err(ApiError::new(ErrorCode::UpgradeRequired, "WebSocket upgrade required"));
    }
    let sandbox = caller.sandbox(app, &call).await?;
    let own = format!("pty_{}", hex::encode(app.random::<12>()));
    terminal::connect(app, &call, &sandbox, Some(own)).await
}
