//! Who calls: an argument type for each kind of caller.

use crate::app::App;
use crate::app::accounts::sign_in;
use crate::app::runs::start::Client;
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

/// A caller whose API key has let them through.
pub struct ApiClient {
    pub owner: Owner,
    /// Names the key's gate.
    pub key_hash: String,
    /// The caller's address, where the project wants it kept.
    pub ip: Option<String>,
    pub rate: Rate,
    /// What the project decides about its scripts.
    pub isolates: IsolateSettings,
}

impl ApiClient {
    /// The holder of the key in `Authorization: Bearer`, counted against the key's limit.
    ///
    /// # Errors
    /// 401 where there is no key, or one that is malformed, unknown, revoked or expired; 403 where it is for other
    /// pages; 429 where its limit is used up; 503 where all that cannot be known.
    pub async fn extract(app: &App, call: &Call) -> Result<Self, ApiError> {
        Self::with_key(app, call, bearer(call.headers())).await
    }

    /// The same with a key that was shown elsewhere.
    pub async fn with_key(app: &App, call: &Call, key: Option<&str>) -> Result<Self, ApiError> {
        Self::pass(app, call, key, true)
            .await?
            .ok_or_else(|| ApiError::new(ErrorCode::ApiKeyRequired, "Sign in and create a project to get your API key"))
    }

    /// The same, where calling without a key is fine, too, and nothing is counted.
    pub async fn extract_if_present(app: &App, call: &Call) -> Result<Option<Self>, ApiError> {
        Self::pass(app, call, bearer(call.headers()), false).await
    }

    async fn pass(app: &App, call: &Call, key: Option<&str>, counts: bool) -> Result<Option<Self>, ApiError> {
        let Some(text) = key else { return Ok(None) };
        let invalid =
            || ApiError::new(ErrorCode::InvalidApiKey, "This API key is not valid; it may have been revoked.");
        let key_hash = ApiKey::parse(text).ok_or_else(invalid)?.hash();
        let page = call.header(ORIGIN).or_else(|| call.header(REFERER));
        let ask = CheckKey { host: page.and_then(allowed_domain::host_of), counts };
        match app.gates.check(&key_hash, &ask).await? {
            Decision::Invalid => Err(invalid()),
            Decision::WrongDomain => {
                Err(ApiError::new(ErrorCode::DomainNotAllowed, "This API key is not for pages of this domain."))
            }
            Decision::Limited { rate } => Err(rate::exceeded(&rate, app.clock.now())),
            Decision::Open { owner, store_ip, rate, isolates } => {
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
            same_origin::require_own(app, call)?;
        }
        if method == Method::POST || method == Method::PATCH {
            call.require_json()?;
        }
        let required = || ApiError::new(ErrorCode::SessionRequired, "Sign in to do this.");
        Self::extract_if_present(app, call).await?.ok_or_else(required)
    }

    /// The same, where calling without a session is fine, too, and nothing is changed.
    pub async fn extract_if_present(app: &App, call: &Call) -> Result<Option<Self>, ApiError> {
        let Some(token) = cookie::read(call.headers()) else { return Ok(None) };
        let Some(current) = sign_in::current(app, &token).await? else { return Ok(None) };
        let renewed = current.renewed.then(|| (SET_COOKIE, cookie::set(&token, &call.base_url(app))));
        Ok(Some(Self { session: current.session, renewed }))
    }

    /// Who it is.
    pub fn user_id(&self) -> &str {
        &self.session.user_id
    }
}

/// What follows the scheme `Bearer`, in whatever case.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, credentials) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credentials.trim())
}
