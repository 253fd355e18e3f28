//! The limit on requests without credentials of ours, by network. It comes before any object or database.

use crate::app::App;
use crate::domain::account::session::{is_own_machine, network_of};
use crate::domain::key::api_key::ApiKey;
use crate::domain::key::run_token;
use crate::domain::room::token::Claims;
use crate::http::auth::caller::credentials;
use crate::http::compat::credential;
use crate::http::error::{ApiError, ErrorCode, Members};
use crate::http::request::call::Call;
use crate::http::request::subprotocol;
use ::http::Method;
use ::http::header::{HeaderValue, RETRY_AFTER};

/// The period of the limit in wrangler.toml, in seconds.
const PERIOD_SECONDS: i64 = 60;

/// Counts a request without credentials of ours against the limit of its network. The address of a development
/// machine itself has no limit.
///
/// # Errors
/// 429 if the network has reached the limit.
pub async fn check(app: &App, call: &Call) -> Result<(), ApiError> {
    let Some(limiter) = &app.address_limiter else { return Ok(()) };
    // A preflight does nothing, and a page cannot send credentials with it.
    if call.parts.method == Method::OPTIONS || has_own_credentials(app, call) {
        return Ok(());
    }
    let Some(ip) = call.origin().ip else { return Ok(()) };
    if app.config.is_development() && is_own_machine(Some(&ip)) {
        return Ok(());
    }
    if limiter.allows(&network_of(&ip)).await {
        return Ok(());
    }
    let message = "Too many requests without a valid API key came from your network. Send a key as `Authorization: \
                   Bearer sk_live_…`, or try again in a minute.";
    Err(ApiError::new(ErrorCode::TooManyRequests, message)
        .with_members(Members { retry_after: Some(PERIOD_SECONDS), ..Members::default() })
        .with_headers([(RETRY_AFTER, HeaderValue::from(PERIOD_SECONDS))]))
}

/// Whether the call has a key or a token that this deployment has made. A gate or a room decides later whether it is
/// valid.
fn has_own_credentials(app: &App, call: &Call) -> bool {
    // No gate looks at a key there.
    if call.parts.uri.path().starts_with("/api/artifacts/") {
        return false;
    }
    let sent = [
        credentials(call.headers()),
        subprotocol::credentials(call, subprotocol::KEY),
        subprotocol::credentials(call, subprotocol::TOKEN),
    ];
    // The key of an embed frame is no secret, so it stands in the address.
    let of_frame = if call.parts.uri.path() == "/embed" { call.query("key") } else { None };
    // Clients of other code runners have forms of their own.
    let is_foreign = call.key_in_path.is_some() || call.parts.uri.path().starts_with("/compat/");
    let foreign = if is_foreign { credential::of(call) } else { None };
    sent.into_iter().flatten().chain(of_frame.as_deref()).chain(foreign.as_deref()).any(|text| {
        ApiKey::parse(text, &app.secret).is_some()
            || run_token::Claims::verify(text, &app.secret, app.clock.now()).is_ok()
            || Claims::verify(text, &app.secret, app.clock.now()).is_some()
    })
}
