//! `POST /mcp`: one message of JSON-RPC, answered by itself.

use crate::app::App;
use crate::http::auth::caller::ApiClient;
use crate::http::auth::key_error;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::mcp::answer::{Answer, Failure};
use crate::http::mcp::call::call_tool;
use crate::http::mcp::message::{
    Era, INVALID_PARAMS, LEGACY, METHOD_NOT_FOUND, MODERN, Message, PARSE_ERROR, RpcError, server_info,
};
use crate::http::mcp::tools;
use crate::http::request::body;
use crate::http::request::call::{Call, is_local_host};
use crate::http::response::respond;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use ::http::header::ORIGIN;
use docle_protocol::limits::MAX_BODY_BYTES;
use serde_json::{Value, json};

/// What a model is told about the tools together.
const INSTRUCTIONS: &str = "Runs code in sandboxes. Each `run_code` starts from nothing: no files, packages or variables of an \
                            earlier run are there. For work of several steps make a sandbox with `create_sandbox`: it keeps its \
                            files, and `run_cell` keeps variables, too. Print what you want to see.";
/// How long a client may keep the list of tools, in milliseconds: it changes with deployments only.
const LIST_TTL_MS: u32 = 300_000;

/// `POST /mcp`. Without a key nothing is read.
pub async fn post_mcp(app: &App, mut call: Call) -> Result<Response, ApiError> {
    body::check_declared_size(&call.parts.headers, &mut call.body).await?;
    check_origin(app, &call)?;
    ApiClient::extract_if_present(app, &call).await?.ok_or_else(|| key_error::missing(app, &call))?;
    let sent = std::mem::replace(&mut call.body, body::none());
    let bytes = body::read(sent, MAX_BODY_BYTES).await?;
    let message = match body::parse_json(call.headers(), bytes) {
        Ok(body) => Message::read(body, call.headers()),
        Err(error) => Err((None, RpcError::new(PARSE_ERROR, error.message().to_owned()))),
    };
    let message = match message {
        Ok(message) if message.id.is_none() => return Ok(accepted()),
        Ok(message) => message,
        Err((id, error)) => return Ok(respond::json(error.status, &error.json(id.as_ref()))),
    };
    match answer(app, call, &message).await {
        Ok(Answer::Result(result)) => Ok(respond::json(StatusCode::OK, &message.answer(result))),
        Ok(Answer::Response(response)) => Ok(response),
        Err(Failure::Rpc(error)) => {
            // Clients of the older revisions read the error in the message only.
            let status = if message.era == Era::Modern { error.status } else { StatusCode::OK };
            Ok(respond::json(status, &error.json(message.id.as_ref())))
        }
        Err(Failure::Api(error)) => Err(error),
    }
}

async fn answer(app: &App, call: Call, message: &Message) -> Result<Answer, Failure> {
    let result = match (message.era, message.method.as_str()) {
        (Era::Modern, "server/discover") => json!({
            "supportedVersions": [MODERN],
            "capabilities": { "tools": {} },
            "instructions": INSTRUCTIONS,
            "ttlMs": LIST_TTL_MS,
            "cacheScope": "public",
        }),
        (Era::Legacy, "initialize") => initialize(message)?,
        (Era::Legacy, "ping") => json!({}),
        (Era::Modern, "tools/list") => json!({ "tools": tools::list(), "ttlMs": LIST_TTL_MS, "cacheScope": "public" }),
        (Era::Legacy, "tools/list") => json!({ "tools": tools::list() }),
        (_, "tools/call") => return call_tool(app, call, message).await,
        (_, method) => {
            return Err(RpcError::new(METHOD_NOT_FOUND, format!("There is no method {method:?} here.")).into());
        }
    };
    Ok(Answer::Result(result))
}

fn initialize(message: &Message) -> Result<Value, RpcError> {
    let Some(wanted) = message.params.get("protocolVersion").and_then(Value::as_str) else {
        return Err(RpcError::new(INVALID_PARAMS, "`protocolVersion` must be a revision of the protocol."));
    };
    let version = LEGACY.into_iter().find(|known| *known == wanted).unwrap_or(LEGACY[0]);
    Ok(json!({
        "protocolVersion": version,
        "capabilities": { "tools": {} },
        "serverInfo": server_info(),
        "instructions": INSTRUCTIONS,
    }))
}

/// A page of another site must not reach a service on the machine of its reader, also not under a name of its own that
/// leads there.
fn check_origin(app: &App, call: &Call) -> Result<(), ApiError> {
    let is_own_machine = call.is_local() || app.config.is_development();
    let Some(origin) = call.header(ORIGIN).filter(|_| is_own_machine) else { return Ok(()) };
    let host = origin.split_once("://").map(|(_, host)| host);
    if host.is_some_and(is_local_host) {
        return Ok(());
    }
    let message = "Pages of other sites may not call /mcp on this machine.";
    Err(ApiError::new(ErrorCode::ForeignOrigin, message))
}

/// The response to a message that asks for nothing.
fn accepted() -> Response {
    let mut response = respond::empty();
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}
