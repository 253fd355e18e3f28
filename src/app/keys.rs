//! API keys: what the owner of a project can do with them.

use crate::app::actor::Actor;
use crate::app::context::App;
use crate::app::quotas::{self, QuotaRefusal};
use crate::domain::account::audit::Action;
use crate::domain::account::quota::{Quota, QuotaLimits};
use crate::domain::id::{self, Kind};
use crate::domain::input::page::Page;
use crate::domain::key::api_key::ApiKey;
use crate::domain::key::settings::KeySettings;
use crate::domain::timestamp::Timestamp;
use crate::ports::PortError;
use crate::store::keys::{self, NewKey};

pub use crate::store::keys::StoredKey;

/// A new key. Only this value has the key itself: the database has its hash.
pub struct CreatedKey {
    pub id: String,
    pub key: ApiKey,
}

/// Makes a key for a project, which is the user's own.
///
/// # Errors
/// The account has as many keys as it may.
pub async fn create(
    app: &App,
    actor: &Actor<'_>,
    limits: &QuotaLimits,
    project_id: &str,
    settings: &KeySettings,
) -> Result<CreatedKey, QuotaRefusal> {
    let created = generate(app, settings);
    let new = new_key(app, &created, project_id, settings);
    let event = actor.event(app, Action::KeyCreated, project_id, &created.id);
    if !keys::add(&*app.sql, actor.user_id, &new, limits.at_most(Quota::Keys), event).await? {
        return Err(quotas::full(app, limits, Quota::Keys));
    }
    // A call may have tried this key before it existed, and the gate has cached that. This is very unlikely.
    if let Err(error) = app.gates.refresh(&created.key.hash()).await {
        // The key is stored, and its caller has to get it. The gate knows nothing of it, unless a call has tried it before.
        app.log_error("The gate of a new key could not be refreshed.", &error);
    }
    Ok(created)
}

/// The keys of a project, which is the user's own, and the cursor of the next page.
pub async fn list(app: &App, project_id: &str, page: &Page) -> Result<(Vec<StoredKey>, Option<String>), PortError> {
    let rows = keys::list(&*app.sql, project_id, page).await?;
    Ok(page.cut(rows, StoredKey::position))
}

/// A key of one of the user's projects; `None` where there is none of this id.
pub async fn read(app: &App, user_id: &str, id: &str) -> Result<Option<StoredKey>, PortError> {
    keys::find(&*app.sql, user_id, id).await
}

/// Changes the settings of a key. The next request with the key is subject to them.
pub async fn change(app: &App, actor: &Actor<'_>, key: &StoredKey, settings: &KeySettings) -> Result<(), PortError> {
    let event = actor.event(app, Action::KeyChanged, &key.project_id, &key.id);
    keys::change(&*app.sql, &key.id, settings, event).await?;
    app.gates.refresh(&key.hash).await
}

/// Why a key is not rotated.
#[derive(Debug, PartialEq, Eq)]
pub enum RotationRefusal {
    /// It was rotated before. Its successor may have a successor of its own.
    Rotated { successor_id: String },
    /// It was revoked.
    Revoked,
    /// It has expired, at this time.
    Expired { at: Timestamp },
    /// The database does not respond.
    Failed(PortError),
}

impl From<PortError> for RotationRefusal {
    fn from(error: PortError) -> Self {
        Self::Failed(error)
    }
}

/// Whether a key can be rotated now.
fn refusal(key: &StoredKey, now: Timestamp) -> Option<RotationRefusal> {
    if key.revoked_at.is_some() {
        return Some(RotationRefusal::Revoked);
    }
    if let Some(successor_id) = &key.successor_id {
        return Some(RotationRefusal::Rotated { successor_id: successor_id.clone() });
    }
    key.settings.expires_at.filter(|at| *at <= now).map(|at| RotationRefusal::Expired { at })
}

/// Makes a successor with the same settings. The old key works for `overlap_seconds` more. Returns the successor and
/// the time at which the old key expires. A key has one successor, however often this is called.
pub async fn rotate(
    app: &App,
    actor: &Actor<'_>,
    old: &StoredKey,
    overlap_seconds: u32,
) -> Result<(CreatedKey, Timestamp), RotationRefusal> {
    if let Some(refusal) = refusal(old, app.clock.now()) {
        return Err(refusal);
    }
    let created = generate(app, &old.settings);
    let new = new_key(app, &created, &old.project_id, &old.settings);
    let ends_at = app.clock.now().plus_ms(i64::from(overlap_seconds) * 1_000);
    let ends_at = old.settings.expires_at.map_or(ends_at, |expires_at| expires_at.min(ends_at));
    let event = actor.event(app, Action::KeyRotated, &old.project_id, &old.id);
    if !keys::replace(&*app.sql, &old.id, ends_at, &new, event).await? {
        // Another call was first.
        let current = keys::find(&*app.sql, actor.user_id, &old.id).await?;
        return Err(current.and_then(|key| refusal(&key, new.created_at)).unwrap_or(RotationRefusal::Revoked));
    }
    app.gates.refresh(&old.hash).await?;
    Ok((created, ends_at))
}

/// Revokes a key. After it every request with the key is refused. After an error it may be repeated, and should be.
pub async fn revoke(app: &App, actor: &Actor<'_>, key: &StoredKey) -> Result<(), PortError> {
    let event = actor.event(app, Action::KeyRevoked, &key.project_id, &key.id);
    keys::revoke(&*app.sql, &key.id, app.clock.now(), event).await?;
    app.gates.refresh(&key.hash).await
}

/// Makes the gates of all keys of a project read their settings again.
pub async fn refresh_gates_of_project(app: &App, project_id: &str) -> Result<(), PortError> {
    for hash in keys::hashes(&*app.sql, project_id).await? {
        app.gates.refresh(&hash).await?;
    }
    Ok(())
}

fn generate(app: &App, settings: &KeySettings) -> CreatedKey {
    let key = ApiKey::from_random(settings.kind(), app.random(), &app.secret);
    CreatedKey { id: id::from_random(Kind::Key, app.random()), key }
}

fn new_key<'a>(app: &App, created: &'a CreatedKey, project_id: &'a str, settings: &'a KeySettings) -> NewKey<'a> {
    NewKey { id: &created.id, project_id, key: &created.key, settings, created_at: app.clock.now() }
}
