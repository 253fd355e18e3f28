//! The kinds of callers: an argument type of handlers for each.

use crate::app::App;
use crate::app::accounts::sign_in;
use crate::app::runs::progress::Client;
use crate::domain::account::session::{Session, is_own_machine, network_of};
use crate::domain::key::allowed_domain;
use crate::domain::key::api_key::{self, ApiKey, Kind};
use crate::domain::key::gate::{CheckKey, Decision, Execution, PageKey};
use crate::domain::key::rolling_window::Rate;
use crate::domain::key::run_token::Claims;
use crate::domain::project::isolate_settings::IsolateSettings;
use crate::domain::room;
use crate::domain::run::record::Owner;
use crate::domain::signed_token;
use crate::http::auth::key_error;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::Call;
use crate::http::request::cookie;
use crate::http::request::same_origin;
use crate::http::request::subprotocol;
use crate::http::response::{quota, rate};
use ::http::header::{AUTHORIZATION, ORIGIN, REFERER};
use ::http::{HeaderMap, HeaderName};

/// A header that takes an API key, too, as those of other services do.
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// A client whose API key, or the key of its token, has passed its gate.
pub struct ApiClient {
    pub owner: Owner,
    /// Names the key's gate.
    pub key_hash: String,
    /// The network address of the client, if the project stores it.
    pub ip: Option<String>,
    pub rate: Rate,
    /// What the project decides about its scripts.
    pub isolates: IsolateSettings,
    /// What a run token allows, if the client has sent one instead of a key. A publishable key is as little as a token.
    pub token: Option<Claims>,
    /// Whether the client has a publishable key, which everybody has who sees its page, or one that may stand in URLs: no run is
    /// its own.
    pub is_anybody: bool,
    /// Whether the key is publishable, also that of a token.
    pub is_publishable: bool,
    /// Whether the key runs programs and does nothing else, because it may stand in URLs.
    runs_only: bool,
    /// Whether the account has calls of models left, with a call that executes a script. Without an account nothing is limited.
    pub has_ai: bool,
    /// The host of the page that calls.
    host: Option<String>,
    /// The address of this service, as the client knows it.
    pub base_url: String,
}

impl ApiClient {
    /// The holder of the key in `Authorization: Bearer` or `X-API-Key`, counted against the key's limit.
    ///
    /// # Errors
    /// 401 if the key is missing, malformed, unknown, revoked or expired; 403 if the key is not for pages of this
    /// domain, or if the client has only a token; 429 if its limit is reached; 503 if its gate does not respond.
    pub async fn extract(app: &App, call: &Call) -> Result<Self, ApiError> {
        refuse_token(app, call)?;
        Self::for_run(app, call, credentials(call.headers())).await?.for_everything()
    }

    /// The holder of a key or of a run token, who wants to run something.
    ///
    /// # Errors
    /// As for [`Self::extract`]; 401 if the token has ended or is none; 403 if it is for pages of another origin.
    pub async fn extract_for_run(app: &App, call: &Call) -> Result<Self, ApiError> {
        Self::for_run(app, call, credentials(call.headers())).await
    }

    /// The same with credentials that do not come from a header.
    pub async fn for_run(app: &App, call: &Call, credentials: Option<&str>) -> Result<Self, ApiError> {
        Self::pass(app, call, credentials, true, false).await?.ok_or_else(|| key_error::missing(app, call))
    }

    /// The holder of a key who opens a WebSocket, which a page can send a key to only as a subprotocol; `None` without a key.
    ///
    /// # Errors
    /// As for [`Self::extract`].
    pub async fn extract_for_socket(app: &App, call: &Call) -> Result<Option<Self>, ApiError> {
        refuse_token(app, call)?;
        let sent = credentials(call.headers()).or_else(|| subprotocol::credentials(call, subprotocol::KEY));
        if sent.is_none() {
            return Ok(None);
        }
        let client = Self::for_run(app, call, sent).await?.for_everything()?;
        if client.token.is_some() { Err(key_error::token_not_enough()) } else { Ok(Some(client)) }
    }

    /// The holder of a key, whose call does not count against the key's limit.
    pub async fn extract_uncounted(app: &App, call: &Call) -> Result<Self, ApiError> {
        refuse_token(app, call)?;
        Self::extract_if_present(app, call).await?.ok_or_else(|| key_error::missing(app, call))?.for_everything()
    }

    /// The holder of a key or of a run token, if there is one, for a call that does not count against the limit.
    pub async fn extract_if_present(app: &App, call: &Call) -> Result<Option<Self>, ApiError> {
        Self::pass(app, call, credentials(call.headers()), false, false).await
    }

    /// The holder of a key or of a run token, whose call executes a script. The script counts against the quotas of the account.
    ///
    /// # Errors
    /// As for [`Self::extract_for_run`]; 429 as well if a quota is used up.
    pub async fn extract_for_script(app: &App, call: &Call) -> Result<Self, ApiError> {
        let client = Self::pass(app, call, credentials(call.headers()), true, true).await?;
        client.ok_or_else(|| key_error::missing(app, call))?.for_everything()
    }

    /// The same client, whose call was counted and turned out to execute a script.
    ///
    /// # Errors
    /// 429 if a quota is used up.
    pub async fn for_script(self, app: &App) -> Result<Self, ApiError> {
        let this = self.for_everything()?;
        let is_framed = this.token.as_ref().is_some_and(|token| token.is_framed);
        let check = CheckKey { host: this.host.clone(), executes: true, is_framed, ..CheckKey::default() };
        match app.gates.check(&this.key_hash, &check).await? {
            Decision::Allowed { execution, .. } => Ok(Self { has_ai: has_ai(execution), ..this }),
            Decision::QuotaExceeded { exceeded, .. } => Err(quota::exceeded(&exceeded)),
            Decision::Suspended => Err(key_error::suspended()),
            // The key has changed since the call was counted.
            _ => Err(key_error::invalid()),
        }
    }

    /// The holder of this token, whose call does not count against the limit of the key.
    pub async fn for_token(app: &App, call: &Call, token: &str) -> Result<Self, ApiError> {
        Self::pass(app, call, Some(token), false, false).await?.ok_or_else(|| key_error::missing(app, call))
    }

    /// For whom a run is done that the client starts, as one of several.
    pub fn client(&self) -> Client {
        let Self { owner, ip, token, base_url, .. } = self;
        let token = token.as_ref().map(|token| token.id.clone());
        Client { owner: owner.clone(), ip: ip.clone(), token, base_url: base_url.clone() }
    }

    /// The same client, if its key is for more than runs.
    fn for_everything(self) -> Result<Self, ApiError> {
        if self.runs_only { Err(key_error::url_key_not_enough()) } else { Ok(self) }
    }

    async fn pass(
        app: &App,
        call: &Call,
        sent: Option<&str>,
        counts: bool,
        executes: bool,
    ) -> Result<Option<Self>, ApiError> {
        let Some(text) = sent else { return Ok(None) };
        let mut token = text.starts_with(signed_token::PREFIX).then(|| read_token(app, call, text)).transpose()?;
        let (key_hash, kind) = match &token {
            Some(token) => (token.key_hash.clone(), None),
            None => {
                let key = ApiKey::parse(text, &app.secret).ok_or_else(|| key_error::malformed(text))?;
                if key.kind() == Kind::Management {
                    return Err(key_error::management_token_not_enough());
                }
                (key.hash(), Some(key.kind()))
            }
        };
        let origin = call.header(ORIGIN);
        // Only what a browser itself says of a page counts for a publishable key.
        let page = origin.or_else(|| call.header(REFERER).filter(|_| kind != Some(Kind::Publishable)));
        let is_framed = token.as_ref().is_some_and(|token| token.is_framed);
        // A token may be one for a publishable key.
        let network = if kind == Some(Kind::Secret) { None } else { caller_network(app, call) };
        let in_url = call.key_in_path.is_some();
        let host = page.and_then(allowed_domain::host_of);
        let ask = CheckKey { host, counts, executes, network, is_framed, in_url };
        match app.gates.check(&key_hash, &ask).await? {
            Decision::Invalid => Err(key_error::invalid()),
            Decision::Expired { at } => Err(key_error::expired(at)),
            Decision::Suspended => Err(key_error::suspended()),
            Decision::DomainNotAllowed => Err(key_error::domain_not_allowed(page)),
            Decision::UrlNotAllowed => Err(key_error::not_for_urls()),
            Decision::Limited { rate, of_network: true } => Err(rate::exceeded_by_network(&rate, app.clock.now())),
            Decision::Limited { rate, of_network: false } => Err(rate::exceeded(&rate, app.clock.now())),
            Decision::QuotaExceeded { exceeded, rate } => {
                Err(quota::exceeded(&exceeded).with_headers(rate::headers(&rate, app.clock.now())))
            }
            Decision::Allowed { owner, store_ip, rate, isolates, execution, page: publishable, runs_only } => {
                let is_publishable = publishable.is_some();
                if let Some(PageKey { limits, .. }) = publishable {
                    // The owner may have lowered the limits since the token was made.
                    token = Some(match token {
                        Some(token) => Claims { limits: token.limits.lesser(limits.run), ..token },
                        None => limits.claims(&key_hash, origin, app.clock.now()),
                    });
                }
                let ip = if store_ip { call.origin().ip } else { None };
                let (has_ai, host) = (has_ai(execution), ask.host);
                let is_anybody = kind == Some(Kind::Publishable) || runs_only;
                Ok(Some(Self {
                    owner,
                    key_hash,
                    ip,
                    rate,
                    isolates,
                    token,
                    is_anybody,
                    is_publishable,
                    runs_only,
                    has_ai,
                    host,
                    base_url: call.base_url(app),
                }))
            }
        }
    }
}

/// The claims of a token that this page may use.
fn read_token(app: &App, call: &Call, text: &str) -> Result<Claims, ApiError> {
    let now = app.clock.now();
    let claims = Claims::verify(text, &app.secret, now).map_err(|refusal| {
        match room::token::Claims::verify(text, &app.secret, now) {
            Some(_) => key_error::room_token_not_enough(),
            None => key_error::token_refused(refusal),
        }
    })?;
    match &claims.origin {
        Some(origin) if call.header(ORIGIN) != Some(origin) => {
            Err(key_error::token_of_another_origin(call.header(ORIGIN)))
        }
        _ => Ok(claims),
    }
}

/// The network of a call, for which a publishable key has a limit. The address of a development machine itself has none.
fn caller_network(app: &App, call: &Call) -> Option<String> {
    let ip = call.origin().ip?;
    let is_exempt = app.config.is_development() && is_own_machine(Some(&ip));
    (!is_exempt).then(|| network_of(&ip))
}

/// Refuses a client that has a run token or a publishable key, and no secret key.
fn refuse_token(app: &App, call: &Call) -> Result<(), ApiError> {
    match credentials(call.headers()) {
        Some(text) if text.starts_with(signed_token::PREFIX) => {
            read_token(app, call, text)?;
            Err(key_error::token_not_enough())
        }
        Some(text) if text.starts_with(api_key::PUBLISHABLE_PREFIX) => {
            ApiKey::parse(text, &app.secret).ok_or_else(|| key_error::malformed(text))?;
            Err(key_error::publishable_key_not_enough())
        }
        _ => Ok(()),
    }
}

/// A script of a project without an account has no quotas.
fn has_ai(execution: Option<Execution>) -> bool {
    execution.is_none_or(|execution| execution.has_ai)
}

impl From<ApiClient> for Client {
    fn from(ApiClient { owner, ip, token, base_url, .. }: ApiClient) -> Self {
        Self { owner, ip, token: token.map(|token| token.id), base_url }
    }
}

/// A user who is signed in, or a server that manages one of the user's projects.
pub struct SignedIn {
    pub session: Session,
    /// The only project that the call may concern, if a management token stands for the session.
    pub only_project: Option<String>,
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
        let required = || session_required(app, call);
        Self::extract_if_present(app, call).await?.ok_or_else(required)
    }

    /// The same for a call that needs no session and changes nothing.
    pub async fn extract_if_present(app: &App, call: &Call) -> Result<Option<Self>, ApiError> {
        let Some(token) = cookie::read(call.headers()) else { return Ok(None) };
        let Some(current) = sign_in::current(app, &token).await? else { return Ok(None) };
        if current.session.is_suspended {
            return Err(key_error::suspended());
        }
        if current.renewed {
            call.renewal.set(cookie::set(&token, &call.base_url(app)));
        }
        Ok(Some(Self { session: current.session, only_project: None }))
    }

    /// The id of the user.
    pub fn user_id(&self) -> &str {
        &self.session.user_id
    }
}

/// The error for a call that needs a session. An API key is no session.
fn session_required(app: &App, call: &Call) -> ApiError {
    let message = match bearer(call.headers()) {
        Some(text) if ApiKey::parse(text, &app.secret).is_some_and(|key| key.kind() == Kind::Management) => {
            return key_error::management_token_of_one_project();
        }
        Some(_) => {
            "This needs the session of a user, and an API key is none: sign in with POST /auth/request, and send the \
                    cookie docle_session."
        }
        None => "Sign in to do this: POST /auth/request mails a link, and the session is the cookie docle_session.",
    };
    ApiError::new(ErrorCode::SessionRequired, message)
}

/// The API key or token of a call: that of `Authorization: Bearer`, or else of `X-API-Key`.
pub fn credentials(headers: &HeaderMap) -> Option<&str> {
    bearer(headers).or_else(|| headers.get(X_API_KEY)?.to_str().ok().map(str::trim))
}

/// The credentials after the scheme `Bearer`, whose case does not matter.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, credentials) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credentials.trim())
}
