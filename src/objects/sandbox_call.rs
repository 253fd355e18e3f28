//! What the Sandbox object is asked, and the stub that asks it.

use crate::domain::events::Broken;
use crate::ports::{FirstCall, Once, RunStream, SandboxFailure, SandboxFailureCode, Sandboxes};
use async_trait::async_trait;
use docle_protocol::RunnerHealth;
use futures::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};
use worker::js_sys::{Array, Uint8Array};
use worker::wasm_bindgen::JsValue;
use worker::worker_sys::web_sys::{self, AbortController, AbortSignal};
use worker::{Headers, ObjectNamespace, Request, Response};

/// Carries the call, so that the body can be the job as it is: encoded once, forwarded as bytes.
const CALL: &str = "docle-call";
/// Carries the [`FirstCall`] in an answer that is not new.
const FIRST_CALL: &str = "docle-first-call";
/// A request needs an address; nothing reads this one.
const ADDRESS: &str = "http://sandbox/";

/// What the object can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum SandboxCall {
    /// Run the job in the body. The answer is the runner's event stream.
    Run { once: Option<Once> },
    /// Ask the runner how it is. The answer is a [`RunnerHealth`].
    Health,
}

impl SandboxCall {
    /// The call that a request carries.
    pub fn read(request: &Request) -> worker::Result<Self> {
        let call = request.headers().get(CALL)?.unwrap_or_default();
        Ok(serde_json::from_str(&call)?)
    }
}

/// The answer that says why a call was not followed.
pub fn refuse(failure: &SandboxFailure) -> worker::Result<Response> {
    Ok(Response::from_json(failure)?.with_status(500))
}

/// The answer to a repeated call: the first one's run, as the stream that a run would give.
pub fn replay(first_call: FirstCall, last_line: &[u8]) -> worker::Result<Response> {
    let headers = Headers::new();
    headers.set(FIRST_CALL, &serde_json::to_string(&first_call)?)?;
    let start = br#"{"type":"start"}"#;
    // A stream, because that is how the stub reads a run.
    let lines = [&start[..], b"\n", last_line, b"\n"].concat();
    Ok(Response::from_stream(stream::once(async { Ok::<_, worker::Error>(lines) }))?.with_headers(headers))
}

/// The object of a project. A project never shares its sandbox, so its id is the name.
pub fn name_of_project(project_id: &str) -> String {
    format!("project:{project_id}")
}

/// The object that is asked for health: one that has nothing else to do.
const NAME_FOR_HEALTH: &str = "health";

/// [`Sandboxes`] by calling Sandbox objects.
pub struct SandboxStub {
    pub namespace: ObjectNamespace,
    /// Aborted when the client of this request leaves.
    pub client_left: AbortSignal,
}

impl SandboxStub {
    async fn call(
        &self,
        name: &str,
        call: &SandboxCall,
        body: Option<&[u8]>,
        signal: Option<&AbortSignal>,
    ) -> Result<Response, SandboxFailure> {
        let answer = async {
            let headers = Headers::new();
            headers.set(CALL, &serde_json::to_string(call)?)?;
            let init = web_sys::RequestInit::new();
            init.set_method("POST");
            init.set_headers(headers.as_ref());
            init.set_signal(signal);
            if let Some(body) = body {
                init.set_body(&Uint8Array::from(body));
            }
            let request = web_sys::Request::new_with_str_and_init(ADDRESS, &init)?;
            self.namespace.get_by_name(name)?.fetch_with_request(request.into()).await
        };
        let mut response = answer.await.map_err(|error| self.failed(&error))?;
        if response.status_code() == 200 {
            return Ok(response);
        }
        let text = response.text().await.map_err(|error| self.failed(&error))?;
        Err(serde_json::from_str(&text).unwrap_or_else(|_| {
            SandboxFailureCode::Unavailable.because(format!("The Sandbox object answered {}.", response.status_code()))
        }))
    }

    fn failed(&self, error: &worker::Error) -> SandboxFailure {
        let code =
            if self.client_left.aborted() { SandboxFailureCode::CallerLeft } else { SandboxFailureCode::Unavailable };
        code.because(format!("Calling the Sandbox object failed: {error}"))
    }
}

#[async_trait(?Send)]
impl Sandboxes for SandboxStub {
    async fn run(&self, project_id: &str, job: Vec<u8>, once: Option<Once>) -> Result<RunStream, SandboxFailure> {
        // A run with an idempotency key belongs to all who repeat the call: none of them ends it by leaving.
        let end =
            if once.is_some() { None } else { Some(EndOnDrop::new(&self.client_left).map_err(|e| self.failed(&e))?) };
        let signal = end.as_ref().map(|end| &end.signal);
        let mut response =
            self.call(&name_of_project(project_id), &SandboxCall::Run { once }, Some(&job), signal).await?;
        drop(job);

        let first_call = response.headers().get(FIRST_CALL).ok().flatten();
        let first_call = first_call.and_then(|text| serde_json::from_str(&text).ok());
        let client_left = self.client_left.clone();
        let why = move || if client_left.aborted() { Broken::ByCaller } else { Broken::BySandbox };
        let why_ended = why.clone();
        let chunks = response.stream().map_err(|error| self.failed(&error))?;
        let chunks = chunks
            .map(move |chunk| {
                let _ = &end;
                chunk.map_err(|_| why())
            })
            // An aborted stream may end without an error; whoever still expects something learns why nothing comes.
            .chain(stream::once(async move { Err(why_ended()) }));
        Ok(RunStream { chunks: chunks.boxed_local(), first_call })
    }

    async fn health(&self) -> Result<RunnerHealth, SandboxFailure> {
        let end = EndOnDrop::new(&self.client_left).map_err(|error| self.failed(&error))?;
        let mut response = self.call(NAME_FOR_HEALTH, &SandboxCall::Health, None, Some(&end.signal)).await?;
        response.json().await.map_err(|error| self.failed(&error))
    }
}

/// Ends a call to the object when it is dropped, or when the client leaves.
struct EndOnDrop {
    controller: AbortController,
    signal: AbortSignal,
}

impl EndOnDrop {
    fn new(client_left: &AbortSignal) -> worker::Result<Self> {
        let controller = AbortController::new()?;
        let own: JsValue = controller.signal().into();
        let signal = AbortSignal::any(&Array::of2(&own, client_left));
        Ok(Self { controller, signal })
    }
}

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.controller.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn project_object_name_unchanged() {
        assert_eq!(name_of_project("proj_1"), "project:proj_1");
    }

    #[test]
    fn sandbox_call_format_unchanged() {
        let written = |call: &SandboxCall| serde_json::to_value(call).unwrap();
        assert_eq!(written(&SandboxCall::Health), json!({ "type": "health" }));
        assert_eq!(written(&SandboxCall::Run { once: None }), json!({ "type": "run", "once": null }));
        let failure = SandboxFailureCode::KeyReused.because("x");
        assert_eq!(serde_json::to_value(failure).unwrap(), json!({ "code": "key_reused", "message": "x" }));
    }
}
