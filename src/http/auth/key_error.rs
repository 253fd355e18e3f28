//! What is wrong with the API key of a call, and the way out: the errors of authentication.

use crate::app::App;
use crate::domain::input::reader::shown;
use crate::domain::key::allowed_domain;
use crate::domain::key::api_key::{MANAGEMENT_PREFIX, PREFIX, PUBLISHABLE_PREFIX};
use crate::domain::key::run_token::Refusal;
use crate::domain::timestamp::Timestamp;
use crate::http::error::{ApiError, ErrorCode, Members};
use crate::http::request::call::Call;
use ::http::header::AUTHORIZATION;

/// Query parameters in which other services take a key.
const QUERY_NAMES: [&str; 6] = ["key", "api_key", "apikey", "apiKey", "token", "access_token"];

/// What variables hold that were never set, in the languages that clients are written in.
const UNSET: [&str; 5] = ["undefined", "null", "None", "nil", ""];

/// The call brings no key. The message names the way in which it may have tried to.
pub fn missing(app: &App, call: &Call) -> ApiError {
    let signup_url = app.config.signup_url(&call.base_url(app));
    let how =
        "Sign in and create a project to get your API key. Send it in the header `Authorization: Bearer sk_live_…`";
    let is_socket = call.asks_for_websocket();
    let message = match attempt(call) {
        Some(attempt) => format!("{how}. {attempt}"),
        None if is_socket => format!("{how}, or offer it as the protocol `docle.key.sk_live_…` beside `docle`."),
        None => format!("{how}."),
    };
    ApiError::new(ErrorCode::ApiKeyRequired, message)
        .with_members(Members { signup_url: Some(signup_url), ..Members::default() })
}

/// How a call without a readable key may have tried to send one. No part of the key is in the text.
fn attempt(call: &Call) -> Option<&'static str> {
    if let Some(sent) = call.parts.headers.get(AUTHORIZATION) {
        let sent = sent.to_str().unwrap_or_default().trim();
        let scheme = sent.split(' ').next().unwrap_or_default().to_ascii_lowercase();
        return Some(match scheme.as_str() {
            "bearer" => "This request has `Bearer` without a key after it: is the variable with the key set?",
            "basic" => "This request has a user name and a password (`Basic`), which the server does not read.",
            _ if sent.starts_with(PREFIX) => {
                "This request has the key in Authorization without the word `Bearer` before it."
            }
            _ => "This request has an Authorization header of another scheme.",
        });
    }
    let in_url = QUERY_NAMES.iter().any(|name| call.query(name).is_some());
    in_url.then_some(
        "This request has a key in its URL, which the server does not read. URLs end up in logs: replace that key.",
    )
}

/// The text is no key of this service.
pub fn malformed(text: &str) -> ApiError {
    let message = if UNSET.contains(&text) || text.starts_with('$') {
        "There is no API key after `Bearer`: is the variable with the key set?"
    } else if [PREFIX, PUBLISHABLE_PREFIX, MANAGEMENT_PREFIX].iter().any(|prefix| text.starts_with(prefix)) {
        "This deployment has not made this API key. It is misspelt or cut off, or it belongs to another deployment: a key is \
         `sk_live_`, `pk_live_` or `mt_live_`, and 48 hexadecimal characters."
    } else {
        "This is no API key: a key begins with `sk_live_`."
    };
    ApiError::new(ErrorCode::InvalidApiKey, message)
}

/// A key in a URL that was not made for it.
pub fn not_for_urls() -> ApiError {
    let message = "This API key may not stand in a URL, because URLs end up in logs: replace it. Make a key with \
                   `\"allowInUrl\": true` for clients that send no header.";
    ApiError::new(ErrorCode::InvalidApiKey, message)
}

/// The key runs programs and does nothing else.
pub fn url_key_not_enough() -> ApiError {
    let message =
        "This API key may stand in URLs, so it runs programs and does nothing else: use another secret key here.";
    ApiError::new(ErrorCode::TokenNotEnough, message)
}

/// The run token is not valid.
pub fn token_refused(refusal: Refusal) -> ApiError {
    let message = match refusal {
        Refusal::Expired { at } => format!("This run token ended at {at}. Get a new one."),
        Refusal::Unknown => {
            "This deployment has not made this run token. It is cut off or was changed, or it belongs to \
                             another deployment."
                .to_owned()
        }
    };
    ApiError::new(ErrorCode::InvalidToken, message)
}

/// The run token is for pages of another origin than that of the call.
pub fn token_of_another_origin(origin: Option<&str>) -> ApiError {
    let from = origin.map_or_else(
        || "names no page: it has no Origin header".to_owned(),
        |origin| format!("comes from {}", shown(origin)),
    );
    let message = format!("This run token is for pages of one origin, and this request {from}.");
    ApiError::new(ErrorCode::DomainNotAllowed, message)
}

/// The client has a run token where an API key is needed.
pub fn token_not_enough() -> ApiError {
    let message = "This needs an API key. A run token runs programs with POST /api/run, GET /api/run as a WebSocket, POST \
                   /execute and POST /validate, and does nothing else.";
    ApiError::new(ErrorCode::TokenNotEnough, message)
}

/// The client has the token of a room where an API key or a run token is needed.
pub fn room_token_not_enough() -> ApiError {
    let message = "This token is for a room, and does nothing elsewhere. Send an API key or a run token, which POST /api/tokens makes.";
    ApiError::new(ErrorCode::TokenNotEnough, message)
}

/// The client has a publishable key where a secret one is needed.
pub fn publishable_key_not_enough() -> ApiError {
    let message = "This needs a secret key, which begins with `sk_live_` and stays on a server. A publishable key runs \
                   programs from web pages of its domains, with POST /api/run, GET /api/run as a WebSocket, POST /execute, \
                   POST /validate and GET /embed, and does nothing else.";
    ApiError::new(ErrorCode::TokenNotEnough, message)
}

/// The client has a publishable key, or a token for one, and wants a run to go on without it.
pub fn publishable_key_detaches_not() -> ApiError {
    let message = "A publishable key starts no detached runs, and neither do its tokens: wait for the run, or start it from a \
                   server with a secret key.";
    ApiError::new(ErrorCode::TokenNotEnough, message)
}

/// The client has a publishable key, or a token for one, and names a repository.
pub fn publishable_key_fetches_not() -> ApiError {
    let message = "A publishable key fetches no repositories, and neither do its tokens: leave `repo` out, or start the run \
                   from a server with a secret key.";
    ApiError::new(ErrorCode::TokenNotEnough, message)
}

/// The client has a publishable key, or a token for one, and asks for several runs at once.
pub fn publishable_key_runs_one() -> ApiError {
    let message = "A publishable key starts one run with each call, and so do its tokens: let it judge by a stored judge, or \
                   send the batch or the judgement from a server with a secret key.";
    ApiError::new(ErrorCode::TokenNotEnough, message)
}

/// The client has a management token where an API key is needed.
pub fn management_token_not_enough() -> ApiError {
    let message = "This needs an API key, which begins with `sk_live_`. A management token manages its project, and runs nothing.";
    ApiError::new(ErrorCode::TokenNotEnough, message)
}

/// The client has a management token where the session of the user is needed.
pub fn management_token_of_one_project() -> ApiError {
    let message = "This needs the session of a user. A management token changes and reads one project, with its keys, its usage \
                   and its end users; it makes no management tokens, and deletes no project.";
    ApiError::new(ErrorCode::TokenNotEnough, message)
}

/// A web page has a management token.
pub fn management_token_in_page() -> ApiError {
    let message = "A management token is for servers, and this request comes from a browser. Everybody who opens the page could take \
                   the token: revoke it.";
    ApiError::new(ErrorCode::TokenNotEnough, message)
}

/// Another page than the embed frame asks for the frame's token.
pub fn frame_only() -> ApiError {
    let message = "Only the embed frame of this service gets a token here. A page of the key's domains runs programs with the \
                   publishable key itself.";
    ApiError::new(ErrorCode::DomainNotAllowed, message)
}

/// No project has the key.
pub fn invalid() -> ApiError {
    let message = "This API key is not valid: it was revoked, or its project was deleted. Create a new one.";
    ApiError::new(ErrorCode::InvalidApiKey, message)
}

/// The key has ended by its own date.
pub fn expired(at: Timestamp) -> ApiError {
    let message = format!("This API key expired at {at}. Create a new one; an expired key cannot be rotated.");
    ApiError::new(ErrorCode::InvalidApiKey, message)
}

/// The key is for other pages than that of the call, which `page` names. The list of its domains is the owner's.
pub fn domain_not_allowed(page: Option<&str>) -> ApiError {
    let message = match page.map(allowed_domain::host_of) {
        Some(Some(host)) => format!(
            "This API key is for pages of certain domains, and this request comes from {}, as its Origin says. The owner of \
             the key can add the host to its allowedDomains.",
            shown(&host)
        ),
        Some(None) => "This API key is for pages of certain domains, and the Origin of this request names no host, as that of a \
                       local file or of a sandboxed frame."
            .to_owned(),
        None => "This API key is for pages of certain domains, and this request names no page: it has no Origin header. Use \
                 a key without allowedDomains on a server."
            .to_owned(),
    };
    ApiError::new(ErrorCode::DomainNotAllowed, message)
}

/// The operator has suspended the account, whether a key or a session names it.
pub fn suspended() -> ApiError {
    let message =
        "The operator of this service has suspended the account. Nothing was run. Ask the operator for the reason.";
    ApiError::new(ErrorCode::AccountSuspended, message)
}
