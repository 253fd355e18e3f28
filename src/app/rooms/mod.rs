//! Rooms: what a project can do with its rooms, and the tokens that let clients in.

pub mod programs;
pub mod project;

use crate::app::actor::Actor;
use crate::app::context::App;
use crate::app::quotas::{self, QuotaRefusal};
use crate::app::tokens;
use crate::domain::account::quota::{Quota, QuotaLimits};
use crate::domain::input::page::{Page, Position};
use crate::domain::key::gate::{CheckKey, Decision};
use crate::domain::room::id::{Kind, RoomId};
use crate::domain::room::token::Claims;
use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::ports::PortError;
use crate::ports::rooms::{BillingKey, RunningProgram};
use crate::store::rooms::{self, RoomLimits};
use docle_api::limits::MAX_ROOMS_PER_PROJECT;
use docle_room::role::Role;
use futures::{StreamExt, stream};

pub use crate::store::rooms::StoredRoom;

/// Rooms that one query lists.
const PAGE: u32 = 100;
/// Rooms that are deleted side by side. Each costs a call of an object.
const SIDE_BY_SIDE: usize = 16;
/// The most rooms of deleted projects that one purge tries to delete: half of the thousand calls that a Worker may make for
/// one request.
const MAX_PURGED: usize = 500;

/// A new open room. It is only an id until a client writes into it.
pub fn new_open_room(app: &App) -> RoomId {
    RoomId::from_random(Kind::Open, app.random(), &app.secret)
}

/// Why a room is not made.
#[derive(Debug, PartialEq, Eq)]
pub enum RoomRefusal {
    /// The project has as many rooms as it may.
    ProjectFull,
    /// The operator has suspended the account.
    Suspended,
    /// The account of the project has as many rooms as it may, or the database does not respond.
    Quota(QuotaRefusal),
}

impl From<PortError> for RoomRefusal {
    fn from(error: PortError) -> Self {
        Self::Quota(error.into())
    }
}

/// Creates a room of a project, which is the user's own, without a key at hand. Its programs run on the project's key "Playground".
///
/// # Errors
/// As for [`create`]; the account has as many keys as it may, or is suspended, or the gate of the key does not respond.
pub async fn create_for_user(
    app: &App,
    actor: &Actor<'_>,
    limits: &QuotaLimits,
    project_id: &str,
    name: Option<&str>,
) -> Result<RoomId, RoomRefusal> {
    let key_hash = tokens::playground_key_hash(app, actor, limits, project_id).await.map_err(RoomRefusal::Quota)?;
    match app.gates.check(&key_hash, &CheckKey::default()).await? {
        Decision::Allowed { owner, .. } => create(app, &BillingKey { key_hash, owner }, name).await,
        Decision::Suspended => Err(RoomRefusal::Suspended),
        _ => Err(PortError("The key of the playground has just ended.".to_owned()).into()),
    }
}

/// Creates a room of a project. Its programs run on this key.
///
/// # Errors
/// The project or its account has as many rooms as it may.
pub async fn create(app: &App, billing_key: &BillingKey, name: Option<&str>) -> Result<RoomId, RoomRefusal> {
    let id = RoomId::from_random(Kind::Owned, app.random(), &app.secret);
    let project_id = &billing_key.owner.project_id;
    let limits = RoomLimits { of_project: MAX_ROOMS_PER_PROJECT, of_account: app.config.quotas.at_most(Quota::Rooms) };
    if !rooms::add(&*app.sql, &id, project_id, name, app.clock.now(), limits).await? {
        let is_full = rooms::count(&*app.sql, project_id).await? >= MAX_ROOMS_PER_PROJECT;
        let of_account = || RoomRefusal::Quota(quotas::full(app, &app.config.quotas, Quota::Rooms));
        return Err(if is_full { RoomRefusal::ProjectFull } else { of_account() });
    }
    app.rooms.open(&id, billing_key).await?;
    Ok(id)
}

/// The rooms of a project, and the cursor of the next page.
pub async fn list(app: &App, project_id: &str, page: &Page) -> Result<(Vec<StoredRoom>, Option<String>), PortError> {
    let rows = rooms::list(&*app.sql, project_id, page).await?;
    Ok(page.cut(rows, StoredRoom::position))
}

/// Whether the project owns the room.
pub async fn belongs_to(app: &App, room: &RoomId, project_id: &str) -> Result<bool, PortError> {
    rooms::belongs_to(&*app.sql, room, project_id).await
}

/// Stops the program that runs in a room, and waits until it has ended. Without one, or before it has started, nothing changes. It
/// may be repeated.
///
/// # Errors
/// The room or the pool of its project does not answer; the program may go on.
pub async fn stop_run(app: &App, room: &RoomId) -> Result<(), PortError> {
    let Some(RunningProgram { project_id, run }) = app.rooms.running(room).await? else { return Ok(()) };
    let id = RunId::parse(&run).ok_or_else(|| PortError("A room named a run that is none.".to_owned()))?;
    let cancelled = app.run_pools.cancel_in_flight(&project_id, id, None).await;
    cancelled.map(drop).map_err(|failure| PortError(failure.message))
}

/// Deletes a room with everything in it. The row goes last, so that a call that failed in between can be repeated.
pub async fn delete(app: &App, room: &RoomId) -> Result<(), PortError> {
    app.rooms.delete(room).await?;
    rooms::delete(&*app.sql, std::slice::from_ref(room)).await
}

/// Deletes the rooms of a project that is gone, so that their connections close and their tokens open nothing. A room that
/// cannot be deleted is logged and left to the next purge. Returns how many it tried to delete.
pub async fn delete_rooms_of(app: &App, project_id: &str) -> Result<usize, PortError> {
    let (mut after, mut tried) = (Position { at: Timestamp(i64::MIN), id: String::new() }, 0);
    loop {
        let page = rooms::of_project(&*app.sql, project_id, &after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.position();
        tried += page.len();
        let deleted = stream::iter(page).map(|room| delete_or_log(app, room.id)).buffer_unordered(SIDE_BY_SIDE);
        let deleted: Vec<RoomId> = deleted.filter_map(async |room| room).collect().await;
        rooms::delete(&*app.sql, &deleted).await?;
    }
    rooms::forget_orphan(&*app.sql, project_id).await?;
    Ok(tried)
}

/// The room if it was deleted.
async fn delete_or_log(app: &App, room: RoomId) -> Option<RoomId> {
    match app.rooms.delete(&room).await {
        Ok(()) => Some(room),
        Err(error) => {
            app.log_error("A room of a deleted project could not be deleted.", &error);
            None
        }
    }
}

/// Deletes rooms that the deletion of their projects has left, as many as one purge may. A project that fails is logged and
/// skipped.
pub async fn delete_orphans(app: &App) -> Result<(), PortError> {
    let (mut after, mut tried) = (String::new(), 0);
    while tried < MAX_PURGED {
        let projects = rooms::orphans(&*app.sql, &after, PAGE).await?;
        let Some(last) = projects.last() else { break };
        after.clone_from(last);
        for project_id in &projects {
            match delete_rooms_of(app, project_id).await {
                Ok(rooms) => tried += rooms + 1,
                Err(error) => app.log_error("The rooms of a deleted project could not be listed.", &error),
            }
            if tried >= MAX_PURGED {
                break;
            }
        }
    }
    Ok(())
}

/// A token for a room.
pub fn mint(app: &App, room: &RoomId, role: Role, name: Option<String>, until: Timestamp) -> String {
    Claims { room: room.clone(), role, name, expires_at: until.0 }.sign(&app.secret)
}

/// The claims of a token; `None` if it is not ours, is for another room, or has expired.
pub fn read_token(app: &App, room: &RoomId, token: &str) -> Option<Claims> {
    let claims = Claims::verify(token, &app.secret, app.clock.now())?;
    (claims.room == *room).then_some(claims)
}
