//! Who calls: an argument type for each kind of caller.

use crate::app::App;
use crate::domain::api_key::ApiKey;
use crate::domain::record::Owner;
use crate::http::error::{ApiError, ErrorCode};
use ::http::HeaderMap;
use ::http::header::AUTHORIZATION;

/// A caller with a valid API key.
pub struct ApiClient(pub Owner);

impl ApiClient {
    /// The holder of the key in `Authorization: Bearer`.
    ///
    /// # Errors
    /// 401 where there is no key, or one that is malformed, unknown or revoked; 503 where that cannot be known.
    pub async fn extract(app: &App, headers: &HeaderMap) -> Result<Self, ApiError> {
        Self::extract_if_present(app, headers)
            .await?
            .ok_or_else(|| ApiError::new(ErrorCode::ApiKeyRequired, "Sign in and create a project to get your API key"))
    }

    /// The same, where calling without a key is fine, too.
    pub async fn extract_if_present(app: &App, headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let Some(text) = bearer(headers) else { return Ok(None) };
        let owner = match ApiKey::parse(text) {
            Some(key) => app.keys.authenticate(&key).await?,
            None => None,
        };
        let invalid =
            || ApiError::new(ErrorCode::InvalidApiKey, "This API key is not valid; it may have been revoked.");
        owner.map(Self).ok_or_else(invalid).map(Some)
    }
}

/// What follows the scheme `Bearer`, in whatever case.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, credentials) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credentials.trim())
}
