//! Who calls: an argument type for each kind of caller.

use crate::app::{App, sign_in};
use crate::domain::api_key::ApiKey;
use crate::domain::record::Owner;
use crate::domain::session::Session;
use crate::http::call::Call;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::{cookie, site};
use ::http::HeaderMap;
use ::http::header::{AUTHORIZATION, SET_COOKIE};
use ::http::{HeaderName, HeaderValue, Method};

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

/// A caller who is signed in.
pub struct SignedIn {
    pub session: Session,
    /// The cookie anew, where using it has moved its end.
    pub renewed: Option<(HeaderName, HeaderValue)>,
}

impl SignedIn {
    /// The holder of the session cookie. A call that changes something has to come from a page of ours and, where it
    /// has a body, in a type that pages of other sites cannot send without asking.
    ///
    /// # Errors
    /// 401 where there is no session; 403 and 415 where another site may have made the call; 503 where the session
    /// cannot be looked up.
    pub async fn extract(app: &App, call: &Call) -> Result<Self, ApiError> {
        let method = &call.parts.method;
        if !method.is_safe() {
            site::require_own(app, call)?;
        }
        if method == Method::POST || method == Method::PATCH {
            call.require_json()?;
        }
        let required = || ApiError::new(ErrorCode::SessionRequired, "Sign in to do this.");
        let token = cookie::read(call.headers()).ok_or_else(required)?;
        let current = sign_in::current(app, &token).await?.ok_or_else(required)?;
        let renewed = current.renewed.then(|| (SET_COOKIE, cookie::set(&token, &call.base_url(app))));
        Ok(Self { session: current.session, renewed })
    }

    /// Who it is.
    pub fn user_id(&self) -> &str {
        &self.session.user_id
    }
}

/// What follows the scheme `Bearer`, in whatever case.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, credentials) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credentials.trim())
}
