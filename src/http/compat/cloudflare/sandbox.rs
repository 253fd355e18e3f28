//! Sandboxes of the bridge: make, ask whether one is there, delete; their sessions and tunnels.

use crate::app::{App, sandboxes};
use crate::http::auth::sandbox_caller::SandboxCaller;
use crate::http::compat::cloudflare::refusal::refused;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::body;
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::http::routes::sandboxes::{ports, sandbox, sessions};
use crate::ports::http_messages::Response;
use ::http::{HeaderMap, StatusCode};
use docle_api::limits::MAX_BODY_BYTES;
use docle_api::sandboxes::SandboxStatus;
use serde_json::{Value, json};

/// `GET /compat/cloudflare/health`.
pub async fn get_bridge_health(_app: &App, _call: Call) -> Result<Response, ApiError> {
    Ok(respond::json(StatusCode::OK, &json!({ "ok": true })))
}

/// `POST /compat/cloudflare/v1/sandbox`.
pub async fn create_bridge_sandbox(app: &App, call: Call) -> Result<Response, ApiError> {
    create(app, call).await.map_err(|error| error.shaped(refused))
}

async fn create(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_key(app, &call).await?;
    let (whole, _) = sandbox::create(app, &caller, json!({})).await?;
    Ok(respond::json(StatusCode::OK, &json!({ "id": whole.listed.id.to_string() })))
}

/// `GET …/running`: whether the sandbox has its files. One that sleeps has them, and wakes with the next call.
pub async fn is_bridge_sandbox_running(app: &App, call: Call) -> Result<Response, ApiError> {
    is_running(app, call).await.map_err(|error| error.shaped(refused))
}

async fn is_running(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_key_uncounted(app, &call).await?;
    let status = match found(caller.sandbox(app, &call).await)? {
        Some(sandbox) => {
            found(sandboxes::read(app, &sandbox).await.map_err(ApiError::from))?.map(|whole| whole.listed.status)
        }
        None => None,
    };
    let running = status.is_some_and(|status| status != SandboxStatus::Deleting);
    Ok(respond::json(StatusCode::OK, &json!({ "running": running })))
}

/// `DELETE …/sandbox/:id`. Clients send it twice.
pub async fn delete_bridge_sandbox(app: &App, call: Call) -> Result<Response, ApiError> {
    delete(app, call).await.map_err(|error| error.shaped(refused))
}

async fn delete(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_key_uncounted(app, &call).await?;
    if let Some(sandbox) = found(caller.sandbox(app, &call).await)? {
        found(sandboxes::delete(app, &sandbox).await.map_err(ApiError::from))?;
    }
    Ok(respond::empty())
}

/// What was found; `None` where there is no such sandbox.
fn found<T>(result: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code() == ErrorCode::SandboxNotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// `POST …/session`.
pub async fn create_bridge_session(app: &App, call: Call) -> Result<Response, ApiError> {
    create_session(app, call).await.map_err(|error| error.shaped(refused))
}

async fn create_session(app: &App, mut call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_key_uncounted(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    let asked = any_json(&mut call).await?;
    let fields = ["id", "cwd", "env"].into_iter().filter_map(|name| Some((name.to_owned(), asked.get(name)?.clone())));
    let id = sessions::create(app, &sandbox, Value::Object(fields.collect())).await?.id;
    Ok(respond::json(StatusCode::OK, &json!({ "id": id })))
}

/// `DELETE …/session/:session`.
pub async fn delete_bridge_session(app: &App, call: Call) -> Result<Response, ApiError> {
    delete_session(app, call).await.map_err(|error| error.shaped(refused))
}

async fn delete_session(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_key_uncounted(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    sessions::delete(app, &sandbox, call.param(1)).await?;
    Ok(respond::json(StatusCode::OK, &json!({ "success": true, "sessionId": call.param(1) })))
}

/// `POST …/tunnel/:port`: exposes a port to everybody who knows its URL.
pub async fn create_bridge_tunnel(app: &App, call: Call) -> Result<Response, ApiError> {
    create_tunnel(app, call).await.map_err(|error| error.shaped(refused))
}

async fn create_tunnel(app: &App, mut call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_key_uncounted(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    let mut asked = json!({ "port": call.param(1).parse::<u16>().unwrap_or_default(), "public": true });
    if let Some(name) = any_json(&mut call).await?.get("name") {
        asked["name"] = name.clone();
    }
    let (exposed, _) = ports::expose(app, &call, &sandbox, asked).await?;
    let hostname = exposed.url.split('/').nth(2).unwrap_or_default();
    let tunnel = json!({
        "id": format!("{}-{}", call.param(0), exposed.port),
        "port": exposed.port,
        "url": exposed.url.trim_end_matches('/'),
        "hostname": hostname,
        "name": exposed.name,
        "createdAt": exposed.created_at,
    });
    Ok(respond::json(StatusCode::OK, &tunnel))
}

/// `DELETE …/tunnel/:port`.
pub async fn delete_bridge_tunnel(app: &App, call: Call) -> Result<Response, ApiError> {
    delete_tunnel(app, call).await.map_err(|error| error.shaped(refused))
}

async fn delete_tunnel(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_key_uncounted(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    match ports::unexpose(app, &call, &sandbox).await {
        Err(error) if error.code() != ErrorCode::PortNotFound => Err(error),
        _ => Ok(respond::empty()),
    }
}

/// `POST …/mount` and `…/unmount`.
pub async fn refuse_bridge_mount(app: &App, call: Call) -> Result<Response, ApiError> {
    SandboxCaller::extract_key_uncounted(app, &call).await.map_err(|error| error.shaped(refused))?;
    let message =
        "Buckets are not mounted here. Write files with PUT …/file/*, or unpack an archive with POST …/hydrate.";
    Ok(respond::json(StatusCode::NOT_IMPLEMENTED, &json!({ "error": message, "code": "not_implemented" })))
}

/// The body as an object, whatever content type it was sent with; no body is an empty one.
async fn any_json(call: &mut Call) -> Result<Value, ApiError> {
    let bytes = body::read(std::mem::replace(&mut call.body, body::none()), MAX_BODY_BYTES).await?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(json!({}));
    }
    body::parse_json(&HeaderMap::new(), bytes)
}
