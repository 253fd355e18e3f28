//! `/collab`: open rooms, and the connections to every room.

use crate::app::App;
use crate::app::rooms;
use crate::http::auth::room_caller::{RoomCaller, host, not_found, room};
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::{Call, invalid};
use crate::http::request::subprotocol;
use crate::http::response::pages;
use crate::http::response::respond;
use crate::http::routes::rooms::refusal::refuse;
use crate::ports::http_messages::{Body, Response, Upgrade};
use crate::ports::rooms::JoinRequest;
use ::http::StatusCode;
use ::http::header::{HeaderValue, LOCATION};

/// `GET /collab`: a new open room.
pub async fn create_open_room(app: &App, _call: Call) -> Result<Response, ApiError> {
    let location = format!("/collab/{}", rooms::new_open_room(app));
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::FOUND;
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// `GET /collab/:id`: a page that says how to connect.
pub async fn get_room(app: &App, call: Call) -> Result<Response, ApiError> {
    let room = room(app, call.param(0))?;
    let base = call.base_url(app).replacen("http", "ws", 1);
    Ok(pages::room(&base, &room))
}

/// `GET /collab/:id/state`.
pub async fn get_room_state(app: &App, call: Call) -> Result<Response, ApiError> {
    let room = room(app, call.param(0))?;
    RoomCaller::extract(app, &call, &room, false).await?;
    let state = app.rooms.state(&room).await?.ok_or_else(not_found)?;
    Ok(respond::raw_json(StatusCode::OK, state.into()))
}

/// `GET /collab/:id/websocket`: JSON, or Yjs where the first frame is binary.
pub async fn connect_room(app: &App, call: Call) -> Result<Response, ApiError> {
    connect(app, call, false).await
}

/// `GET /collab/:id/yjs`: the protocol of y-websocket.
pub async fn connect_yjs(app: &App, call: Call) -> Result<Response, ApiError> {
    connect(app, call, true).await
}

/// Connects a client. A client that may not use the room is refused before any call of its object.
async fn connect(app: &App, call: Call, speaks_yjs: bool) -> Result<Response, ApiError> {
    if !call.asks_for_websocket() {
        let _known = room(app, call.param(0))?;
        return Err(ApiError::new(ErrorCode::UpgradeRequired, "This path accepts only WebSocket connections."));
    }
    match open(app, &call, speaks_yjs).await {
        Ok(upgrade) => Ok(subprotocol::switch(&call, upgrade)),
        Err(error) => refuse(app, &call, error, speaks_yjs),
    }
}

async fn open(app: &App, call: &Call, speaks_yjs: bool) -> Result<Upgrade, ApiError> {
    let room = room(app, call.param(0))?;
    if call.query("token").is_some() {
        let message = "must not be in the URL, because URLs end up in logs: offer the protocols \"docle\" and \
                       \"docle.token.…\", or send Authorization";
        return Err(invalid("token", message));
    }
    let RoomCaller { role, name, expires_at, admitted } = RoomCaller::extract(app, call, &room, false).await?;
    let wants_events = call.query("events").is_some_and(|events| events == "1");
    let key_hash = admitted.map(|admitted| admitted.billing_key.key_hash);
    let join = JoinRequest { role, name, expires_at, host: host(call), speaks_yjs, wants_events, key_hash };
    app.rooms.connect(&room, &join).await?.ok_or_else(not_found)
}
