//! The stub that calls Sandbox objects.

use crate::domain::input::page::Page;
use crate::domain::sandbox::id::SandboxId;
use crate::objects::call::{self, Answer, CallError};
use crate::objects::sandbox::call::{Action, SandboxCall, Told, object_of_sandbox};
use crate::platform::client_signal::EndOnDrop;
use crate::platform::fetch;
use crate::ports::PortError;
use crate::ports::contexts::{CellCall, ContextAction};
use crate::ports::http_messages::Upgrade;
use crate::ports::previews::{PortAnswer, PortBody, PortsAnswer, PortsRequest, PreviewCall, TerminalCall};
use crate::ports::sandboxes::{
    ByteStream, ConfigChange, Content, EnvRequest, ExecutionRecord, Given, SandboxConfig, SandboxOf, SandboxRefusal,
    SandboxReport, Sandboxes, SessionRecord, SessionRequest,
};
use crate::ports::snapshots::{SnapshotRequest, SnapshotResponse};
use async_trait::async_trait;
use docle_protocol::context::ContextState;
use docle_protocol::sandbox::checkout::{CheckedOut, CheckoutJob};
use docle_protocol::sandbox::process::{ProcessRequest, ProcessResponse, ProcessWatch};
use docle_protocol::sandbox::{ExecJob, FileRequest, FileResponse};
use futures::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::rc::Rc;
use worker::ObjectNamespace;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;
use worker::worker_sys::web_sys::AbortSignal;

/// [`Sandboxes`] by calling Sandbox objects.
pub struct SandboxStub {
    pub namespace: Rc<ObjectNamespace>,
    /// Aborted when the client of this request leaves.
    pub client_left: AbortSignal,
}

impl SandboxStub {
    async fn call(
        &self,
        sandbox: &SandboxOf,
        action: Action,
        body: Option<&JsValue>,
        signal: Option<&AbortSignal>,
    ) -> Result<Answer, SandboxRefusal> {
        let call = SandboxCall { project_id: sandbox.project_id.clone(), action };
        let answer = call::call(&self.namespace, &object_of_sandbox(&sandbox.id), &call, body, signal).await;
        answer.map_err(|error| match error {
            CallError::Refused(refusal) => refusal,
            CallError::Lost(why) if call_may_be_done(&call) => SandboxRefusal::Interrupted(why),
            CallError::Lost(why) => SandboxRefusal::Unavailable(why),
        })
    }

    /// A stream of events, which ends with the client's connection.
    async fn events(
        &self,
        sandbox: &SandboxOf,
        action: Action,
        body: &JsValue,
    ) -> Result<Given<ByteStream>, SandboxRefusal> {
        let end = EndOnDrop::new(&self.client_left).map_err(|error| failed(&error))?;
        let answer = self.call(sandbox, action, Some(body), Some(&end.signal)).await?;
        let Told { restored_from, .. } = told(&answer)?;
        let events = chunks(&answer)?.map(move |chunk| {
            let _ = &end;
            chunk
        });
        Ok(Given { value: events.boxed_local(), restored_from })
    }

    async fn send(&self, sandbox: &SandboxOf, action: Action, body: &impl Serialize) -> Result<Answer, SandboxRefusal> {
        self.call(sandbox, action, Some(&encode(body)?), None).await
    }
}

fn call_may_be_done(call: &SandboxCall) -> bool {
    use crate::objects::call::ObjectCall;
    !call.may_repeat()
}

#[async_trait(?Send)]
impl Sandboxes for SandboxStub {
    async fn open(&self, sandbox: &SandboxOf, config: &SandboxConfig) -> Result<(), SandboxRefusal> {
        self.send(sandbox, Action::Open, config).await.map(drop)
    }

    async fn configure(&self, sandbox: &SandboxOf, change: &ConfigChange) -> Result<(), SandboxRefusal> {
        self.send(sandbox, Action::Configure, change).await.map(drop)
    }

    async fn env(&self, sandbox: &SandboxOf, request: &EnvRequest) -> Result<Vec<String>, SandboxRefusal> {
        read(&self.send(sandbox, Action::Env, request).await?).await
    }

    async fn report(&self, sandbox: &SandboxOf) -> Result<SandboxReport, SandboxRefusal> {
        read(&self.call(sandbox, Action::Report, None, None).await?).await
    }

    async fn exec(
        &self,
        sandbox: &SandboxOf,
        job: &ExecJob,
        file_path: Option<&str>,
    ) -> Result<Given<ByteStream>, SandboxRefusal> {
        self.events(sandbox, Action::Exec { file_path: file_path.map(str::to_owned) }, &encode(job)?).await
    }

    async fn contexts(
        &self,
        sandbox: &SandboxOf,
        action: &ContextAction,
    ) -> Result<Given<Vec<ContextState>>, SandboxRefusal> {
        given(&self.send(sandbox, Action::Contexts, action).await?).await
    }

    async fn run_cell(&self, sandbox: &SandboxOf, call: &CellCall) -> Result<Given<ByteStream>, SandboxRefusal> {
        self.events(sandbox, Action::Cell, &encode(call)?).await
    }

    async fn processes(
        &self,
        sandbox: &SandboxOf,
        request: &ProcessRequest,
    ) -> Result<Given<ProcessResponse>, SandboxRefusal> {
        let may_repeat = matches!(
            request,
            ProcessRequest::List
                | ProcessRequest::Get { .. }
                | ProcessRequest::Kill { forget: false, .. }
                | ProcessRequest::KillAll
        );
        given(&self.send(sandbox, Action::Processes { may_repeat }, request).await?).await
    }

    async fn sessions(
        &self,
        sandbox: &SandboxOf,
        request: &SessionRequest,
    ) -> Result<Vec<SessionRecord>, SandboxRefusal> {
        read(&self.send(sandbox, Action::Sessions, request).await?).await
    }

    async fn watch(&self, sandbox: &SandboxOf, watch: &ProcessWatch) -> Result<ByteStream, SandboxRefusal> {
        let end = EndOnDrop::new(&self.client_left).map_err(|error| failed(&error))?;
        let answer = self.call(sandbox, Action::Watch, Some(&encode(watch)?), Some(&end.signal)).await?;
        let events = chunks(&answer)?.map(move |chunk| {
            let _ = &end;
            chunk
        });
        Ok(events.boxed_local())
    }

    async fn executions(&self, sandbox: &SandboxOf, page: &Page) -> Result<Vec<ExecutionRecord>, SandboxRefusal> {
        read(&self.call(sandbox, Action::Executions(page.clone()), None, None).await?).await
    }

    async fn ports(&self, sandbox: &SandboxOf, request: &PortsRequest) -> Result<PortsAnswer, SandboxRefusal> {
        read(&self.send(sandbox, Action::Ports, request).await?).await
    }

    async fn preview(
        &self,
        id: &SandboxId,
        call: &PreviewCall,
        body: Option<ByteStream>,
    ) -> Result<PortAnswer, SandboxRefusal> {
        // The project has no part in it.
        let sandbox = SandboxOf { project_id: String::new(), id: id.clone() };
        let end = EndOnDrop::new(&self.client_left).map_err(|error| failed(&error))?;
        let body = body.map(fetch::stream_body);
        // The two ends of a WebSocket learn of each other's end by it.
        let signal = (!call.is_socket).then_some(&end.signal);
        let answer = self.call(&sandbox, Action::Preview(call.clone()), body.as_ref(), signal).await?;
        let head = answer.value().map_err(|error| SandboxRefusal::Unavailable(error.to_string()))?;
        let head = head.ok_or_else(|| SandboxRefusal::Unavailable("An answer of a program has no head.".to_owned()))?;
        if answer.0.status() == 101 {
            let socket = worker::Response::from(answer.0).websocket();
            let socket = socket.ok_or_else(|| SandboxRefusal::Unavailable("A WebSocket is none.".to_owned()))?;
            return Ok(PortAnswer { head, body: PortBody::Socket(Upgrade(Box::new(socket))) });
        }
        let chunks = chunks(&answer)?.map(move |chunk| {
            let _ = &end;
            chunk
        });
        Ok(PortAnswer { head, body: PortBody::Stream(chunks.boxed_local()) })
    }

    async fn terminal(&self, sandbox: &SandboxOf, call: &TerminalCall) -> Result<Upgrade, SandboxRefusal> {
        let answer = self.call(sandbox, Action::Terminal(call.clone()), None, None).await?;
        let socket = worker::Response::from(answer.0).websocket();
        let socket = socket.ok_or_else(|| SandboxRefusal::Unavailable("A terminal is no WebSocket.".to_owned()))?;
        Ok(Upgrade(Box::new(socket)))
    }

    async fn files(&self, sandbox: &SandboxOf, request: &FileRequest) -> Result<Given<FileResponse>, SandboxRefusal> {
        given(&self.call(sandbox, Action::Files(request.clone()), None, None).await?).await
    }

    async fn read(
        &self,
        sandbox: &SandboxOf,
        path: &str,
        range: Option<&str>,
    ) -> Result<Given<Content>, SandboxRefusal> {
        let action = Action::Read { path: path.to_owned(), range: range.map(str::to_owned) };
        let answer = self.call(sandbox, action, None, None).await?;
        let Told { restored_from, head } = told(&answer)?;
        let head = head.ok_or_else(|| SandboxRefusal::Unavailable("A content has no head.".to_owned()))?;
        Ok(Given { value: Content { head, body: chunks(&answer)? }, restored_from })
    }

    async fn write(
        &self,
        sandbox: &SandboxOf,
        path: &str,
        content: ByteStream,
    ) -> Result<Given<FileResponse>, SandboxRefusal> {
        let body = fetch::stream_body(content);
        let answer = self.call(sandbox, Action::Write { path: path.to_owned() }, Some(&body), None).await?;
        given(&answer).await
    }

    async fn check_out(&self, sandbox: &SandboxOf, job: &CheckoutJob) -> Result<Given<CheckedOut>, SandboxRefusal> {
        given(&self.send(sandbox, Action::CheckOut, job).await?).await
    }

    async fn export(&self, sandbox: &SandboxOf, path: &str) -> Result<Given<ByteStream>, SandboxRefusal> {
        let answer = self.call(sandbox, Action::Export { path: path.to_owned() }, None, None).await?;
        let Told { restored_from, .. } = told(&answer)?;
        Ok(Given { value: chunks(&answer)?, restored_from })
    }

    async fn import(
        &self,
        sandbox: &SandboxOf,
        path: &str,
        archive: ByteStream,
    ) -> Result<Given<FileResponse>, SandboxRefusal> {
        let body = fetch::stream_body(archive);
        let answer = self.call(sandbox, Action::Import { path: path.to_owned() }, Some(&body), None).await?;
        given(&answer).await
    }

    async fn export_snapshot(&self, sandbox: &SandboxOf, id: &str) -> Result<ByteStream, SandboxRefusal> {
        chunks(&self.call(sandbox, Action::ExportSnapshot { id: id.to_owned() }, None, None).await?)
    }

    async fn snapshots(
        &self,
        sandbox: &SandboxOf,
        request: &SnapshotRequest,
    ) -> Result<SnapshotResponse, SandboxRefusal> {
        read(&self.call(sandbox, Action::Snapshots, Some(&encode(request)?), None).await?).await
    }

    async fn sleep(&self, sandbox: &SandboxOf) -> Result<(), SandboxRefusal> {
        self.call(sandbox, Action::Sleep, None, None).await.map(drop)
    }

    async fn wake(&self, sandbox: &SandboxOf) -> Result<(), SandboxRefusal> {
        self.call(sandbox, Action::Wake, None, None).await.map(drop)
    }

    async fn delete(&self, sandbox: &SandboxOf) -> Result<(), SandboxRefusal> {
        self.call(sandbox, Action::Delete, None, None).await.map(drop)
    }
}

fn encode(value: &impl Serialize) -> Result<JsValue, SandboxRefusal> {
    let json = serde_json::to_vec(value).map_err(|error| SandboxRefusal::Unavailable(error.to_string()))?;
    Ok(Uint8Array::from(json.as_slice()).into())
}

fn told(answer: &Answer) -> Result<Told, SandboxRefusal> {
    let told = answer.value().map_err(|error| SandboxRefusal::Unavailable(error.to_string()))?;
    told.ok_or_else(|| SandboxRefusal::Unavailable("A sandbox answered without a value.".to_owned()))
}

async fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, SandboxRefusal> {
    let body = fetch::bytes(&answer.0).await.map_err(|error| failed(&error))?;
    serde_json::from_slice(&body).map_err(|error| SandboxRefusal::Unavailable(error.to_string()))
}

async fn given<T: DeserializeOwned>(answer: &Answer) -> Result<Given<T>, SandboxRefusal> {
    let Told { restored_from, .. } = told(answer)?;
    Ok(Given { value: read(answer).await?, restored_from })
}

fn chunks(answer: &Answer) -> Result<ByteStream, SandboxRefusal> {
    let chunks = fetch::chunks(&answer.0).map_err(|error| failed(&error))?;
    Ok(chunks.map(|chunk| chunk.map_err(|error| PortError(fetch::first_line(&error)))).boxed_local())
}

fn failed(error: &worker::Error) -> SandboxRefusal {
    SandboxRefusal::Unavailable(fetch::first_line(error))
}
