//! The caller of a room: a client with a token or a key of its project; in an open room, any client.

use crate::app::App;
use crate::app::rooms;
use crate::domain::key::allowed_domain;
use crate::domain::key::api_key;
use crate::domain::room::id::{Kind, RoomId};
use crate::domain::room::token::Claims;
use crate::http::auth::caller::{ApiClient, bearer, credentials};
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::Call;
use crate::http::request::subprotocol;
use crate::ports::rooms::{Admitted, BillingKey};
use ::http::header::ORIGIN;
use docle_room::role::Role;

/// A client that may use the room.
pub struct RoomCaller {
    pub role: Role,
    pub name: Option<String>,
    /// When the client's token expires, in milliseconds since 1970.
    pub expires_at: Option<i64>,
    /// The client's API key, if it sent one.
    pub admitted: Option<Admitted>,
}

/// The room that a path names.
///
/// # Errors
/// 404 if this deployment has not made the id. This check calls no object.
pub fn room(app: &App, text: &str) -> Result<RoomId, ApiError> {
    RoomId::parse_own(text, &app.secret).ok_or_else(not_found)
}

/// The error for a room that does not exist.
pub fn not_found() -> ApiError {
    let message =
        "There is no room with this id. GET /collab creates an open room, POST /api/rooms a room of a project.";
    ApiError::new(ErrorCode::RoomNotFound, message)
}

impl RoomCaller {
    /// The caller of a room. With `counts`, a call with an API key counts against the limit of the key.
    ///
    /// # Errors
    /// 401 if the room needs a token, and the call has none, an expired one, or one for another room; 404 if the room
    /// belongs to another project.
    pub async fn extract(app: &App, call: &Call, room: &RoomId, counts: bool) -> Result<Self, ApiError> {
        if room.kind() == Kind::Open {
            return Ok(Self { role: Role::Editor, name: call.query("name"), expires_at: None, admitted: None });
        }
        if credentials(call.headers()).is_some_and(|text| text.starts_with(api_key::PREFIX)) {
            let client = Self::client(app, call, counts).await?;
            if !rooms::belongs_to(app, room, &client.owner.project_id).await? {
                return Err(not_found());
            }
            let ApiClient { owner, key_hash, ip, .. } = client;
            let admitted = Some(Admitted { billing_key: BillingKey { key_hash, owner }, ip });
            return Ok(Self { role: Role::Owner, name: call.query("name"), expires_at: None, admitted });
        }
        let claims = token(call).and_then(|token| rooms::read_token(app, room, token));
        let Claims { role, name, expires_at, .. } = claims.ok_or_else(|| {
            let message = "Send a valid token for this room: in Authorization as a Bearer, or, for a WebSocket, as the \
                           protocol \"docle.token.…\" beside \"docle\".";
            ApiError::new(ErrorCode::RoomTokenRequired, message)
        })?;
        Ok(Self { role, name, expires_at: Some(expires_at), admitted: None })
    }

    async fn client(app: &App, call: &Call, counts: bool) -> Result<ApiClient, ApiError> {
        if counts {
            return ApiClient::extract(app, call).await;
        }
        ApiClient::extract_uncounted(app, call).await
    }

    /// Refuses a client whose role allows less than `role`.
    pub fn require(&self, role: Role) -> Result<(), ApiError> {
        if self.role >= role {
            return Ok(());
        }
        let message = format!("This needs the role {}; the token has the role {}.", role.name(), self.role.name());
        Err(ApiError::new(ErrorCode::RoomRoleTooLow, message))
    }
}

/// The host of the page that calls.
pub fn host(call: &Call) -> Option<String> {
    call.header(ORIGIN).and_then(allowed_domain::host_of)
}

fn token(call: &Call) -> Option<&str> {
    bearer(call.headers()).or_else(|| subprotocol::credentials(call, subprotocol::TOKEN))
}
