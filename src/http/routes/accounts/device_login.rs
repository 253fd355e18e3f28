//! `/auth/device` and `/device`: programs that sign in with a code which their user types into a page (RFC 8628).

use crate::app::App;
use crate::app::accounts::device_login::{self, LoginRefusal, Polled};
use crate::app::projects;
use crate::domain::account::device_login::{DeviceCode, LIFETIME_MS, POLL_INTERVAL_S};
use crate::domain::input::page::{LIMIT, Page};
use crate::domain::input::problem::Problems;
use crate::domain::input::reader::Reader;
use crate::http::auth::caller::SignedIn;
use crate::http::error::{ApiError, ErrorCode, Members};
use crate::http::request::call::Call;
use crate::http::request::same_origin;
use crate::http::response::{device_pages, respond};
use crate::http::routes::accounts::sign_in::{FORM, form_fields, see_other, too_many};
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use ::http::header::{CACHE_CONTROL, HeaderValue};
use docle_api::device_logins::{DeviceLogin, DeviceLoginRequest, DeviceToken, DeviceTokenRequest};
use docle_api::fields;
use docle_api::limits::MAX_CLIENT_ID_CHARS;
use serde_json::{Map, Value};

/// What `grant_type` is (RFC 8628, section 3.4).
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const PATH: &str = "/device";
const NO_LOGIN: &str = "No program waits with this code. It may have expired: start the login in the program again.";

/// `POST /auth/device`: begins a login, and answers with its codes.
pub async fn begin_device_login(app: &App, call: Call) -> Result<Response, ApiError> {
    let (base, origin) = (call.base_url(app), call.origin());
    let client = read_client(body(call).await?)?;
    let login = match device_login::begin(app, client, origin).await {
        Ok(login) => login,
        Err(LoginRefusal::Failed(error)) => return Err(error.into()),
        Err(LoginRefusal::TooOften { until }) => {
            return Err(too_many(app, "Your network has begun too many logins. Please try again", until));
        }
    };
    // The session belongs to the host of the site, where there is one.
    let site = app.config.app_url.as_deref().filter(|_| app.site.is_some()).unwrap_or(&base);
    let body = DeviceLogin {
        device_code: login.device.reveal().to_owned(),
        user_code: login.user.to_string(),
        verification_uri: format!("{site}{PATH}"),
        expires_in: LIFETIME_MS / 1_000,
        interval: POLL_INTERVAL_S,
    };
    Ok(unstored(respond::json(StatusCode::OK, &body)))
}

/// `POST /auth/device/token`: answers a program that asks whether its user has let it in.
pub async fn create_device_token(app: &App, call: Call) -> Result<Response, ApiError> {
    let origin = call.origin();
    let text = read_device_code(body(call).await?)?;
    let polled = match DeviceCode::parse(&text, &app.secret, app.clock.now()) {
        Some(device) => device_login::poll(app, &device, origin).await?,
        None => Polled::Gone,
    };
    let (code, message) = match polled {
        Polled::Token { created, project_id, expires_at } => {
            let body = DeviceToken {
                access_token: created.key.reveal().to_owned(),
                token_type: "Bearer".to_owned(),
                expires_in: (expires_at.0 - app.clock.now().0) / 1_000,
                id: created.id,
                project_id,
            };
            return Ok(unstored(respond::json(StatusCode::OK, &body)));
        }
        Polled::Pending => (ErrorCode::AuthorizationPending, "The user has not yet decided on the page."),
        Polled::TooEarly => (ErrorCode::SlowDown, "Wait 5 seconds between two of these requests."),
        Polled::Denied => (ErrorCode::AccessDenied, "The user has refused the login."),
        Polled::Gone => (
            ErrorCode::ExpiredToken,
            "This device code has expired, was used before, or does not exist; begin a new login with POST /auth/device. Or the project was deleted meanwhile.",
        ),
    };
    let members = Members { error: Some(code.name().to_owned()), ..Members::default() };
    Err(ApiError::new(code, message).with_members(members))
}

/// `GET /device`: the page that asks a signed-in user for the code of a program.
pub async fn get_device_page(app: &App, call: Call) -> Result<Response, ApiError> {
    Ok(match SignedIn::extract_if_present(app, &call).await? {
        Some(_) => device_pages::ask_for_code(StatusCode::OK, None),
        None => sign_in_first(),
    })
}

/// `POST /device`: the form of the page: first the code, and then what the user has decided.
pub async fn post_device_page(app: &App, call: Call) -> Result<Response, ApiError> {
    same_origin::require_own(app, &call)?;
    let Some(caller) = SignedIn::extract_if_present(app, &call).await? else { return Ok(sign_in_first()) };
    let [code, project, decision] = form_fields(call, ["code", "project", "decision"]).await?;
    let (code, login) = match device_login::find(app, caller.user_id(), &code).await {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(device_pages::ask_for_code(StatusCode::NOT_FOUND, Some(NO_LOGIN))),
        Err(LoginRefusal::Failed(error)) => return Err(error.into()),
        Err(LoginRefusal::TooOften { .. }) => {
            let problem = "You have typed too many codes. Wait 10 minutes.";
            return Ok(device_pages::ask_for_code(StatusCode::TOO_MANY_REQUESTS, Some(problem)));
        }
    };
    let project = match decision.as_str() {
        "allow" => projects::read(app, caller.user_id(), &project).await?,
        "deny" => None,
        _ => {
            let (owned, _) = projects::list(app, caller.user_id(), &Page::of(*LIMIT.end(), None)).await?;
            return Ok(device_pages::confirm(&code, &login, &owned, app.clock.now()));
        }
    };
    if decision == "allow" && project.is_none() {
        let problem = "You have no project of this id. Type the code again.";
        return Ok(device_pages::ask_for_code(StatusCode::NOT_FOUND, Some(problem)));
    }
    Ok(match device_login::decide(app, &code, project.as_ref().map(|project| project.id.as_str())).await? {
        true => device_pages::decided(project.is_some()),
        false => device_pages::ask_for_code(StatusCode::NOT_FOUND, Some(NO_LOGIN)),
    })
}

fn sign_in_first() -> Response {
    see_other(&format!("/login?next={PATH}"))
}

/// A body as JSON or as a form, which RFC 8628 has.
async fn body(call: Call) -> Result<Value, ApiError> {
    if !call.has_media_type(FORM) {
        return call.json().await;
    }
    let fields = call.form().await?.into_iter().map(|(name, value)| (name, Value::String(value)));
    Ok(Value::Object(fields.collect::<Map<_, _>>()))
}

/// What the program calls itself.
pub fn read_client(body: Value) -> Result<String, ApiError> {
    let mut problems = Problems::default();
    let known = fields::of::<DeviceLoginRequest>();
    let read = Reader::open(body, String::new(), known, &mut problems).and_then(|mut fields| client(&mut fields, true));
    problems.conclude(read).map_err(ApiError::invalid)
}

/// The device code of a question.
pub fn read_device_code(body: Value) -> Result<String, ApiError> {
    let mut problems = Problems::default();
    let known = fields::of::<DeviceTokenRequest>();
    let read = Reader::open(body, String::new(), known, &mut problems).and_then(|mut fields| {
        for name in ["grant_type", "device_code"] {
            if !fields.has(name) {
                fields.note(name, "is required");
            }
        }
        if fields.string("grant_type").is_some_and(|grant| grant != GRANT_TYPE) {
            fields.note("grant_type", format!("must be \"{GRANT_TYPE}\""));
        }
        client(&mut fields, false);
        fields.string("device_code")
    });
    problems.conclude(read).map_err(ApiError::invalid)
}

fn client(fields: &mut Reader<'_>, is_required: bool) -> Option<String> {
    if is_required && !fields.has("client_id") {
        fields.note("client_id", "is required: what the program calls itself, for example \"docle-cli on ada-laptop\"");
    }
    let client = fields.string("client_id")?;
    let length = client.chars().count();
    if !(1..=MAX_CLIENT_ID_CHARS).contains(&length) || client.chars().any(char::is_control) {
        fields.note("client_id", format!("must have 1 to {MAX_CLIENT_ID_CHARS} characters, and no control characters"));
    }
    Some(client)
}

/// A response that no cache keeps (RFC 6749, section 5.1).
fn unstored(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
