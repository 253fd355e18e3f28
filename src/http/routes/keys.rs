//! `/api/projects/:id/keys` and `/api/keys/:id`: the keys of the user's projects.

use crate::app::actor::Actor;
use crate::app::keys::RotationRefusal;
use crate::app::{App, keys, quotas};
use crate::domain::account::quota::Quota;
use crate::domain::key::api_key::Kind;
use crate::domain::key::settings;
use crate::domain::timestamp::Timestamp;
use crate::http::auth::caller::SignedIn;
use crate::http::error::{ApiError, ErrorCode, Members};
use crate::http::request::call::Call;
use crate::http::response::{quota, respond};
use crate::http::routes::projects;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use docle_api::keys::{CreatedKey, EndingKey, Key, KeyPage, KeyType, RotatedKey};
use docle_api::time::Time;

/// `POST /api/projects/:id/keys`: the one answer that shows the key.
pub async fn create_key(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let project = projects::find(app, &caller, call.param(0)).await?;
    let actor = Actor { user_id: caller.user_id(), origin: call.origin() };
    let settings = settings::parse_new(call.optional_json().await?, app.clock.now()).map_err(ApiError::invalid)?;
    if settings.is_management {
        caller.refuse_token()?;
    }
    let limits = quotas::limits(app, &caller.session);
    let created = keys::create(app, &actor, &limits, &project.id, &settings).await?;
    let body = CreatedKey { key: created.key.reveal().to_owned(), id: created.id };
    Ok(quota::with_header(app, &caller.session, Quota::Keys, respond::json(StatusCode::CREATED, &body)).await)
}

/// `GET /api/projects/:id/keys`.
pub async fn list_keys(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let project = projects::find(app, &caller, call.param(0)).await?;
    let (keys, next) = keys::list(app, &project.id, &call.page()?).await?;
    let now = app.clock.now();
    let api_keys = keys.into_iter().map(|key| encode(key, now)).collect();
    Ok(respond::json(StatusCode::OK, &KeyPage { api_keys, next_cursor: next }))
}

/// `PATCH /api/keys/:id`.
pub async fn change_key(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let mut key = find_unrevoked(app, &caller, call.param(0)).await?;
    let actor = Actor { user_id: caller.user_id(), origin: call.origin() };
    let (body, now) = (call.json().await?, app.clock.now());
    let settings = settings::parse_change(body, key.settings.clone(), now).map_err(ApiError::invalid)?;
    keys::change(app, &actor, &key, &settings).await?;
    key.settings = settings;
    Ok(respond::json(StatusCode::OK, &encode(key, now)))
}

/// `POST /api/keys/:id/rotate`: makes a successor; the old key works for a while longer.
pub async fn rotate_key(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let key = find(app, &caller, call.param(0)).await?;
    let actor = Actor { user_id: caller.user_id(), origin: call.origin() };
    let overlap = settings::parse_overlap(call.optional_json().await?).map_err(ApiError::invalid)?;
    let (created, ends_at) = keys::rotate(app, &actor, &key, overlap).await?;
    let previous = EndingKey { id: key.id, expires_at: ends_at.into() };
    let expires_at = key.settings.expires_at.map(Time::from);
    let body = RotatedKey { key: created.key.reveal().to_owned(), id: created.id, expires_at, previous };
    Ok(respond::json(StatusCode::CREATED, &body))
}

/// `DELETE /api/keys/:id`: revokes the key; the next request with it fails, everywhere.
pub async fn revoke_key(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let id = call.param(0);
    // A program that signs out revokes its own token. The session of a token has the token's id.
    let is_own_token = caller.only_project.is_some() && caller.session.id == id;
    let key = match is_own_token {
        true => keys::read(app, caller.user_id(), id).await?.ok_or_else(no_key)?,
        false => find(app, &caller, id).await?,
    };
    let actor = Actor { user_id: caller.user_id(), origin: call.origin() };
    keys::revoke(app, &actor, &key).await?;
    Ok(respond::empty())
}

/// A key of the caller's. A management token reaches none of its kind.
async fn find(app: &App, caller: &SignedIn, id: &str) -> Result<keys::StoredKey, ApiError> {
    let key = keys::read(app, caller.user_id(), id).await?.filter(|key| caller.may_reach(&key.project_id));
    let key = key.ok_or_else(no_key)?;
    if key.settings.is_management {
        caller.refuse_token()?;
    }
    Ok(key)
}

fn no_key() -> ApiError {
    ApiError::new(ErrorCode::KeyNotFound, "You have no API key with this id.")
}

async fn find_unrevoked(app: &App, caller: &SignedIn, id: &str) -> Result<keys::StoredKey, ApiError> {
    let key = find(app, caller, id).await?;
    if key.revoked_at.is_some() {
        return Err(revoked());
    }
    Ok(key)
}

fn revoked() -> ApiError {
    ApiError::new(ErrorCode::KeyRevoked, "This API key was revoked, which is for good: create a new one.")
}

impl From<RotationRefusal> for ApiError {
    fn from(refusal: RotationRefusal) -> Self {
        match refusal {
            RotationRefusal::Revoked => revoked(),
            RotationRefusal::Failed(error) => error.into(),
            RotationRefusal::Rotated { successor_id } => {
                let message = format!(
                    "This API key was rotated before; its successor is {successor_id}. The successor was shown once. If it \
                     was lost, rotate {successor_id}."
                );
                let members = Members { successor_id: Some(successor_id), ..Members::default() };
                Self::new(ErrorCode::KeyRotated, message).with_members(members)
            }
            RotationRefusal::Expired { at } => {
                let message =
                    format!("This API key expired at {at}, and a successor would expire with it: create a new key.");
                Self::new(ErrorCode::KeyExpired, message)
            }
        }
    }
}

/// A key as its owner sees it.
pub fn encode(key: keys::StoredKey, now: Timestamp) -> Key {
    let kind = key.settings.kind();
    let is_active = key.revoked_at.is_none() && key.settings.expires_at.is_none_or(|end| now < end);
    Key {
        id: key.id,
        name: key.settings.name,
        key_type: match kind {
            Kind::Secret => KeyType::Secret,
            Kind::Publishable => KeyType::Publishable,
            Kind::Management => KeyType::Management,
        },
        key_prefix: key.prefix,
        key: key.publishable_key,
        limits: key.settings.page.map(|page| page.shown()),
        allowed_domains: key.settings.allowed_domains,
        allow_in_url: key.settings.allow_in_url,
        rate_limit_per_minute: key.settings.rate_limit_per_minute,
        last_used_at: key.last_used_at.map(Time::from),
        is_active: u8::from(is_active),
        expires_at: key.settings.expires_at.map(Time::from),
        revoked_at: key.revoked_at.map(Time::from),
        successor_id: key.successor_id,
        created_at: key.created_at.into(),
    }
}
