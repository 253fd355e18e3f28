//! `…/submissions` of Judge0: run programs, and read how they ended.

use crate::app::App;
use crate::http::auth::caller::ApiClient;
use crate::http::auth::key_error;
use crate::http::compat::credential;
use crate::http::compat::judge0::languages::Flavor;
use crate::http::compat::judge0::submission::{self, MAX_BATCH};
use crate::http::compat::judge0::verdict::{DEFAULT_FIELDS, Wanted, is_whole, tell, unknown_field};
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::body;
use crate::http::request::call::{Call, Renewal};
use crate::http::response::respond;
use crate::http::response::whole::whole;
use crate::http::routes::runs::run;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use ::http::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use ::http::request::Parts;
use bytes::Bytes;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use std::rc::Rc;

/// The longest result that is told, in bytes: an isolate has 128 MiB.
const MAX_RESULT_BYTES: usize = 4 * 1_024 * 1_024;

/// How often a run is read again whose input is not there yet, and the pause before.
const LOOKS: u32 = 4;
const LOOK_AGAIN_MS: u32 = 250;

/// An error as Judge0 writes it.
pub fn refused(status: StatusCode, message: &str) -> (StatusCode, Value) {
    let status = if status == StatusCode::BAD_REQUEST { StatusCode::UNPROCESSABLE_ENTITY } else { status };
    (status, json!({ "error": message }))
}

/// `POST …/submissions`.
pub async fn create_submission(app: &App, call: Call) -> Result<Response, ApiError> {
    create(app, call).await.map_err(|error| error.shaped(refused))
}

async fn create(app: &App, mut call: Call) -> Result<Response, ApiError> {
    let wanted = match wanted(&call) {
        Ok(wanted) => wanted,
        Err(unknown) => return Ok(bad_request(&format!("invalid fields: [{unknown}]"))),
    };
    let (client, key) = client(app, &call).await?;
    let sent = sent(&mut call).await?;
    let token = match start(app, &call, &client, &sent).await? {
        Ok(token) => token,
        Err(wrong) => return Ok(respond::json(StatusCode::UNPROCESSABLE_ENTITY, &wrong)),
    };
    if call.query("wait").as_deref() != Some("true") {
        return Ok(respond::json(StatusCode::CREATED, &json!({ "token": token })));
    }
    run::wait_for(app, &client, &token).await;
    let told = Reading { app: app.clone(), parts: call.parts, key, wanted }.read(&token).await?;
    Ok(respond::json(StatusCode::CREATED, &told))
}

/// `POST …/submissions/batch`.
pub async fn create_submissions(app: &App, call: Call) -> Result<Response, ApiError> {
    create_batch(app, call).await.map_err(|error| error.shaped(refused))
}

async fn create_batch(app: &App, mut call: Call) -> Result<Response, ApiError> {
    let (client, _) = client(app, &call).await?;
    let sent = sent(&mut call).await?;
    let list = sent["submissions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() || list.len() > MAX_BATCH {
        return Ok(bad_request(&format!("number of submissions in a batch must be from 1 to {MAX_BATCH}")));
    }
    let mut told = Vec::with_capacity(list.len());
    for sent in list {
        told.push(match start(app, &call, &client, sent).await {
            Ok(Ok(token)) => json!({ "token": token }),
            Ok(Err(wrong)) => wrong,
            Err(error) if told.is_empty() => return Err(error),
            // Those before it run, and their tokens must not be lost.
            Err(error) => json!({ "error": error.message() }),
        });
    }
    Ok(respond::json(StatusCode::CREATED, &told))
}

/// `GET …/submissions/:token`.
pub async fn get_submission(app: &App, call: Call) -> Result<Response, ApiError> {
    get(app, call).await.map_err(|error| error.shaped(refused))
}

async fn get(app: &App, call: Call) -> Result<Response, ApiError> {
    let key = known(app, &call).await?;
    let wanted = match wanted(&call) {
        Ok(wanted) => wanted,
        Err(unknown) => return Ok(bad_request(&format!("invalid fields: [{unknown}]"))),
    };
    let token = call.param(0).to_owned();
    let told = Reading { app: app.clone(), parts: call.parts, key, wanted }.read(&token).await?;
    Ok(respond::json(StatusCode::OK, &told))
}

/// `GET …/submissions/batch?tokens=`.
pub async fn get_submissions(app: &App, call: Call) -> Result<Response, ApiError> {
    get_batch(app, call).await.map_err(|error| error.shaped(refused))
}

async fn get_batch(app: &App, call: Call) -> Result<Response, ApiError> {
    let key = known(app, &call).await?;
    let wanted = match wanted(&call) {
        Ok(wanted) => wanted,
        Err(unknown) => return Ok(bad_request(&format!("invalid fields: [{unknown}]"))),
    };
    let tokens = call.query("tokens").unwrap_or_default();
    let tokens: Vec<String> = tokens.split(',').filter(|token| !token.is_empty()).map(str::to_owned).collect();
    if tokens.is_empty() || tokens.len() > MAX_BATCH {
        return Ok(bad_request(&format!("number of tokens must be from 1 to {MAX_BATCH}")));
    }
    let reading = Rc::new(Reading { app: app.clone(), parts: call.parts, key, wanted });
    // One after the other, because each may have megabytes of output.
    let told = stream::iter(tokens).enumerate().then(move |(index, token)| {
        let reading = Rc::clone(&reading);
        async move {
            let told = reading.read(&token).await.unwrap_or_else(|error| match error.code() {
                ErrorCode::RunNotFound => Value::Null,
                _ => json!({ "token": token, "error": error.message() }),
            });
            Bytes::from(format!("{}{told}", if index == 0 { "" } else { "," }))
        }
    });
    let around = |text: &'static str| stream::iter([Bytes::from_static(text.as_bytes())]);
    Ok(respond::json_stream(around("{\"submissions\":[").chain(told).chain(around("]}")).boxed_local()))
}

/// `GET …/submissions` and `DELETE …/submissions/:token`, which need the rights of an administrator there.
pub async fn refuse_submissions(app: &App, call: Call) -> Result<Response, ApiError> {
    known(app, &call).await.map_err(|error| error.shaped(refused))?;
    let message = "GET /api/runs lists runs, and DELETE /api/run/:id ends one that goes on.";
    Ok(respond::json(StatusCode::FORBIDDEN, &json!({ "error": message })))
}

/// The client, whose call was counted, and its key.
async fn client(app: &App, call: &Call) -> Result<(ApiClient, String), ApiError> {
    let key = credential::of(call);
    let client = ApiClient::for_run(app, call, key.as_deref()).await?;
    if client.is_publishable {
        return Err(key_error::publishable_key_detaches_not());
    }
    // No run is its own, so what is expected of a program could not be read again.
    if client.is_anybody {
        return Err(key_error::url_key_not_enough());
    }
    Ok((client, key.unwrap_or_default()))
}

/// The key of a client that reads.
async fn known(app: &App, call: &Call) -> Result<String, ApiError> {
    let key = credential::of(call).ok_or_else(|| key_error::missing(app, call))?;
    ApiClient::for_token(app, call, &key).await?;
    Ok(key)
}

/// The body as JSON, whatever content type it was sent with.
async fn sent(call: &mut Call) -> Result<Value, ApiError> {
    body::check_declared_size(&call.parts.headers, &mut call.body).await?;
    body::take_untyped_json(&mut call.body).await
}

/// Starts a submission; its token, or what is wrong with it by field.
async fn start(app: &App, call: &Call, client: &ApiClient, sent: &Value) -> Result<Result<String, Value>, ApiError> {
    let is_base64 = call.query("base64_encoded").as_deref() == Some("true");
    match submission::read(sent, Flavor::of(call), is_base64, app.config.max_timeout_ms) {
        Ok(submission) => Ok(Ok(run::submit(app, client, submission.body, submission.kept).await?.to_string())),
        Err(wrong) => Ok(Err(Value::Object(wrong))),
    }
}

fn bad_request(message: &str) -> Response {
    respond::json(StatusCode::BAD_REQUEST, &json!({ "error": message }))
}

/// What the client wants to know, or the first field that there is not.
fn wanted(call: &Call) -> Result<Wanted, String> {
    let fields = match call.query("fields").as_deref() {
        None | Some("") => Some(DEFAULT_FIELDS.map(str::to_owned).to_vec()),
        Some("*") => None,
        Some(names) => Some(names.split(',').map(|name| name.trim().to_owned()).collect()),
    };
    if let Some(unknown) = fields.as_deref().and_then(unknown_field) {
        return Err(unknown.clone());
    }
    Ok(Wanted { fields, is_base64: call.query("base64_encoded").as_deref() == Some("true") })
}

/// A client that reads submissions.
struct Reading {
    app: App,
    parts: Parts,
    key: String,
    wanted: Wanted,
}

impl Reading {
    /// The submission with this token.
    async fn read(&self, token: &str) -> Result<Value, ApiError> {
        let mut parts = self.parts.clone();
        parts.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Ok(authorization) = HeaderValue::try_from(format!("Bearer {}", self.key)) {
            parts.headers.insert(AUTHORIZATION, authorization);
        }
        let mut looks = 0;
        loop {
            let (parts, params) = (parts.clone(), vec![token.to_owned()]);
            let own = Call { parts, body: body::none(), params, key_in_path: None, renewal: Renewal::default() };
            let response = run::get_run(&self.app, own).await?;
            let Some(bytes) = whole(response.into_body(), MAX_RESULT_BYTES).await else {
                let message = "The output is longer than a submission may have: GET /api/run/:id returns it.";
                return Err(ApiError::new(ErrorCode::BodyTooLarge, message));
            };
            let run: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            // A large input is stored while its program runs, which may end first.
            if is_whole(&run) || looks == LOOKS {
                return Ok(tell(&run, &self.wanted));
            }
            looks += 1;
            self.app.clock.sleep(LOOK_AGAIN_MS).await;
        }
    }
}
