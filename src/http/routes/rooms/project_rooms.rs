//! `/api/rooms`: the rooms of projects.

use crate::app::actor::Actor;
use crate::app::rooms::{self, RoomRefusal, StoredRoom};
use crate::app::{App, quotas};
use crate::domain::input::problem::Problems;
use crate::domain::input::reader::Reader;
use crate::domain::room::id::RoomId;
use crate::domain::run::program::read_policy;
use crate::domain::timestamp::Timestamp;
use crate::http::auth::caller::{ApiClient, SignedIn};
use crate::http::auth::key_error;
use crate::http::auth::room_caller::{RoomCaller, host, not_found, room};
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::body;
use crate::http::request::call::{Call, invalid};
use crate::http::response::respond;
use crate::http::routes::projects;
use crate::ports::http_messages::Response;
use crate::ports::rooms::{BillingKey, Refused, RoomRun, RoomRunEnd};
use ::http::StatusCode;
use docle_api::fields;
use docle_api::limits::{
    DEFAULT_TOKEN_SECONDS, MAX_BODY_BYTES, MAX_NAME_CHARS, MAX_ROOM_NAME_CHARS, MAX_ROOMS_PER_PROJECT, TIMEOUT_MS,
    TOKEN_SECONDS,
};
use docle_api::rooms::{
    CreatedRoom, ListedRoom, Role, RoomPage, RoomProgram, RoomSettings, RoomToken, RoomTokenSettings,
};
use docle_room::room::RunInput;
use serde_json::{Value, json};

/// `POST /api/rooms`: makes a room of the key's project, and a token with the role `owner`.
pub async fn create_room(app: &App, call: Call) -> Result<Response, ApiError> {
    let ApiClient { owner: project, key_hash, .. } = ApiClient::extract(app, &call).await?;
    let base = call.base_url(app);
    let new = read_new_room(call.optional_json().await?)?;
    let room = rooms::create(app, &BillingKey { key_hash, owner: project }, new.name.as_deref()).await?;
    Ok(created(app, &base, &room, new))
}

/// `POST /api/projects/:id/rooms`: the same for a signed-in user, without a key at hand.
pub async fn create_project_room(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let project = projects::find(app, &caller, call.param(0)).await?;
    let actor = Actor { user_id: caller.user_id(), origin: call.origin() };
    let base = call.base_url(app);
    let new = read_new_room(call.optional_json().await?)?;
    let limits = quotas::limits(app, &caller.session);
    let room = rooms::create_for_user(app, &actor, &limits, &project.id, new.name.as_deref()).await?;
    Ok(created(app, &base, &room, new))
}

/// A new room, with a token of its owner.
fn created(app: &App, base: &str, room: &RoomId, NewRoom { name, owner }: NewRoom) -> Response {
    let until = app.clock.now().plus_ms(i64::from(owner.ttl_seconds) * 1_000);
    let socket = base.replacen("http", "ws", 1);
    let RoomToken { token, role, expires_at } = new_token(app, room, Role::Owner, owner.name, until);
    let body = CreatedRoom {
        name,
        url: format!("{base}/collab/{room}"),
        websocket: format!("{socket}/collab/{room}/websocket"),
        yjs: format!("{socket}/collab/{room}/yjs"),
        id: room.to_string(),
        token,
        role,
        expires_at,
    };
    respond::json(StatusCode::CREATED, &body)
}

impl From<RoomRefusal> for ApiError {
    fn from(refusal: RoomRefusal) -> Self {
        match refusal {
            RoomRefusal::Quota(refusal) => refusal.into(),
            RoomRefusal::Suspended => key_error::suspended(),
            RoomRefusal::ProjectFull => {
                let message = format!(
                    "The project has {MAX_ROOMS_PER_PROJECT} rooms, the most that it may have. Delete one with DELETE \
                     /api/rooms/:id; GET /api/rooms lists them."
                );
                Self::new(ErrorCode::TooManyRooms, message)
            }
        }
    }
}

/// `GET /api/rooms`.
pub async fn list_rooms(app: &App, call: Call) -> Result<Response, ApiError> {
    let client = ApiClient::extract(app, &call).await?;
    let (rooms, next) = rooms::list(app, &client.owner.project_id, &call.page()?).await?;
    let rooms = rooms.into_iter().map(|StoredRoom { id, name, created_at }| ListedRoom {
        id: id.to_string(),
        name,
        created_at: created_at.into(),
    });
    Ok(respond::json(StatusCode::OK, &RoomPage { rooms: rooms.collect(), next_cursor: next }))
}

/// `DELETE /api/rooms/:id`: closes all connections and deletes the room.
pub async fn delete_room(app: &App, call: Call) -> Result<Response, ApiError> {
    let (room, caller) = enter(app, &call).await?;
    caller.require(Role::Owner)?;
    rooms::delete(app, &room).await?;
    Ok(respond::empty())
}

/// `POST /api/rooms/:id/tokens`: makes a token. A client with an `owner` token can make tokens with lesser roles only,
/// and they expire with its own token at the latest.
pub async fn create_room_token(app: &App, call: Call) -> Result<Response, ApiError> {
    let (room, caller) = enter(app, &call).await?;
    caller.require(Role::Owner)?;
    let request = read_token_request(call.json().await?)?;
    if caller.admitted.is_none() && request.role == Role::Owner {
        return Err(ApiError::new(ErrorCode::RoomRoleTooLow, "Only an API key can make tokens with the role owner."));
    }
    let until = app.clock.now().plus_ms(i64::from(request.ttl_seconds) * 1_000);
    let until = caller.expires_at.map_or(until, |end| until.min(Timestamp(end)));
    let token = new_token(app, &room, request.role, request.name, until);
    Ok(respond::json(StatusCode::CREATED, &token))
}

/// `POST /api/rooms/:id/run`: runs a program in the room, and responds with its result.
pub async fn run_in_room(app: &App, mut call: Call) -> Result<Response, ApiError> {
    body::check_declared_size(&call.parts.headers, &mut call.body).await?;
    let (room, caller) = enter(app, &call).await?;
    caller.require(Role::Runner)?;
    call.require_json()?;
    let host = host(&call);
    let body = body::parse_json(&call.parts.headers, body::read(call.body, MAX_BODY_BYTES).await?)?;
    let (RunInput { code, lang, stdin, policy }, guest) = read_program(body)?;
    if policy.is_some() && caller.role < Role::Owner {
        let message = "Only the role owner can raise what a run may use: omit `policy`, or use an owner token.";
        return Err(ApiError::new(ErrorCode::RoomRoleTooLow, message));
    }
    if code.is_some() && caller.role < Role::Editor {
        let message = "The role runner can only run the room's program: omit `code`, or use an editor token.";
        return Err(ApiError::new(ErrorCode::RoomRoleTooLow, message));
    }
    let user_id = caller.name.or(guest).unwrap_or_else(|| "api".to_owned());
    let run = RoomRun { user_id, admitted: caller.admitted, host, code, lang, stdin, policy };
    match app.rooms.run(&room, &run).await? {
        RoomRunEnd::Result(result) => Ok(respond::json(
            StatusCode::OK,
            // The result is passed on as it is, without being decoded.
            &json!({
                "success": result["ok"],
                "output": result["stdout"],
                "error": result["stderr"],
                "exitCode": result["exitCode"],
                "result": result,
            }),
        )),
        RoomRunEnd::Refused(refused) => Err(refusal(refused)),
        RoomRunEnd::Busy => Err(ApiError::new(ErrorCode::RoomBusy, "A program runs in this room; wait for its end.")),
        RoomRunEnd::NoProgram => {
            Err(invalid("code", "is required, because the room is empty: send code, or type a program into the room"))
        }
        RoomRunEnd::NoSuchRoom => Err(not_found()),
    }
}

/// `DELETE /api/rooms/:id/run`: stops the program that runs in the room.
pub async fn stop_run_in_room(app: &App, call: Call) -> Result<Response, ApiError> {
    let (room, caller) = enter(app, &call).await?;
    caller.require(Role::Runner)?;
    rooms::stop_run(app, &room).await?;
    Ok(respond::empty())
}

/// The room that a path names, and its caller. An open room has no owner, so nothing here works for it.
async fn enter(app: &App, call: &Call) -> Result<(RoomId, RoomCaller), ApiError> {
    let room = room(app, call.param(0))?;
    let caller = RoomCaller::extract(app, call, &room, true).await?;
    if caller.expires_at.is_none() && caller.admitted.is_none() {
        let message = "This is an open room, which has no owner. Create a room of a project with POST /api/rooms.";
        return Err(ApiError::new(ErrorCode::RoomRoleTooLow, message));
    }
    Ok((room, caller))
}

pub struct TokenRequest {
    role: Role,
    name: Option<String>,
    ttl_seconds: u32,
}

/// A room to make.
pub struct NewRoom {
    name: Option<String>,
    /// The token of the owner.
    owner: TokenRequest,
}

pub fn read_new_room(body: Value) -> Result<NewRoom, ApiError> {
    let mut problems = Problems::default();
    let request = Reader::open(body, String::new(), fields::of::<RoomSettings>(), &mut problems).map(|mut fields| {
        let name = read_name(&mut fields, "name", MAX_NAME_CHARS);
        let owner_name = read_name(&mut fields, "ownerName", MAX_ROOM_NAME_CHARS);
        let owner = TokenRequest { role: Role::Owner, name: owner_name, ttl_seconds: read_ttl(&mut fields) };
        NewRoom { name, owner }
    });
    problems.conclude(request).map_err(ApiError::invalid)
}

pub fn read_token_request(body: Value) -> Result<TokenRequest, ApiError> {
    let mut problems = Problems::default();
    let known = fields::of::<RoomTokenSettings>();
    let request = Reader::open(body, String::new(), known, &mut problems).and_then(|mut fields| {
        let name = read_name(&mut fields, "name", MAX_ROOM_NAME_CHARS);
        let ttl_seconds = read_ttl(&mut fields);
        Some(TokenRequest { role: read_role(&mut fields)?, name, ttl_seconds })
    });
    problems.conclude(request).map_err(ApiError::invalid)
}

fn read_name(fields: &mut Reader<'_>, field: &str, max_chars: usize) -> Option<String> {
    let name = fields.string(field)?;
    if name.trim().is_empty() || name.chars().count() > max_chars {
        fields.note(field, format!("must have 1 to {max_chars} characters"));
    }
    Some(name)
}

fn read_ttl(fields: &mut Reader<'_>) -> u32 {
    fields.integer("ttlSeconds", &TOKEN_SECONDS).unwrap_or(DEFAULT_TOKEN_SECONDS)
}

fn read_role(fields: &mut Reader<'_>) -> Option<Role> {
    let names = Role::ALL.map(|role| format!("\"{}\"", role.name())).join(", ");
    if !fields.has("role") {
        fields.note("role", format!("is required: one of {names}"));
    }
    let name = fields.string("role")?;
    let role = Role::ALL.into_iter().find(|role| role.name() == name);
    if role.is_none() {
        fields.note("role", format!("must be one of {names}"));
    }
    role
}

/// The program of a request, and the name that its guest gives.
pub fn read_program(body: Value) -> Result<(RunInput, Option<String>), ApiError> {
    let mut problems = Problems::default();
    // The run itself reads the policy again, with the limits of this deployment.
    let policy = body.get("policy").cloned();
    let program = Reader::open(body, String::new(), fields::of::<RoomProgram>(), &mut problems).map(|mut fields| {
        read_policy(&mut fields, *TIMEOUT_MS.end());
        let (code, lang, stdin) = (fields.string("code"), fields.string("language"), fields.string("stdin"));
        let name = read_name(&mut fields, "name", MAX_ROOM_NAME_CHARS);
        (RunInput { code, lang, stdin, policy }, name)
    });
    problems.conclude(program).map_err(ApiError::invalid)
}

fn new_token(app: &App, room: &RoomId, role: Role, name: Option<String>, until: Timestamp) -> RoomToken {
    RoomToken { token: rooms::mint(app, room, role, name, until), role, expires_at: until.into() }
}

/// The error for a refused run, as the run API has it.
fn refusal(refused: Refused) -> ApiError {
    let Refused { code, message, fields } = refused;
    let code = match code.as_str() {
        "invalid_request" => {
            let problems = fields.into_iter().map(|(field, message)| {
                let field = if field == "lang" { "language".to_owned() } else { field };
                crate::domain::input::problem::FieldError { field, message }
            });
            return ApiError::invalid(problems.collect());
        }
        name => ErrorCode::ALL.iter().copied().find(|code| code.name() == name).unwrap_or(ErrorCode::Internal),
    };
    ApiError::new(code, message)
}
