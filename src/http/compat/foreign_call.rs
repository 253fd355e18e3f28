//! A call in a foreign protocol: who makes it, its body, and the run that it asks for.

use crate::app::App;
use crate::http::auth::caller::ApiClient;
use crate::http::compat::credential;
use crate::http::compat::outcome::{self, Outcome};
use crate::http::error::ApiError;
use crate::http::request::body;
use crate::http::request::call::Call;
use crate::http::response::rate;
use crate::http::routes::runs::run;
use crate::ports::http_messages::Response;
use ::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use ::http::{HeaderMap, HeaderName};
use docle_api::runs::{Policy, RunRequest, SourceFile};
use docle_languages::RunLanguage;
use serde_json::Value;

/// Headers of the call that would mean something else at `POST /api/run`.
const OF_THE_CALL: [HeaderName; 4] = [
    CONTENT_LENGTH,
    CONTENT_ENCODING,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("last-event-id"),
];

/// A call whose client may run programs.
pub struct ForeignCall {
    client: ApiClient,
    call: Call,
    /// The body as JSON, whatever content type it was sent with.
    pub body: Value,
}

impl ForeignCall {
    /// Lets the client in, and then reads the body.
    ///
    /// # Errors
    /// As for `POST /api/run`.
    pub async fn open(app: &App, mut call: Call) -> Result<Self, ApiError> {
        body::check_declared_size(&call.parts.headers, &mut call.body).await?;
        let client = ApiClient::for_run(app, &call, credential::of(&call).as_deref()).await?;
        let body = body::take_untyped_json(&mut call.body).await?;
        Ok(Self { client, call, body })
    }

    /// Runs a program, and answers with what `tell` makes of its end. The response is sent in pieces: spaces while the program
    /// is silent, so that a client that leaves is noticed.
    ///
    /// # Errors
    /// Nothing has run; as for `POST /api/run`.
    pub async fn run(
        self,
        app: &App,
        request: &RunRequest,
        tell: impl FnOnce(Outcome) -> Value + 'static,
    ) -> Result<Response, ApiError> {
        let Self { client, mut call, .. } = self;
        let headers: &mut HeaderMap = &mut call.parts.headers;
        OF_THE_CALL.iter().for_each(|name| drop(headers.remove(name)));
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let bytes = serde_json::to_vec(request).expect("a request is plain data, which always encodes");
        call.body = body::of(bytes);
        let rate = client.rate;
        let response = run::run_for(app, call, client).await;
        rate::with_headers(response, &rate, app.clock.now()).map(|response| outcome::told(response, tell))
    }
}

/// A program of these files that begins with the first one.
pub fn program(language: RunLanguage, files: Vec<SourceFile>) -> RunRequest {
    RunRequest {
        tier: None,
        code: None,
        entrypoint: files.first().map(|file| file.path.clone()),
        files: Some(files),
        lang: language,
        repo: None,
        packages: None,
        stdin: None,
        args: None,
        env: None,
        compile: None,
        policy: Some(Policy::default()),
        artifacts: None,
        artifacts_inline: None,
        detach: None,
        queue_timeout_ms: None,
        webhook: None,
        tty: None,
        user_context: None,
    }
}
