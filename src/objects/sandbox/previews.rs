//! Visitors of the ports that a sandbox exposes. A request keeps the sandbox awake until its answer has ended; a WebSocket only does
//! so by its messages, because pages that a user has left open keep theirs for ever.

use crate::domain::sandbox::port::opens;
use crate::domain::sandbox::preview_headers::with_localhost;
use crate::objects::sandbox::bridge::bridge;
use crate::objects::sandbox::logic::{SandboxLogic, refusal};
use crate::objects::sandbox::ports::find;
use crate::objects::sandbox::processes::{WAITING_CHUNKS, pass_on};
use crate::objects::sandbox::storage::Stored;
use crate::ports::ClientSignal;
use crate::ports::previews::{PortAnswer, PortBody, PortRefusal, PreviewCall};
use crate::ports::sandboxes::{ByteStream, HostError, SandboxRefusal};
use docle_api::sandbox_ports::HostHeader;
use docle_api::sandboxes::SandboxStatus;
use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The variable by which a dev server of Vite takes further hosts for its own.
const VITE_HOSTS: &str = "__VITE_ADDITIONAL_SERVER_ALLOWED_HOSTS";

impl SandboxLogic {
    /// Sends the request of a visitor to what listens on a port. One of a sandbox that sleeps starts it, and is to come again.
    ///
    /// # Errors
    /// As in [`SandboxRefusal`]; `NotFound` says nothing about whether there is such a sandbox or such a port.
    pub async fn preview(
        self: &Rc<Self>,
        mut call: PreviewCall,
        body: Option<ByteStream>,
        client: ClientSignal,
    ) -> Result<PortAnswer, SandboxRefusal> {
        let stored = self.stored()?.filter(|stored| stored.status != SandboxStatus::Deleting);
        let stored = stored.ok_or(SandboxRefusal::NotFound)?;
        let exposed = find(&*self.runtime.storage, call.port)?;
        let exposed = exposed.filter(|port| opens(port.token.as_deref(), call.token.as_deref()));
        let exposed = exposed.ok_or(SandboxRefusal::NotFound)?;
        if stored.status != SandboxStatus::Running {
            return Err(self.start_for_visitor(&stored, &call));
        }
        if exposed.host_header == HostHeader::Localhost {
            with_localhost(&mut call.request.headers, call.port);
        }
        let entered = self.begin_use();
        if stored.unsaved_since.is_none() && !matches!(call.request.method.as_str(), "GET" | "HEAD" | "OPTIONS") {
            self.files_change()?;
        }
        let answer = match self.ports.host.port(&call, body, &client).await {
            Err(HostError::Unknown) => {
                self.lost(entered.start)?;
                return Err(self.start_for_visitor(&stored, &call));
            }
            answer => answer.map_err(refusal)?,
        };
        let body = match answer.body {
            PortBody::Socket(socket) => {
                let program = self.ports.sockets.accept(socket)?;
                let (upgrade, visitor) = self.ports.sockets.pair()?;
                let own = Rc::clone(self);
                self.runtime.background.spawn(Box::pin(async move {
                    bridge(&*own.runtime.clock, visitor, program, || own.note_use()).await;
                }));
                PortBody::Socket(upgrade)
            }
            PortBody::Stream(chunks) => {
                let (leave, left) = oneshot::channel();
                client.on_leave(move || {
                    // Nobody waits for it when the answer has ended.
                    let _ = leave.send(());
                });
                let (sender, receiver) = mpsc::channel(WAITING_CHUNKS);
                self.runtime.background.spawn(Box::pin(async move {
                    pass_on(chunks, sender, left).await;
                    // The sandbox does not sleep while the answer is on its way.
                    drop(entered);
                }));
                PortBody::Stream(receiver.boxed_local())
            }
        };
        Ok(PortAnswer { head: answer.head, body })
    }

    /// Starts the sandbox unless a visitor has had it started already, or asks for a WebSocket: pages that were left open ask for one
    /// again and again. Nothing of a suspended account is started.
    fn start_for_visitor(self: &Rc<Self>, stored: &Stored, call: &PreviewCall) -> SandboxRefusal {
        if !call.is_socket && !self.memory.borrow().is_starting {
            self.memory.borrow_mut().is_starting = true;
            let (own, project_id) = (Rc::clone(self), stored.sandbox.project_id.clone());
            self.runtime.background.spawn(Box::pin(async move {
                let started = match own.ports.directory.is_suspended(&project_id).await {
                    Ok(true) => Ok(()),
                    Ok(false) => own.enter(&project_id).await.map(drop),
                    Err(error) => Err(error.into()),
                };
                own.memory.borrow_mut().is_starting = false;
                if let Err(refusal) = started {
                    own.runtime.log_failure("A sandbox was not started for a visitor.", &format!("{refusal:?}"));
                }
            }));
        }
        SandboxRefusal::Port(PortRefusal::Starting)
    }

    /// The variables of its commands.
    pub(super) fn env_of(&self, stored: &Stored) -> BTreeMap<String, String> {
        let mut env = stored.config.env.clone();
        if let Some(host) = &self.ports.preview_host {
            let name = host.split(':').next().unwrap_or_default();
            env.entry(VITE_HOSTS.to_owned()).or_insert_with(|| format!(".{name}"));
        }
        env
    }
}
