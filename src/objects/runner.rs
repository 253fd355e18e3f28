//! The runner behind a Sandbox object: where it is, and how it is spoken to.

use crate::ports::{SandboxFailure, SandboxFailureCode};
use docle_protocol::headers::{AUTHORIZATION, EVENT_STREAM, HEALTH_PATH, PROTOCOL, RUNS_PATH};
use docle_protocol::{Refusal, RefusalCode, VERSION};
use worker::wasm_bindgen::JsCast;
use worker::wasm_bindgen::closure::Closure;
use worker::worker_sys::web_sys::{AbortController, AbortSignal};
use worker::{Fetch, Headers, Method, Request, RequestInit, Response};

/// A runner outside, at `SANDBOX_URL`.
pub struct Runner {
    /// Without a slash at the end.
    pub url: String,
    pub secret: String,
}

impl Runner {
    /// Sends the body of `request`, a job, and gives the stream of its events. The end of `request` ends the run where
    /// `ends_with_caller` is set.
    ///
    /// The runtime leaves a connection open whose fetch is aborted before the response began, and with it the run in
    /// its queue. So a caller who leaves early is noticed when the response begins, which is at the latest when the
    /// run gets its place.
    pub async fn run(&self, request: &Request, ends_with_caller: bool) -> Result<Response, SandboxFailure> {
        let body = request.inner().body();
        let caller = ends_with_caller.then(|| request.inner().signal());
        let end = AbortController::new().map_err(|error| unreachable(&error.into()))?;
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_body(body.map(Into::into));
        let response = self.send(RUNS_PATH, init, end.signal()).await?;
        match caller {
            Some(caller) if caller.aborted() => {
                end.abort();
                Err(SandboxFailureCode::CallerLeft.because("The caller left before the run had its place."))
            }
            Some(caller) => {
                let abort = Closure::once_into_js(move || end.abort());
                caller.set_onabort(Some(abort.unchecked_ref()));
                Ok(response)
            }
            None => Ok(response),
        }
    }

    /// The runner's own words about itself.
    pub async fn health(&self, request: &Request) -> Result<Response, SandboxFailure> {
        self.send(HEALTH_PATH, RequestInit::new(), request.inner().signal()).await
    }

    async fn send(&self, path: &str, mut init: RequestInit, signal: AbortSignal) -> Result<Response, SandboxFailure> {
        let answer = async {
            let headers = Headers::new();
            headers.set(AUTHORIZATION, &format!("Bearer {}", self.secret))?;
            headers.set(PROTOCOL, &VERSION.to_string())?;
            headers.set("accept", EVENT_STREAM)?;
            headers.set("content-type", "application/json")?;
            init.with_headers(headers);
            let request = Fetch::Request(Request::new_with_init(&format!("{}{path}", self.url), &init)?);
            request.send_with_signal(&signal.into()).await
        };
        let response = answer.await.map_err(|error| unreachable(&error))?;
        if response.status_code() != 200 {
            return Err(read_refusal(response).await);
        }
        let speaks = response.headers().get(PROTOCOL).ok().flatten();
        if speaks.as_deref() != Some(&VERSION.to_string()) {
            let message = format!("The runner speaks protocol {}, not {VERSION}.", speaks.unwrap_or_default());
            return Err(SandboxFailureCode::Mismatch.because(message));
        }
        Ok(response)
    }
}

fn unreachable(error: &worker::Error) -> SandboxFailure {
    SandboxFailureCode::Unavailable.because(format!("The runner does not answer: {error}"))
}

async fn read_refusal(mut response: Response) -> SandboxFailure {
    let text = response.text().await.unwrap_or_default();
    let Ok(refusal) = serde_json::from_str::<Refusal>(&text) else {
        let message = format!("The runner answered {} and no refusal.", response.status_code());
        return SandboxFailureCode::Unavailable.because(message);
    };
    let code = match refusal.code {
        RefusalCode::Busy => SandboxFailureCode::Busy,
        RefusalCode::ProtocolMismatch | RefusalCode::NotFound => SandboxFailureCode::Mismatch,
        RefusalCode::InvalidJob | RefusalCode::TooLarge => SandboxFailureCode::Rejected,
        RefusalCode::Unauthorized | RefusalCode::Stopping | RefusalCode::Internal => SandboxFailureCode::Unavailable,
    };
    code.because(format!("The runner refused: {}", refusal.message))
}
