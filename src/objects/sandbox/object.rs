//! The Sandbox object: one per sandbox. The shell around [`SandboxLogic`].

use crate::bindings;
use crate::domain::sandbox::id::SandboxId;
use crate::objects::call::{self, Incoming};
use crate::objects::container::target::RunTarget;
use crate::objects::runtime::ObjectRuntime;
use crate::objects::sandbox::call::{Action, SandboxCall, Told, sandbox_of_object};
use crate::objects::sandbox::host::RunnerHost;
use crate::objects::sandbox::logic::{SandboxLogic, SandboxPorts};
use crate::objects::sandbox::storage;
use crate::platform::client_signal;
use crate::platform::runner::RunnerFetch;
use crate::platform::socket::{self, RuntimeSockets};
use crate::ports::PortError;
use crate::ports::previews::PortBody;
use crate::ports::sandboxes::{Given, SandboxOf, SandboxRefusal};
use futures::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::OnceCell;
use std::rc::Rc;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object, wasm_bindgen};

type Answer<T = Result<Response>> = std::result::Result<T, SandboxRefusal>;

/// One per sandbox; [`SandboxLogic`] says what it does.
#[durable_object(alarm)]
pub struct Sandbox {
    env: Env,
    runtime: ObjectRuntime,
    target: RunTarget<RunnerFetch>,
    /// Made by the first call or alarm that names the sandbox.
    logic: OnceCell<Rc<SandboxLogic>>,
}

impl DurableObject for Sandbox {
    fn new(state: State, env: Env) -> Self {
        let runtime = bindings::object_runtime(&state);
        let target = bindings::sandbox_target(&env, &state, &runtime);
        Self { env, runtime, target, logic: OnceCell::new() }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let Incoming { object, call } = call::receive::<SandboxCall>(&request)?;
        let id = sandbox_of_object(&object).ok_or("This object is not named after a sandbox.")?;
        match self.logic(&id) {
            Ok(logic) => self.answer(logic, id, call, request).await.unwrap_or_else(|refusal| self.refuse(&refusal)),
            Err(error) => self.refuse(&SandboxRefusal::Unavailable(error.0)),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        let stored = storage::load(&*self.runtime.storage).map_err(|error| error.0)?;
        if let Some(stored) = stored {
            let logic = self.logic(&stored.sandbox.id).map_err(|error| error.0)?;
            logic.alarm().await.map_err(|error| error.0)?;
        }
        Response::empty()
    }
}

impl Sandbox {
    fn logic(&self, id: &SandboxId) -> std::result::Result<&Rc<SandboxLogic>, PortError> {
        if self.logic.get().is_none() {
            let host = Rc::new(RunnerHost {
                target: self.target.clone(),
                id: id.clone(),
                clock: Rc::clone(&self.runtime.clock),
            });
            let ports = bindings::sandbox_ports(&self.env).map_err(PortError)?;
            let bindings::SandboxBindings { disk, directory, fleet, preview_host } = ports;
            let ports = SandboxPorts { host, disk, directory, fleet, sockets: Rc::new(RuntimeSockets), preview_host };
            return Ok(self.logic.get_or_init(|| SandboxLogic::new(self.runtime.clone(), ports)));
        }
        self.logic.get().ok_or_else(|| PortError("The sandbox has no logic.".to_owned()))
    }

    fn refuse(&self, refusal: &SandboxRefusal) -> Result<Response> {
        match refusal {
            SandboxRefusal::Unavailable(why) | SandboxRefusal::Interrupted(why) => {
                self.runtime.log_failure("A sandbox could not answer.", why);
            }
            _ => {}
        }
        call::refuse(refusal)
    }

    async fn answer(
        &self,
        logic: &Rc<SandboxLogic>,
        id: SandboxId,
        SandboxCall { project_id, action }: SandboxCall,
        mut request: Request,
    ) -> Answer {
        let project = project_id.as_str();
        Ok(match action {
            Action::Open => {
                let config = body(&mut request).await?;
                let sandbox = SandboxOf { project_id: project_id.clone(), id };
                logic.open(sandbox, config).await?;
                call::answer(&())
            }
            Action::Configure => {
                logic.configure(project, body(&mut request).await?).await?;
                call::answer(&())
            }
            Action::Env => {
                let env_request = body(&mut request).await?;
                Response::from_json(&logic.env(project, env_request).await?)
            }
            Action::Report => Response::from_json(&logic.report(project)?),
            Action::Exec { file_path } => {
                let client = client_signal::of(&request.inner().signal());
                let job = body(&mut request).await?;
                let Given { value, restored_from } = logic.exec(project, job, file_path, client).await?;
                let events = value.map(|chunk| chunk.map_err(|error| error.0.into()));
                call::answer_with_stream(&Told { restored_from, head: None }, events)
            }
            Action::Contexts => with_json(logic.contexts(project, &body(&mut request).await?).await?),
            Action::Cell => {
                let client = client_signal::of(&request.inner().signal());
                let cell = body(&mut request).await?;
                let Given { value, restored_from } = logic.run_cell(project, cell, client).await?;
                let events = value.map(|chunk| chunk.map_err(|error| error.0.into()));
                call::answer_with_stream(&Told { restored_from, head: None }, events)
            }
            Action::Executions(page) => Response::from_json(&logic.executions(project, &page)?),
            Action::Processes { .. } => {
                let process_request = body(&mut request).await?;
                with_json(logic.processes(project, &process_request).await?)
            }
            Action::Sessions => {
                let session_request = body(&mut request).await?;
                Response::from_json(&logic.sessions(project, &session_request).await?)
            }
            Action::Ports => {
                let ports_request = body(&mut request).await?;
                Response::from_json(&logic.ports(project, &ports_request)?)
            }
            Action::Preview(preview) => {
                let client = client_signal::of(&request.inner().signal());
                let content = match preview.request.has_body {
                    true => Some(request.stream().map_err(|error| failed(&error))?),
                    false => None,
                };
                let content =
                    content.map(|content| content.map(|chunk| chunk.map_err(|error| PortError(error.to_string()))));
                let answer = logic.preview(preview, content.map(StreamExt::boxed_local), client).await?;
                match answer.body {
                    PortBody::Stream(chunks) => {
                        let chunks = chunks.map(|chunk| chunk.map_err(|error| error.0.into()));
                        call::answer_with_stream(&answer.head, chunks)
                    }
                    PortBody::Socket(socket) => call::answer_with_socket(&answer.head, socket::raw(socket)?),
                }
            }
            Action::Terminal(call) => {
                let socket = logic.terminal(project, &call).await?;
                call::answer_with_socket(&(), socket::raw(socket)?)
            }
            Action::Watch => {
                let client = client_signal::of(&request.inner().signal());
                let watch = body(&mut request).await?;
                let events = logic.watch(project, &watch, client).await?;
                let events = events.map(|chunk| chunk.map_err(|error| error.0.into()));
                call::answer_with_stream(&Told { restored_from: None, head: None }, events)
            }
            Action::Files(file_request) => with_json(logic.files(project, &file_request).await?),
            Action::Read { path, range } => {
                let Given { value, restored_from } = logic.read(project, &path, range.as_deref()).await?;
                let content = value.body.map(|chunk| chunk.map_err(|error| error.0.into()));
                call::answer_with_stream(&Told { restored_from, head: Some(value.head) }, content)
            }
            Action::Write { path } => {
                let content = request.stream().map_err(|error| failed(&error))?;
                let content = content.map(|chunk| chunk.map_err(|error| PortError(error.to_string())));
                with_json(logic.write(project, &path, content.boxed_local()).await?)
            }
            Action::CheckOut => with_json(logic.check_out(project, &body(&mut request).await?).await?),
            Action::Export { path } => {
                let Given { value, restored_from } = logic.export(project, &path).await?;
                let archive = value.map(|chunk| chunk.map_err(|error| error.0.into()));
                call::answer_with_stream(&Told { restored_from, head: None }, archive)
            }
            Action::Import { path } => {
                let archive = request.stream().map_err(|error| failed(&error))?;
                let archive = archive.map(|chunk| chunk.map_err(|error| PortError(error.to_string())));
                with_json(logic.import(project, &path, archive.boxed_local()).await?)
            }
            Action::ExportSnapshot { id } => {
                let archive = logic.export_snapshot(project, &id).await?;
                let archive = archive.map(|chunk| chunk.map_err(|error| error.0.into()));
                call::answer_with_stream(&Told { restored_from: None, head: None }, archive)
            }
            Action::Snapshots => {
                let snapshot_request = body(&mut request).await?;
                let sandbox = SandboxOf { project_id: project_id.clone(), id };
                Response::from_json(&logic.snapshots(&sandbox, snapshot_request).await?)
            }
            Action::Sleep => {
                logic.sleep(project).await?;
                call::answer(&())
            }
            Action::Wake => {
                logic.start_now(project).await?;
                call::answer(&())
            }
            Action::Delete => {
                logic.delete(&SandboxOf { project_id: project_id.clone(), id }).await?;
                call::answer(&())
            }
        })
    }
}

fn with_json<T: Serialize>(given: Given<T>) -> Result<Response> {
    let body = serde_json::to_vec(&given.value)?;
    call::answer_with_body(&Told { restored_from: given.restored_from, head: None }, body)
}

async fn body<T: DeserializeOwned>(request: &mut Request) -> Answer<T> {
    let text = request.text().await.map_err(|error| failed(&error))?;
    serde_json::from_str(&text).map_err(|error| SandboxRefusal::Unavailable(format!("A body is unreadable: {error}")))
}

fn failed(error: &worker::Error) -> SandboxRefusal {
    SandboxRefusal::Unavailable(error.to_string())
}
