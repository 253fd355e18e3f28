//! The kinds of callers: an argument type of handlers for each.

use crate::app::App;
use crate::app::accounts::sign_in;
use crate::app::runs::progress::Client;
use crate::domain::account::session::Session;
use crate::domain::key::allowed_domain;
use crate::domain::key::api_key::ApiKey;
use crate::domain::key::gate::{CheckKey, Decision};
use crate::domain::key::rolling_window::Rate;
use crate::domain::project::isolate_settings::IsolateSettings;
use crate::domain::run::record::Owner;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::Call;
use crate::http::request::cookie;
use crate::http::request::same_origin;
use crate::http::response::rate;
use ::http::HeaderMap;
use ::http::header::{AUTHORIZATION, ORIGIN, REFERER, SET_COOKIE};
use ::http::{HeaderName, HeaderValue, Method};

/// A client whose API key has passed its gate.
pub struct ApiClient {
    pub owner: Owner,
    /// Names the key's gate.
    pub key_hash: String,
    /// The network address of the client, if the project stores it.
    pub ip: Option<String>,
    pub rate: Rate,
    /// What the project decides about its scripts.
    pub isolates: IsolateSettings,
}

impl ApiClient {
    /// The holder of the key in `Authorization: Bearer`, counted against the key's limit.
    ///
    /// # Errors
    /// 401 if the key is missing, malformed, unknown, revoked or expired; 403 if the key is not for pages of this
    /// domain; 429 if its limit is reached; 503 if its gate does not respond.
    pub async fn extract(app: &App, call: &Call) -> Result<Self, ApiError> {
        Self::with_key(app, call, bearer(call.headers())).await
    }

    /// The same with a key that does not come from the header `Authorization`.
    pub async fn with_key(app: &App, call: &Call, key: Option<&str>) -> Result<Self, ApiError> {
        Self::pass(app, call, key, true)
            .await?
            .ok_or_else(|| ApiError::new(ErrorCode::ApiKeyRequired, "Sign in and create a project to get your API key"))
    }

    /// The same for a call that needs no key and does not count against the limit.
    pub async fn extract_if_present(app: &App, call: &Call) -> Result<Option<Self>, ApiError> {
        Self::pass(app, call, bearer(call.headers()), false).await
    }

    async fn pass(app: &App, call: &Call, key: Option<&str>, counts: bool) -> Result<Option<Self>, ApiError> {
        let Some(text) = key else { return Ok(None) };
        let invalid =
            || ApiError::new(ErrorCode::InvalidApiKey, "This API key is not valid; it may have been revoked.");
        let key_hash = ApiKey::parse(text, &app.secret).ok_or_else(invalid)?.hash();
        let page = call.header(ORIGIN).or_else(|| call.header(REFERER));
        let ask = CheckKey { host: page.and_then(allowed_domain::host_of), counts };
        match app.gates.check(&key_hash, &ask).await? {
            Decision::Invalid => Err(invalid()),
            Decision::DomainNotAllowed => {
                Err(ApiError::new(ErrorCode::DomainNotAllowed, "This API key does not allow pages of this domain."))
            }
            Decision::Limited { rate } => Err(rate::exceeded(&rate, app.clock.now())),
            Decision::Allowed { owner, store_ip, rate, isolates } => {
                let ip = if store_ip { call.origin().ip } else { None };
                Ok(Some(Self { owner, key_hash, ip, rate, isolates }))
            }
        }
    }
}

impl From<ApiClient> for Client {
    fn from(ApiClient { owner, key_hash, ip, .. }: ApiClient) -> Self {
        Self { owner, key_hash, ip }
    }
}

/// A user who is signed in.
pub struct SignedIn {
    pub session: Session,
    /// The header that sets the cookie again, if this call has extended the session.
    pub renewed: Option<(HeaderName, HeaderValue)>,
}

impl SignedIn {
    /// The user of the session cookie. A call that changes something must come from a page of this deployment. Its body
    /// must have a content type that pages of other sites cannot send without a preflight.
    ///
    /// # Errors
    /// 401 if there is no session; 403 and 415 if another site may have made the call; 503 if the session cannot be
    /// read.
    pub async fn extract(app: &App, call: &Call) -> Result<Self, ApiError> {
        let method = &call.parts.method;
        if !method.is_safe() {
            same_origin::require_own(app, call)?;
        }
        if method == Method::POST || method == Method::PATCH {
            call.require_json()?;
        }
        let required = || ApiError::new(ErrorCode::SessionRequired, "Sign in to do this.");
        Self::extract_if_present(app, call).await?.ok_or_else(required)
    }

    /// The same for a call that needs no session and changes nothing.
    pub async fn extract_if_present(app: &App, call: &Call) -> Result<Option<Self>, ApiError> {
        let Some(token) = cookie::read(call.headers()) else { return Ok(None) };
        let Some(current) = sign_in::current(app, &token).await? else { return Ok(None) };
        let renewed = current.renewed.then(|| (SET_COOKIE, cookie::set(&token, &call.base_url(app))));
        Ok(Some(Self { session: current.session, renewed }))
    }

    /// The id of the user.
    pub fn user_id(&self) -> &str {
        &self.session.user_id
    }
}

/// The credentials after the scheme `Bearer`, whose case does not matter.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, credentials) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credentials.trim())
}
