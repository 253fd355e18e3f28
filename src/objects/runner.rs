//! The runner behind a Sandbox object: where it is, and how it is spoken to.

use crate::ports::{SandboxFailure, SandboxFailureCode};
use docle_protocol::headers::{AUTHORIZATION, EVENT_STREAM, HEALTH_PATH, PROTOCOL, RUNS_PATH};
use docle_protocol::{Refusal, RefusalCode, VERSION};
use worker::worker_sys::web_sys::AbortSignal;
use worker::{Fetch, Headers, Method, Request, RequestInit, Response};

/// A runner outside, at `SANDBOX_URL`.
pub struct Runner {
    /// Without a slash at the end.
    pub url: String,
    pub secret: String,
}

impl Runner {
    /// Sends the body of `request`, a job, and gives the stream of its events. `request`'s signal ends the run where
    /// `ends_with_caller` is set.
    pub async fn run(&self, request: &Request, ends_with_caller: bool) -> Result<Response, SandboxFailure> {
        let body = request.inner().body();
        let signal = ends_with_caller.then(|| request.inner().signal());
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_body(body.map(Into::into));
        self.send(RUNS_PATH, init, signal).await
    }

    /// The runner's own words about itself.
    pub async fn health(&self, request: &Request) -> Result<Response, SandboxFailure> {
        self.send(HEALTH_PATH, RequestInit::new(), Some(request.inner().signal())).await
    }

    async fn send(
        &self,
        path: &str,
        mut init: RequestInit,
        signal: Option<AbortSignal>,
    ) -> Result<Response, SandboxFailure> {
        let answer = async {
            let headers = Headers::new();
            headers.set(AUTHORIZATION, &format!("Bearer {}", self.secret))?;
            headers.set(PROTOCOL, &VERSION.to_string())?;
            headers.set("accept", EVENT_STREAM)?;
            headers.set("content-type", "application/json")?;
            init.with_headers(headers);
            let request = Fetch::Request(Request::new_with_init(&format!("{}{path}", self.url), &init)?);
            match signal {
                Some(signal) => request.send_with_signal(&signal.into()).await,
                None => request.send().await,
            }
        };
        let unreachable =
            |error| SandboxFailureCode::Unavailable.because(format!("The runner does not answer: {error}"));
        let response = answer.await.map_err(unreachable)?;
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
