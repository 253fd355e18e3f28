//! `/auth`: sign in by a link in a mail, list and end sessions.

use crate::app::App;
use crate::app::accounts::sign_in::{self, LinkRefusal, Redeemed};
use crate::domain::account::email::Email;
use crate::domain::account::next_page::NextPage;
use crate::domain::account::session::{ListedSession, Session};
use crate::domain::account::token::Token;
use crate::domain::input::problem::Problems;
use crate::domain::input::reader::Reader;
use crate::domain::timestamp::Timestamp;
use crate::http::auth::caller::SignedIn;
use crate::http::error::{ApiError, ErrorCode, Members};
use crate::http::request::call::{Call, invalid};
use crate::http::request::cookie;
use crate::http::request::same_origin;
use crate::http::response::respond;
use crate::http::response::sign_in_pages;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use ::http::header::{HeaderValue, LOCATION, RETRY_AFTER, SET_COOKIE};
use docle_api::accounts::{self, Account, Link, LinkRequest, Message, SessionPage};
use docle_api::fields;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The media type of a form of a page.
pub const FORM: &str = "application/x-www-form-urlencoded";
const MESSAGE: &str = "If an account exists, a magic link has been sent to your email";

/// `GET /login`: a page that requests a link. A deployment with a website has a better one there.
pub async fn get_login(_app: &App, _call: Call) -> Result<Response, ApiError> {
    Ok(sign_in_pages::login())
}

/// `POST /auth/request`: mails a link to the address, which the page's form sends, or JSON.
pub async fn request_link(app: &App, call: Call) -> Result<Response, ApiError> {
    same_origin::require_own(app, &call)?;
    let (base, origin) = (call.base_url(app), call.origin());
    let is_form = call.has_media_type(FORM);
    let (email, next) =
        if is_form { (form_field(call, "email").await?, None) } else { read_link_request(call.json().await?)? };
    let email = Email::parse(&email).map_err(|clause| invalid("email", clause))?;
    // The session belongs to the host of the site, where there is one.
    let site = app.config.app_url.as_deref().filter(|_| app.site.is_some()).unwrap_or(&base);
    match sign_in::request_link(app, email, next, site, &origin).await {
        Ok(()) if is_form => Ok(sign_in_pages::link_sent(app.config.is_development())),
        Ok(()) => Ok(respond::json(StatusCode::OK, &message(MESSAGE))),
        Err(LinkRefusal::NoMail) => {
            Err(ApiError::new(ErrorCode::ServiceUnavailable, "This deployment has no mail service."))
        }
        Err(LinkRefusal::TooOften { until }) => Err(too_many(app, "Rate limit exceeded. Please try again", until)),
    }
}

/// The error for what has reached its limit until a time.
pub fn too_many(app: &App, what: &str, until: Timestamp) -> ApiError {
    let seconds = (until.0 - app.clock.now().0).max(0) / 1_000 + 1;
    let minutes = (seconds + 59) / 60;
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    let error = ApiError::new(ErrorCode::TooManyRequests, format!("{what} in {minutes} {unit}."))
        .with_members(Members { retry_after: Some(seconds), ..Members::default() });
    error.with_headers([(RETRY_AFTER, HeaderValue::from(seconds))])
}

/// `GET /auth/verify?token=&next=`: the page that the link opens. It redeems nothing.
pub async fn get_verify(app: &App, call: Call) -> Result<Response, ApiError> {
    let token = call.query("token").and_then(|text| Token::parse(&text));
    Ok(token.map_or_else(sign_in_pages::invalid_link, |token| {
        let next = call.query("next").and_then(|path| NextPage::parse(&path).ok());
        sign_in_pages::confirm(&token, next.as_ref(), app.config.app_url.as_deref().unwrap_or_default())
    }))
}

/// `POST /auth/verify`: redeems the link, by the page's form or as JSON.
pub async fn redeem_link(app: &App, call: Call) -> Result<Response, ApiError> {
    // A page of another site could sign its visitor in to another account.
    same_origin::require_own(app, &call)?;
    let (base, origin) = (call.base_url(app), call.origin());
    let is_form = call.has_media_type(FORM);
    let (text, next) = if is_form {
        let [token, next] = form_fields(call, ["token", "next"]).await?;
        (token, NextPage::parse(&next).ok())
    } else {
        (read_string::<Link>(call.json().await?)?, None)
    };
    let redeemed = match Token::parse(&text) {
        Some(link) => sign_in::redeem_link(app, &link, &origin).await?,
        None => Redeemed::Invalid,
    };
    let session = match redeemed {
        Redeemed::Session(token) => Some(token),
        Redeemed::Invalid => None,
        Redeemed::TooMany { until } => {
            let message =
                "Too many accounts were made from your network, or with this mail domain or mailbox. Please try again";
            return Err(too_many(app, message, until));
        }
    };
    let mut response = match session {
        Some(_) if is_form => see_other(&app.config.page_url(next.as_ref())),
        Some(_) => respond::json(StatusCode::OK, &message("Signed in")),
        None if is_form => return Ok(sign_in_pages::invalid_link()),
        None => {
            let message = "This link has expired, was used before, or does not exist; request a new link.";
            return Err(ApiError::new(ErrorCode::InvalidLink, message));
        }
    };
    if let Some(token) = session {
        response.headers_mut().insert(SET_COOKIE, cookie::set(&token, &base));
    }
    Ok(response)
}

/// `POST /auth/logout`: ends this session.
pub async fn sign_out(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract(app, &call).await?;
    let clear = cookie::clear(&call.base_url(app));
    call.optional_json().await?;
    sign_in::end(app, caller.user_id(), &caller.session.id).await?;
    let mut response = respond::json(StatusCode::OK, &message("Signed out"));
    response.headers_mut().insert(SET_COOKIE, clear);
    Ok(response)
}

/// `GET /auth/me`: who is signed in.
pub async fn get_me(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract(app, &call).await?;
    Ok(respond::json(StatusCode::OK, &encode_account(&caller.session)))
}

/// `GET /auth/sessions`: the sessions of the signed-in user.
pub async fn list_sessions(app: &App, call: Call) -> Result<Response, ApiError> {
    let page = call.page()?;
    let caller = SignedIn::extract(app, &call).await?;
    let (sessions, next) = sign_in::list(app, caller.user_id(), &page).await?;
    let sessions = sessions.into_iter().map(|one| encode_session(one, &caller.session.id)).collect();
    Ok(respond::json(StatusCode::OK, &SessionPage { sessions, next_cursor: next }))
}

/// `DELETE /auth/sessions/:id`: ends a session, for example on another device.
pub async fn end_session(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract(app, &call).await?;
    if sign_in::end(app, caller.user_id(), call.param(0)).await? {
        return Ok(respond::empty());
    }
    Err(ApiError::new(ErrorCode::SessionNotFound, "You have no session with this id."))
}

/// `GET /auth/outbox`: the mail that a development machine did not send; 404 everywhere else, and for a caller that does
/// not call its own machine. A login link is an account, so two facts must hold, and not only one setting.
pub async fn list_outbox(app: &App, call: Call) -> Result<Response, ApiError> {
    let messages = if call.is_local() { sign_in::read_outbox(app).await? } else { None };
    let messages = messages.ok_or_else(|| ApiError::path_not_found(None))?;
    Ok(respond::json(StatusCode::OK, &json!({ "messages": messages })))
}

/// An account as its holder sees it, from a session.
pub fn encode_account(session: &Session) -> Account {
    Account {
        id: session.user_id.clone(),
        email: session.email.clone(),
        created_at: session.user_created_at.into(),
        session_id: session.id.clone(),
    }
}

/// A session as its owner sees it.
pub fn encode_session(session: ListedSession, current_id: &str) -> accounts::Session {
    accounts::Session {
        current: session.id == current_id,
        id: session.id,
        created_at: session.created_at.into(),
        last_used_at: session.last_used_at.into(),
        expires_at: session.expires_at.into(),
        ip_address: session.origin.ip,
        user_agent: session.origin.user_agent,
    }
}

fn message(text: &str) -> Message {
    Message { message: text.to_owned() }
}

/// A field of the form that a call sends; empty if the form has none.
async fn form_field(call: Call, field: &str) -> Result<String, ApiError> {
    form_fields(call, [field]).await.map(|[value]| value)
}

/// Fields of the form that a call sends, each empty if the form has none.
pub async fn form_fields<const N: usize>(call: Call, fields: [&str; N]) -> Result<[String; N], ApiError> {
    let sent = call.form().await?;
    let value = |field| sent.iter().find(|(name, _)| name == field).map(|(_, value)| value.clone());
    Ok(fields.map(|field| value(field).unwrap_or_default()))
}

/// The address and the page of a request for a link.
pub fn read_link_request(body: Value) -> Result<(String, Option<NextPage>), ApiError> {
    let mut problems = Problems::default();
    let known = fields::of::<LinkRequest>();
    let read = Reader::open(body, String::new(), known, &mut problems).and_then(|mut fields| {
        if !fields.has("email") {
            fields.note("email", "is required");
        }
        let next = fields
            .string("next")
            .and_then(|path| NextPage::parse(&path).map_err(|clause| fields.note("next", clause)).ok());
        Some((fields.string("email")?, next))
    });
    problems.conclude(read).map_err(ApiError::invalid)
}

/// A redirection after a form.
pub fn see_other(location: &str) -> Response {
    let mut response = respond::empty();
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// The one field of a body of type `T`, a string.
pub fn read_string<T: DeserializeOwned>(body: Value) -> Result<String, ApiError> {
    let mut problems = Problems::default();
    let known = fields::of::<T>();
    let value = Reader::open(body, String::new(), known, &mut problems).and_then(|mut fields| {
        let name = known.first()?;
        if !fields.has(name) {
            fields.note(name, "is required");
        }
        fields.string(name)
    });
    problems.conclude(value).map_err(ApiError::invalid)
}
