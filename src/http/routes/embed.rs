//! `/embed` and `/embed.js`: programs in other people's pages.

use crate::app::{App, tokens};
use crate::domain::embed::Parameters;
use crate::domain::key::api_key::{self, ApiKey, Kind};
use crate::domain::key::gate::{CheckKey, Decision, PageKey};
use crate::domain::key::run_token::TokenLimits;
use crate::http::auth::caller::{ApiClient, bearer};
use crate::http::auth::key_error;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::Call;
use crate::http::request::same_origin;
use crate::http::response::embed::{self, Frame, Missing};
use crate::http::response::respond;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use ::http::header::ORIGIN;
use docle_api::limits::{MEMORY_MB, TIMEOUT_MS};
use docle_api::tokens::RunToken;

/// `GET /embed`: the frame. It is a page whatever is wrong, because it is people who see it.
pub async fn get_embed(app: &App, call: Call) -> Result<Response, ApiError> {
    let parameters = Parameters::read(call.parts.uri.query().unwrap_or_default());
    let domains = match &parameters.key {
        None => Err(Missing::Key),
        Some(key) => domains(app, key).await,
    };
    let key = match (&parameters.key, &domains) {
        (Some(key), Ok(domains)) => Ok((key.as_str(), domains.as_slice())),
        (_, Err(missing)) => Err(*missing),
        (None, Ok(_)) => Err(Missing::Key),
    };
    let nonce = hex::encode(app.random::<16>());
    let base_url = call.base_url(app);
    let site = app.site.is_some().then(|| app.config.app_url.as_deref().unwrap_or(&base_url));
    let playground = site.map(|site| format!("{site}/playground"));
    Ok(embed::frame(&Frame { parameters: &parameters, key, nonce: &nonce, base_url: &base_url, playground }))
}

/// The domains of the pages that may show a frame with this key.
async fn domains(app: &App, key: &str) -> Result<Vec<String>, Missing> {
    if key.trim_start().starts_with(api_key::PREFIX) {
        return Err(Missing::SecretKey);
    }
    let key = ApiKey::parse(key, &app.secret).filter(|key| key.kind() == Kind::Publishable).ok_or(Missing::ValidKey)?;
    let check = CheckKey { is_framed: true, ..CheckKey::default() };
    match app.gates.check(&key.hash(), &check).await {
        Ok(Decision::Allowed { page: Some(PageKey { domains, .. }), .. }) => Ok(domains),
        Ok(_) => Err(Missing::ValidKey),
        Err(error) => {
            app.log_error("The key of an embed frame could not be checked.", &error);
            Err(Missing::Service)
        }
    }
}

/// `POST /embed/token`: a run token for the frame that calls, with a publishable key. The frame's page has let a browser
/// check the page around it, so only that page may call.
pub async fn create_frame_token(app: &App, call: Call) -> Result<Response, ApiError> {
    let origin = call.header(ORIGIN).map(str::to_owned);
    let Some(origin) = origin.filter(|origin| same_origin::is_own(app, &call, origin)) else {
        return Err(key_error::frame_only());
    };
    let text = bearer(call.headers()).ok_or_else(|| key_error::missing(app, &call))?;
    let key = ApiKey::parse(text, &app.secret).filter(|key| key.kind() == Kind::Publishable);
    let key_hash = key.ok_or_else(|| key_error::malformed(text))?.hash();
    // A token with all limits, of which the key's gate leaves those of the key.
    let (timeout_ms, memory_mb) = (*TIMEOUT_MS.end(), *MEMORY_MB.end());
    let widest = TokenLimits { timeout_ms, memory_mb, allow_network: true, allow_packages: true };
    let first = tokens::mint_for_frame(app, key_hash.clone(), widest, origin.clone());
    let client = ApiClient::for_token(app, &call, &first.token).await?;
    let limits = client.token.map(|token| token.limits).ok_or_else(key_error::invalid)?;
    let minted = tokens::mint_for_frame(app, key_hash, limits, origin);
    let body = RunToken { token: minted.token, expires_at: minted.expires_at.into() };
    Ok(respond::json(StatusCode::CREATED, &body))
}

/// The error for a file that this version does not have. A page that was loaded before an update loads itself again.
fn not_found() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "There is no such file. GET /embed.js is the newest loader.")
}

/// `GET /embed.js`: the newest loader.
pub async fn get_loader(_app: &App, _call: Call) -> Result<Response, ApiError> {
    embed::loader().ok_or_else(not_found)
}

/// `GET /embed/:file`: a version of the loader, or a file of the frame.
pub async fn get_embed_file(_app: &App, call: Call) -> Result<Response, ApiError> {
    embed::file(call.param(0)).ok_or_else(not_found)
}
