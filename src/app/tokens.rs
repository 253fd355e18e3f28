//! Run tokens: who can make them, and with whose key they run programs.

use crate::app::actor::Actor;
use crate::app::context::App;
use crate::app::keys;
use crate::app::quotas::QuotaRefusal;
use crate::domain::account::quota::QuotaLimits;
use crate::domain::input::page::Page;
use crate::domain::key::api_key::Kind;
use crate::domain::key::run_token::{Claims, ID_BYTES, TokenLimits};
use crate::domain::key::settings::KeySettings;
use crate::domain::key::token_settings::TokenSettings;
use crate::domain::timestamp::Timestamp;
use crate::ports::PortError;
use docle_api::limits::{DEFAULT_RATE_LIMIT, DEFAULT_RUN_TOKEN_SECONDS};

/// The name of the key that is made for the tokens of a project without one.
const PLAYGROUND: &str = "Playground";

/// A token, and when it ends.
pub struct MintedToken {
    pub token: String,
    pub expires_at: Timestamp,
}

/// Makes a token for the key with this hash.
pub fn mint(app: &App, key_hash: String, settings: TokenSettings) -> MintedToken {
    let TokenSettings { ttl_seconds, origin, user_context, limits } = settings;
    let expires_at = app.clock.now().plus_ms(i64::from(ttl_seconds) * 1_000);
    let id = hex::encode(app.random::<ID_BYTES>());
    sign(app, Claims { id, key_hash, expires_at, origin, user_context, limits, is_framed: false })
}

/// Makes a token for an embed frame with a publishable key. Only the frame's own page can use it.
pub fn mint_for_frame(app: &App, key_hash: String, limits: TokenLimits, origin: String) -> MintedToken {
    let expires_at = app.clock.now().plus_ms(i64::from(DEFAULT_RUN_TOKEN_SECONDS) * 1_000);
    let id = hex::encode(app.random::<ID_BYTES>());
    sign(app, Claims { id, key_hash, expires_at, origin: Some(origin), user_context: None, limits, is_framed: true })
}

fn sign(app: &App, claims: Claims) -> MintedToken {
    MintedToken { token: claims.sign(&app.secret), expires_at: claims.expires_at }
}

/// Makes a token for a project, which is the user's own: for its key "Playground", which is made if it is not there. Nobody
/// has that key itself, so it runs nothing but what tokens run; its limit and its end are the owner's to set.
pub async fn mint_for_project(
    app: &App,
    actor: &Actor<'_>,
    limits: &QuotaLimits,
    project_id: &str,
    settings: TokenSettings,
) -> Result<MintedToken, QuotaRefusal> {
    let key_hash = playground_key_hash(app, actor, limits, project_id).await?;
    Ok(mint(app, key_hash, settings))
}

/// The hash of a project's key "Playground", which is made if it is not there.
pub async fn playground_key_hash(
    app: &App,
    actor: &Actor<'_>,
    limits: &QuotaLimits,
    project_id: &str,
) -> Result<String, QuotaRefusal> {
    match playground_key(app, project_id).await? {
        Some(hash) => Ok(hash),
        None => {
            let unlimited = KeySettings {
                name: PLAYGROUND.to_owned(),
                allowed_domains: Vec::new(),
                rate_limit_per_minute: DEFAULT_RATE_LIMIT,
                expires_at: None,
                page: None,
                allow_in_url: false,
                is_management: false,
            };
            Ok(keys::create(app, actor, limits, project_id, &unlimited).await?.key.hash())
        }
    }
}

/// The hash of the project's valid key of that name, if there is one.
async fn playground_key(app: &App, project_id: &str) -> Result<Option<String>, PortError> {
    let now = app.clock.now();
    let mut page = Some(Page::first());
    while let Some(current) = page {
        let (found, next) = keys::list(app, project_id, &current).await?;
        let is_usable = |key: &keys::StoredKey| {
            key.settings.name == PLAYGROUND
                && key.settings.kind() == Kind::Secret
                && key.revoked_at.is_none()
                && key.settings.expires_at.is_none_or(|end| now < end)
        };
        if let Some(key) = found.into_iter().find(is_usable) {
            return Ok(Some(key.hash));
        }
        page = next.and_then(|cursor| Page::parse(None, Some(&cursor)).ok());
    }
    Ok(None)
}
