//! Rooms: what a project can do with its rooms, and the tokens that let clients in.

pub mod programs;

use crate::app::context::App;
use crate::domain::input::page::Page;
use crate::domain::room::id::{Kind, RoomId};
use crate::domain::room::token::Claims;
use crate::domain::timestamp::Timestamp;
use crate::ports::PortError;
use crate::ports::rooms::BillingKey;
use crate::store::rooms;
use docle_room::role::Role;

pub use crate::store::rooms::StoredRoom;

/// The most rooms of deleted projects that one call deletes. Each costs a call of an object and one of the database,
/// and a Worker may make 1,000 such calls for one request.
const ORPHANS_AT_ONCE: i64 = 100;

/// A new open room. It is only an id until a client writes into it.
pub fn new_open_room(app: &App) -> RoomId {
    RoomId::from_random(Kind::Open, app.random(), &app.secret)
}

/// Creates a room of a project. Its programs run on this key.
pub async fn create(app: &App, billing_key: &BillingKey) -> Result<RoomId, PortError> {
    let id = RoomId::from_random(Kind::Owned, app.random(), &app.secret);
    rooms::add(&*app.sql, &id, &billing_key.owner.project_id, app.clock.now()).await?;
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

/// Deletes a room with everything in it. The row goes last, so that a call that failed in between can be repeated.
pub async fn delete(app: &App, room: &RoomId) -> Result<(), PortError> {
    app.rooms.delete(room).await?;
    rooms::delete(&*app.sql, room).await
}

/// Deletes rooms of deleted projects, as many as one call may.
pub async fn delete_orphans(app: &App) -> Result<(), PortError> {
    for room in rooms::orphans(&*app.sql, ORPHANS_AT_ONCE).await? {
        delete(app, &room).await?;
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
