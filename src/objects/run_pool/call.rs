//! What the Sandbox object is asked, and the stub that asks it.

use crate::domain::run::events::Interrupted;
use crate::domain::run::id::RunId;
use crate::platform::fetch;
use crate::platform::socket::RuntimeSocket;
use crate::ports::{FirstCall, IdempotentCall, PoolFailure, PoolFailureCode, RunMode, RunPools, RunStream, Socket};
use async_trait::async_trait;
use docle_protocol::RunnerHealth;
use futures::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};
use std::rc::Rc;
use worker::js_sys::{Array, Uint8Array};
use worker::wasm_bindgen::JsValue;
use worker::worker_sys::web_sys::{self, AbortController, AbortSignal};
use worker::{Headers, ObjectNamespace, Request, Response, Stub};

/// Carries the call, so that the body can be the job as it is: encoded once, forwarded as bytes.
const CALL: &str = "docle-call";
/// Carries the [`FirstCall`] in an answer that is not new.
const FIRST_CALL: &str = "docle-first-call";
/// A request needs an address; nothing reads this one.
const ADDRESS: &str = "http://sandbox/";

/// What the object can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum RunPoolCall {
    /// Run the job in the body. The answer is the runner's event stream. The id is that of an interactive run.
    Run {
        once: Option<IdempotentCall>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        interactive: Option<RunId>,
    },
    /// See to it that a job which may be on its way is executed in no container. The answer is `true`, or `false` where it
    /// has been, or may have been.
    CancelUnstarted { id: RunId },
    /// The same for this object's own container.
    CancelUnstartedHere { id: RunId },
    /// Lead to the standard input of an interactive run. The answer is a WebSocket, see
    /// [`docle_protocol::headers::stdin_path`], or empty where the run is over.
    Input { id: RunId },
    /// The same for a run in this object's own container.
    InputHere { id: RunId },
    /// Run the job in the body in this object's own container, without sharing out: the object that does has chosen it.
    #[serde(rename_all = "camelCase")]
    RunHere { waited_ms: i64 },
    /// Have this object's container up. The answer is [`Started`].
    Start,
    /// End this object's containers, whatever they do. The answer is empty.
    Destroy,
    /// Say how things are without changing them. The answer is a [`PoolState`].
    State,
    /// Ask the runner how it is. The answer is a [`RunnerHealth`], or null where there is a container for each project.
    Health,
}

/// A container that is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// How many programs it runs at once.
    pub places: u32,
}

/// How an object and what it shares out are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolState {
    /// Whether this object's container runs.
    pub container: bool,
    /// The runner in it, once it has answered.
    pub instance: Option<String>,
    /// Programs that it runs at once; 0 while that is unknown.
    pub places: u32,
    /// Runs of the project in progress, in all containers.
    pub running: usize,
    /// Runs of the project that wait for a place.
    pub queued: usize,
}

/// How a call to an object ended.
pub enum Answer {
    Good(web_sys::Response),
    /// The object said no.
    Failed(PoolFailure),
    /// The object did not answer, or not in a way that is understood. What it did is unknown.
    Broken(String),
}

/// Asks an object.
pub async fn call_object(
    stub: worker::Result<Stub>,
    call: &RunPoolCall,
    body: Option<&JsValue>,
    signal: Option<&AbortSignal>,
) -> Answer {
    let answer = async {
        let text = serde_json::to_string(call)?;
        let request = match call {
            RunPoolCall::Input { .. } | RunPoolCall::InputHere { .. } => {
                fetch::request("GET", &[(CALL, text.as_str()), ("upgrade", "websocket")], body)?
            }
            _ => fetch::request("POST", &[(CALL, &text)], body)?,
        };
        request.set_signal(signal);
        let response = fetch::at(&stub?.into_rpc(), ADDRESS, &request).await?;
        if matches!(response.status(), 101 | 200) {
            return Ok(Answer::Good(response));
        }
        Ok(match serde_json::from_slice(&fetch::bytes(&response).await?) {
            Ok(failure) => Answer::Failed(failure),
            Err(_) => Answer::Broken(format!("the object answered {}", response.status())),
        })
    };
    answer.await.unwrap_or_else(|error: worker::Error| Answer::Broken(error.to_string()))
}

impl RunPoolCall {
    /// The call that a request carries.
    pub fn read(request: &Request) -> worker::Result<Self> {
        let call = request.headers().get(CALL)?.unwrap_or_default();
        Ok(serde_json::from_str(&call)?)
    }
}

/// The answer that says why a call was not followed.
pub fn refuse(failure: &PoolFailure) -> worker::Result<Response> {
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

/// The answer where a run reads no more.
pub fn no_input() -> worker::Result<Response> {
    Response::empty().map(|response| response.with_status(200))
}

/// The stream of a run that was begun and of which nothing more is known: who reads it makes a `system` result of it.
pub fn broken() -> worker::Result<Response> {
    Response::from_stream(stream::once(async { Ok::<_, worker::Error>(b"{\"type\":\"start\"}\n".to_vec()) }))
}

/// The object of a project. A project never shares its sandbox, so its id is the name.
pub fn name_of_project(project_id: &str) -> String {
    format!("pool:{project_id}")
}

/// A further object of the pool that `name` shares out.
pub fn name_of_member(name: &str, member: usize) -> String {
    format!("{name}#{member}")
}

/// The object that is asked for health: one that has nothing else to do.
const NAME_FOR_HEALTH: &str = "health";

/// [`RunPools`] by calling Sandbox objects.
pub struct RunPoolStub {
    pub namespace: Rc<ObjectNamespace>,
    /// Aborted when the client of this request leaves.
    pub client_left: AbortSignal,
}

impl RunPoolStub {
    async fn call(
        &self,
        name: &str,
        call: &RunPoolCall,
        body: Option<&[u8]>,
        signal: Option<&AbortSignal>,
    ) -> Result<web_sys::Response, PoolFailure> {
        let body = body.map(Uint8Array::from);
        match call_object(self.namespace.get_by_name(name), call, body.as_ref().map(AsRef::as_ref), signal).await {
            Answer::Good(response) => Ok(response),
            Answer::Failed(failure) => Err(failure),
            Answer::Broken(why) => Err(self.broken(&why)),
        }
    }

    fn failed(&self, error: &worker::Error) -> PoolFailure {
        self.broken(&error.to_string())
    }

    fn broken(&self, why: &str) -> PoolFailure {
        let code = if self.client_left.aborted() { PoolFailureCode::ClientLeft } else { PoolFailureCode::Lost };
        code.because(format!("Calling the Sandbox object failed: {why}"))
    }
}

#[async_trait(?Send)]
impl RunPools for RunPoolStub {
    async fn run(&self, project_id: &str, job: Vec<u8>, mode: RunMode) -> Result<RunStream, PoolFailure> {
        let (once, interactive) = match mode {
            RunMode::Plain => (None, None),
            RunMode::Idempotent(once) => (Some(once), None),
            RunMode::Interactive(id) => (None, Some(id)),
        };
        // A run with an idempotency key belongs to all who repeat the call: none of them ends it by leaving.
        let end =
            if once.is_some() { None } else { Some(EndOnDrop::new(&self.client_left).map_err(|e| self.failed(&e))?) };
        let signal = end.as_ref().map(|end| &end.signal);
        let call = RunPoolCall::Run { once, interactive };
        let response = self.call(&name_of_project(project_id), &call, Some(&job), signal).await?;
        drop(job);

        let first_call = fetch::header(&response, FIRST_CALL).and_then(|text| serde_json::from_str(&text).ok());
        let client_left = self.client_left.clone();
        let why = move || if client_left.aborted() { Interrupted::ByClient } else { Interrupted::ByRunner };
        let why_ended = why.clone();
        let chunks = fetch::chunks(&response).map_err(|error| self.failed(&error))?;
        let chunks = chunks
            .map(move |chunk| {
                let _ = &end;
                chunk.map_err(|_| why())
            })
            // An aborted stream may end without an error; whoever still expects something learns why nothing comes.
            .chain(stream::once(async move { Err(why_ended()) }));
        Ok(RunStream { chunks: chunks.boxed_local(), first_call })
    }

    async fn cancel_unstarted(&self, project_id: &str, id: RunId) -> bool {
        let call = RunPoolCall::CancelUnstarted { id };
        match call_object(self.namespace.get_by_name(&name_of_project(project_id)), &call, None, None).await {
            Answer::Good(response) => Response::from(response).json().await.unwrap_or(false),
            Answer::Failed(_) | Answer::Broken(_) => false,
        }
    }

    async fn input(&self, project_id: &str, id: RunId) -> Result<Option<Box<dyn Socket>>, PoolFailure> {
        let response = self.call(&name_of_project(project_id), &RunPoolCall::Input { id }, None, None).await?;
        let Some(socket) = Response::from(response).websocket() else { return Ok(None) };
        let socket = RuntimeSocket::accept(socket).map_err(|error| self.broken(&error.0))?;
        Ok(Some(Box::new(socket)))
    }

    async fn health(&self) -> Result<Option<RunnerHealth>, PoolFailure> {
        let end = EndOnDrop::new(&self.client_left).map_err(|error| self.failed(&error))?;
        let response = self.call(NAME_FOR_HEALTH, &RunPoolCall::Health, None, Some(&end.signal)).await?;
        Response::from(response).json().await.map_err(|error| self.failed(&error))
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
    fn pool_object_name_unchanged() {
        assert_eq!(name_of_project("proj_1"), "pool:proj_1");
        assert_eq!(name_of_member("pool:proj_1", 2), "pool:proj_1#2");
    }

    #[test]
    fn pool_call_format_unchanged() {
        let written = |call: &RunPoolCall| serde_json::to_value(call).unwrap();
        assert_eq!(written(&RunPoolCall::Health), json!({ "type": "health" }));
        let plain = RunPoolCall::Run { once: None, interactive: None };
        assert_eq!(written(&plain), json!({ "type": "run", "once": null }));
        let id = RunId::from_random([0; 16]);
        let interactive = RunPoolCall::Run { once: None, interactive: Some(id) };
        assert_eq!(written(&interactive), json!({ "type": "run", "once": null, "interactive": id }));
        assert_eq!(written(&RunPoolCall::CancelUnstarted { id }), json!({ "type": "cancelUnstarted", "id": id }));
        assert_eq!(
            written(&RunPoolCall::CancelUnstartedHere { id }),
            json!({ "type": "cancelUnstartedHere", "id": id })
        );
        assert_eq!(written(&RunPoolCall::Input { id }), json!({ "type": "input", "id": id }));
        assert_eq!(written(&RunPoolCall::InputHere { id }), json!({ "type": "inputHere", "id": id }));
        let failure = PoolFailureCode::KeyReused.because("x");
        assert_eq!(
            serde_json::to_value(failure).unwrap(),
            json!({ "code": "key_reused", "message": "x", "retry_after_s": null })
        );
        let here = RunPoolCall::RunHere { waited_ms: 5 };
        assert_eq!(written(&here), json!({ "type": "runHere", "waitedMs": 5 }));
        for (call, name) in
            [(RunPoolCall::Start, "start"), (RunPoolCall::Destroy, "destroy"), (RunPoolCall::State, "state")]
        {
            assert_eq!(written(&call), json!({ "type": name }));
        }
        assert_eq!(serde_json::to_value(Started { places: 2 }).unwrap(), json!({ "places": 2 }));
    }
}
