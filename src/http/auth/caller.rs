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
use crate::http::auth::key_error;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::Call;
use crate::http::request::cookie;
use crate::http::request::same_origin;
use crate::http::response::rate;
use ::http::HeaderMap;
use ::http::header::{AUTHORIZATION, ORIGIN, REFERER};

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
        Self::pass(app, call, key, true).await?.ok_or_else(|| key_error::missing(app, call))
    }

    /// The holder of a key, whose call does not count against the key's limit.
    pub async fn extract_uncounted(app: &App, call: &Call) -> Result<Self, ApiError> {
        Self::extract_if_present(app, call).await?.ok_or_else(|| key_error::missing(app, call))
    }

    /// The same for a call that needs no key and does not count against the limit.
    pub async fn extract_if_present(app: &App, call: &Call) -> Result<Option<Self>, ApiError> {
        Self::pass(app, call, bearer(call.headers()), false).await
    }

    async fn pass(app: &App, call: &Call, key: Option<&str>, counts: bool) -> Result<Option<Self>, ApiError> {
        let Some(text) = key else { return Ok(None) };
        let key_hash = ApiKey::parse(text, &app.secret).ok_or_else(|| key_error::malformed(text))?.hash();
        let page = call.header(ORIGIN).or_else(|| call.header(REFERER));
        let ask = CheckKey { host: page.and_then(allowed_domain::host_of), counts };
        match app.gates.check(&key_hash, &ask).await? {
            Decision::Invalid => Err(key_error::invalid()),
            Decision::Expired { at } => Err(key_error::expired(at)),
            Decision::DomainNotAllowed => Err(key_error::domain_not_allowed(page)),
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
}

impl SignedIn {
    /// The user of the session cookie. A call that changes something must come from a page of this deployment, or from
    /// a client that is no browser.
    ///
    /// # Errors
    /// 401 if there is no session; 403 if another site may have made the call; 503 if the session cannot be read.
    pub async fn extract(app: &App, call: &Call) -> Result<Self, ApiError> {
        if !call.parts.method.is_safe() {
            same_origin::require_own(app, call)?;
        }
        let required = || session_required(call);
        Self::extract_if_present(app, call).await?.ok_or_else(required)
    }

    /// The same for a call that needs no session and changes nothing.
    pub async fn extract_if_present(app: &App, call: &Call) -> Result<Option<Self>, ApiError> {
        let Some(token) = cookie::read(call.headers()) else { return Ok(None) };
        let Some(current) = sign_in::current(app, &token).await? else { return Ok(None) };
        if current.renewed {
            call.renewal.set(cookie::set(&token, &call.base_url(app)));
        }
        Ok(Some(Self { session: current.session }))
    }

    /// The id of the user.
    pub fn user_id(&self) -> &str {
        &self.session.user_id
    }
}

/// The error for a call that needs a session. An API key is no session.
fn session_required(call: &Call) -> ApiError {
    let message = match bearer(call.headers()) {
        Some(_) => {
            "This needs the session of a user, and an API key is none: sign in with POST /auth/request, and send the \
                    cookie docle_session."
        }
        None => "Sign in to do this: POST /auth/request mails a link, and the session is the cookie docle_session.",
    };
    ApiError::new(ErrorCode::SessionRequired, message)
}

/// The credentials after the scheme `Bearer`, whose case does not matter.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, credentials) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credentials.trim())
}
