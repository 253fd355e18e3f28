//! The machine of a sandbox: a jail of the runner at `SANDBOX_URL`, or of the one in the object's own container.

use crate::domain::sandbox::id::SandboxId;
use crate::objects::container::runner::{Runner, RunnerError};
use crate::objects::container::target::RunTarget;
use crate::objects::sandbox::place::at_path;
use crate::ports::contexts::{CellCall, ContextAction};
use crate::ports::http_messages::Upgrade;
use crate::ports::previews::{PortAnswer, PortBody, PreviewCall};
use crate::ports::sandboxes::{ByteStream, Content, ContentHead, HostError, SandboxHost};
use crate::ports::{
    ClientSignal, Clock, EventStream, PoolFailure, PoolFailureCode, PortError, RunnerHttp, RunnerRequest,
    RunnerResponse,
};
use async_trait::async_trait;
use docle_protocol::ascii_json;
use docle_protocol::context::{
    ContextSpec, ContextState, cells_path, context_path, contexts_path, interrupt_path, restart_path,
};
use docle_protocol::headers::PROTOCOL;
use docle_protocol::sandbox::checkout::{CheckedOut, CheckoutJob, CheckoutRefused, checkout_path};
use docle_protocol::sandbox::port::{PORT_HEAD, PortFailure, port_path};
use docle_protocol::sandbox::process::{
    ProcessError, ProcessRequest, ProcessResponse, ProcessWatch, process_events_path, processes_path,
};
use docle_protocol::sandbox::session::session_path;
use docle_protocol::sandbox::terminal::{TERMINAL_JOB, TerminalJob, terminal_path};
use docle_protocol::sandbox::{
    ExecJob, FileError, FileRequest, FileResponse, SandboxSpec, SandboxState, content_path, directory_path, env_path,
    exec_path, files_path, one_exec_path, sandbox_path,
};
use docle_protocol::tree::{save_path, tree_path};
use docle_protocol::{Refusal, RefusalCode, VERSION};
use futures::future::{Either, select};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;

/// How long a runner may take to begin its response, in milliseconds: the start of a jail, or an operation on many files.
const ANSWER_MS: u32 = 60_000;
/// The same after a body that may be large.
const UPLOAD_MS: u32 = 600_000;
/// How long a checkout may take, in milliseconds: a place for the fetch, its 60 s, and the copy.
const CHECKOUT_MS: u32 = 180_000;
/// How long a program may take to begin its answer, in milliseconds; the runner waits for 120 s, and connects for 10 s before that.
const PORT_ANSWER_MS: u32 = 150_000;
/// The same with a body, after whose last byte the runner waits.
const PORT_UPLOAD_MS: u32 = 21_600_000;

const JSON: (&str, &str) = ("content-type", "application/json");
const BYTES: (&str, &str) = ("content-type", "application/octet-stream");

/// [`SandboxHost`] of one sandbox.
pub struct RunnerHost<H> {
    pub target: RunTarget<H>,
    pub id: SandboxId,
    pub clock: Rc<dyn Clock>,
}

#[async_trait(?Send)]
impl<H: RunnerHttp<Response: EventStream>> SandboxHost for RunnerHost<H> {
    async fn create(&self, spec: &SandboxSpec) -> Result<bool, HostError> {
        let response = self.send("PUT", &sandbox_path(self.id.as_str()), Some(spec)).await?;
        let is_new = response.status() == 201;
        drain(&response).await;
        Ok(is_new)
    }

    async fn state(&self) -> Result<SandboxState, HostError> {
        let response = self.send("GET", &sandbox_path(self.id.as_str()), NOTHING).await?;
        read_json(&response).await
    }

    async fn set_env(&self, env: &BTreeMap<String, String>) -> Result<(), HostError> {
        let response = self.send("PUT", &env_path(self.id.as_str()), Some(env)).await?;
        drain(&response).await;
        Ok(())
    }

    async fn end(&self) -> Result<(), HostError> {
        if let RunTarget::Container(instance) = &self.target {
            instance.destroy().await;
            return match instance.is_running() {
                true => Err(HostError::Unavailable("The container could not be ended.".to_owned())),
                false => Ok(()),
            };
        }
        match self.send("DELETE", &sandbox_path(self.id.as_str()), NOTHING).await {
            Ok(response) => {
                drain(&response).await;
                Ok(())
            }
            Err(HostError::Unknown) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn exec(&self, job: &ExecJob, client: &ClientSignal) -> Result<ByteStream, HostError> {
        let body = encode::<H>(job);
        let path = exec_path(self.id.as_str());
        let request = RunnerRequest { method: "POST", path: &path, headers: &[JSON], body: Some(&body) };
        let runner = self.runner().await?;
        let response = self.within(ANSWER_MS, runner.fetch(request, Some(client))).await;
        chunks(self.check(response).await?)
    }

    async fn contexts(&self, action: &ContextAction) -> Result<Vec<ContextState>, HostError> {
        let sandbox = self.id.as_str();
        let one = async |method: &str, path: String, spec: Option<&ContextSpec>| {
            let response = self.send(method, &path, spec).await?;
            Ok(vec![read_json(&response).await?])
        };
        let none = async |method: &str, path: String| {
            drain(&self.send(method, &path, NOTHING).await?).await;
            Ok(Vec::new())
        };
        match action {
            ContextAction::Create { id, spec } => one("PUT", context_path(sandbox, id), Some(spec)).await,
            ContextAction::List => read_json(&self.send("GET", &contexts_path(sandbox), NOTHING).await?).await,
            ContextAction::Restart { id } => one("POST", restart_path(sandbox, id), None).await,
            ContextAction::Interrupt { id } => none("POST", interrupt_path(sandbox, id)).await,
            ContextAction::Delete { id } => none("DELETE", context_path(sandbox, id)).await,
        }
    }

    async fn run_cell(&self, call: &CellCall) -> Result<ByteStream, HostError> {
        let CellCall { context, default, job } = call;
        if let Some(spec) = default {
            self.contexts(&ContextAction::Create { id: context.clone(), spec: spec.clone() }).await?;
        }
        chunks(self.send("POST", &cells_path(self.id.as_str(), context), Some(job)).await?)
    }

    async fn cancel(&self, exec: &str) -> Result<(), HostError> {
        let path = one_exec_path(self.id.as_str(), exec);
        let runner = self.runner().await?;
        let request = RunnerRequest { method: "DELETE", path: &path, headers: &[], body: None };
        let response = self.within(ANSWER_MS, runner.fetch(request, None)).await;
        if let Ok(response) = &response
            && response.status() == 404
        {
            // It has ended, or its sandbox has.
            drain(response).await;
            return Ok(());
        }
        drain(&self.check(response).await?).await;
        Ok(())
    }

    async fn processes(&self, request: &ProcessRequest) -> Result<ProcessResponse, HostError> {
        let response = self.send("POST", &processes_path(self.id.as_str()), Some(request)).await?;
        read_json(&response).await
    }

    async fn watch(&self, watch: &ProcessWatch, client: &ClientSignal) -> Result<ByteStream, HostError> {
        let body = encode::<H>(watch);
        let path = process_events_path(self.id.as_str());
        let request = RunnerRequest { method: "POST", path: &path, headers: &[JSON], body: Some(&body) };
        let runner = self.runner().await?;
        let response = self.within(ANSWER_MS, runner.fetch(request, Some(client))).await;
        chunks(self.check(response).await?)
    }

    async fn end_session(&self, session: &str) -> Result<(), HostError> {
        let response = self.send("DELETE", &session_path(self.id.as_str(), session), NOTHING).await?;
        drain(&response).await;
        Ok(())
    }

    async fn port(
        &self,
        call: &PreviewCall,
        body: Option<ByteStream>,
        client: &ClientSignal,
    ) -> Result<PortAnswer, HostError> {
        let path = port_path(self.id.as_str(), &call.port.to_string());
        let head = ascii_json(&call.request);
        let mut headers = vec![(PORT_HEAD, head.as_str())];
        if call.is_socket {
            headers.push(("upgrade", "websocket"));
        }
        let method = if call.is_socket { "GET" } else { "POST" };
        let request = RunnerRequest { method, path: &path, headers: &headers, body: None };
        let runner = self.runner().await?;
        let response = match body {
            Some(body) => self.within(PORT_UPLOAD_MS, runner.upload(request, body, Some(client))).await,
            None => self.within(PORT_ANSWER_MS, runner.fetch(request, Some(client))).await,
        };
        let response = match response {
            Ok(response) if response.status() == 101 => response,
            response => self.check(response).await?,
        };
        let lost = || HostError::Lost("The answer of a program has no head.".to_owned());
        let head = response.header(PORT_HEAD).and_then(|head| serde_json::from_str(&head).ok()).ok_or_else(lost)?;
        if response.status() == 101 {
            let socket = response.into_socket().ok_or_else(lost)?;
            return Ok(PortAnswer { head, body: PortBody::Socket(socket) });
        }
        Ok(PortAnswer { head, body: PortBody::Stream(chunks(response)?) })
    }

    async fn terminal(&self, session: &str, job: &TerminalJob) -> Result<Upgrade, HostError> {
        let path = terminal_path(self.id.as_str(), session);
        let job = ascii_json(job);
        let headers = [(TERMINAL_JOB, job.as_str()), ("upgrade", "websocket")];
        let request = RunnerRequest { method: "GET", path: &path, headers: &headers, body: None };
        let runner = self.runner().await?;
        let response = match self.within(ANSWER_MS, runner.fetch(request, None)).await {
            Ok(response) if response.status() == 101 => response,
            response => self.check(response).await?,
        };
        response.into_socket().ok_or_else(|| HostError::Lost("The runner opened no terminal.".to_owned()))
    }

    async fn files(&self, request: &FileRequest) -> Result<FileResponse, HostError> {
        let response = self.send("POST", &files_path(self.id.as_str()), Some(request)).await?;
        read_json(&response).await
    }

    async fn read(&self, path: &str, range: Option<&str>) -> Result<Content, HostError> {
        let path = self.content(path);
        let headers: Vec<_> = range.map(|range| ("range", range)).into_iter().collect();
        let request = RunnerRequest { method: "GET", path: &path, headers: &headers, body: None };
        let runner = self.runner().await?;
        let response = self.within(ANSWER_MS, runner.fetch(request, None)).await;
        let response = self.check(response).await?;
        let head = ContentHead {
            status: response.status(),
            range: response.header("content-range"),
            length: response.header("content-length").and_then(|text| text.parse().ok()),
        };
        Ok(Content { head, body: chunks(response)? })
    }

    async fn write(&self, path: &str, content: ByteStream) -> Result<FileResponse, HostError> {
        let response = self.upload("PUT", &self.content(path), content).await?;
        read_json(&response).await
    }

    async fn check_out(&self, job: &CheckoutJob) -> Result<CheckedOut, HostError> {
        let (path, body) = (checkout_path(self.id.as_str()), encode::<H>(job));
        let request = RunnerRequest { method: "POST", path: &path, headers: &[JSON], body: Some(&body) };
        let runner = self.runner().await?;
        let response = self.within(CHECKOUT_MS, runner.fetch(request, None)).await;
        read_json(&self.check(response).await?).await
    }

    async fn export(&self, path: &str) -> Result<ByteStream, HostError> {
        let path = at_path(directory_path(self.id.as_str()), path);
        let request = RunnerRequest { method: "GET", path: &path, headers: &[], body: None };
        let runner = self.runner().await?;
        let response = self.within(ANSWER_MS, runner.fetch(request, None)).await;
        chunks(self.check(response).await?)
    }

    async fn import(&self, path: &str, archive: ByteStream) -> Result<FileResponse, HostError> {
        let path = at_path(directory_path(self.id.as_str()), path);
        read_json(&self.upload("PUT", &path, archive).await?).await
    }

    async fn save_tree(&self, base: ByteStream, number: u64) -> Result<ByteStream, HostError> {
        chunks(self.upload("POST", &save_path(self.id.as_str(), number), base).await?)
    }

    async fn restore_tree(&self, frames: ByteStream) -> Result<(), HostError> {
        self.send_tree("PUT", frames).await
    }

    async fn patch_tree(&self, frames: ByteStream) -> Result<(), HostError> {
        self.send_tree("PATCH", frames).await
    }
}

/// No body.
const NOTHING: Option<&()> = None;

impl<H: RunnerHttp<Response: EventStream>> RunnerHost<H> {
    async fn runner(&self) -> Result<Runner<H>, HostError> {
        self.target.runner().await.map_err(|failure: PoolFailure| HostError::Unavailable(failure.message))
    }

    async fn send(&self, method: &str, path: &str, body: Option<&impl Serialize>) -> Result<H::Response, HostError> {
        let body = body.map(encode::<H>);
        let headers: &[(&str, &str)] = if body.is_some() { &[JSON] } else { &[] };
        let runner = self.runner().await?;
        let request = RunnerRequest { method, path, headers, body: body.as_ref() };
        let response = self.within(ANSWER_MS, runner.fetch(request, None)).await;
        self.check(response).await
    }

    async fn send_tree(&self, method: &str, frames: ByteStream) -> Result<(), HostError> {
        drain(&self.upload(method, &tree_path(self.id.as_str()), frames).await?).await;
        Ok(())
    }

    async fn upload(&self, method: &str, path: &str, body: ByteStream) -> Result<H::Response, HostError> {
        let runner = self.runner().await?;
        let request = RunnerRequest { method, path, headers: &[BYTES], body: None };
        let response = self.within(UPLOAD_MS, runner.upload(request, body, None)).await;
        self.check(response).await
    }

    /// The response, unless it takes too long: a runner that is stuck must not hold up the sandbox for ever.
    async fn within(
        &self,
        patience_ms: u32,
        response: impl Future<Output = Result<H::Response, RunnerError>>,
    ) -> Result<H::Response, RunnerError> {
        match select(pin!(response), self.clock.sleep(patience_ms)).await {
            Either::Left((response, _)) => response,
            Either::Right(_) => Err(RunnerError::Lost("The runner did not answer in time.".to_owned())),
        }
    }

    /// The response if the runner has done what the request asks for.
    async fn check(&self, response: Result<H::Response, RunnerError>) -> Result<H::Response, HostError> {
        let response = match response {
            Ok(response) => response,
            Err(RunnerError::NotDelivered(why)) => return Err(self.gone(why).await),
            Err(RunnerError::Lost(why)) => return Err(HostError::Lost(why)),
            Err(RunnerError::Mismatch(why)) => return Err(HostError::Unavailable(why)),
            Err(RunnerError::Refused(refusal)) => return Err(HostError::Unavailable(refusal.message)),
        };
        let status = response.status();
        // 416 says that the range is none of the file.
        if matches!(status, 200..=299 | 416) {
            return Ok(response);
        }
        let speaks = response.header(PROTOCOL).unwrap_or_default();
        let body = response.bytes().await.unwrap_or_default();
        if status == 422 {
            if let Ok(error) = serde_json::from_slice::<ProcessError>(&body) {
                return Err(HostError::Process(error));
            }
            if let Ok(refused) = serde_json::from_slice::<CheckoutRefused>(&body) {
                return Err(HostError::Checkout(refused));
            }
            if let Ok(error) = serde_json::from_slice::<PortFailure>(&body) {
                return Err(HostError::Port(error));
            }
            let unreadable = || HostError::Unavailable("The runner gave an unreadable error.".to_owned());
            return Err(serde_json::from_slice::<FileError>(&body).map_or_else(|_| unreadable(), HostError::File));
        }
        Err(match serde_json::from_slice::<Refusal>(&body) {
            Ok(Refusal { code: RefusalCode::UnknownSandbox, .. }) => HostError::Unknown,
            Ok(Refusal { code: RefusalCode::UnknownContext, .. }) => HostError::NoContext,
            Ok(Refusal { code: RefusalCode::TooManyContexts, .. }) => HostError::TooManyContexts,
            Ok(Refusal { code: RefusalCode::OtherInstance | RefusalCode::Stopping, message }) => {
                self.gone(message).await
            }
            Ok(refusal) => HostError::Unavailable(format!("The runner refused: {}", refusal.message)),
            // The connection broke while the answer came.
            Err(_) if body.is_empty() => HostError::Lost(format!("The answer of the runner, {status}, broke off.")),
            Err(_) => HostError::Unavailable(format!(
                "The runner of protocol {speaks:?}, which should be {VERSION}, answered {status}."
            )),
        })
    }

    /// What it means that the runner is gone. A container that has ended is replaced, and with it the sandbox; the runner at
    /// `SANDBOX_URL` may come back.
    async fn gone(&self, why: String) -> HostError {
        if let RunTarget::Container(instance) = &self.target {
            instance.destroy().await;
            return HostError::Unknown;
        }
        HostError::Unavailable(PoolFailureCode::Unavailable.with_message(why).message)
    }

    fn content(&self, path: &str) -> String {
        at_path(content_path(self.id.as_str()), path)
    }
}

fn encode<H: RunnerHttp>(value: &impl Serialize) -> H::Body {
    H::body(&serde_json::to_vec(value).expect("requests are plain data with string keys, which always encodes"))
}

/// Reads the rest of a response: an unread body would block the next request on its connection.
async fn drain(response: &impl RunnerResponse) {
    let _ = response.bytes().await;
}

async fn read_json<T: DeserializeOwned>(response: &impl RunnerResponse) -> Result<T, HostError> {
    let body = response.bytes().await.map_err(|error| HostError::Lost(error.0))?;
    serde_json::from_slice(&body).map_err(|error| HostError::Lost(format!("A response is unreadable: {error}")))
}

fn chunks(response: impl EventStream) -> Result<ByteStream, HostError> {
    response.chunks().map_err(|PortError(why)| HostError::Lost(why))
}
