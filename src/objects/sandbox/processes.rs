//! Processes in the background of a sandbox. The runner keeps them and their output; nothing of them is stored here, so that
//! an object that was reset finds them as they are.
//!
//! Only a start wakes a sandbox: one that sleeps has no processes. A process does not keep a sandbox awake, but a call that
//! reads its output or waits for it does.

use crate::objects::sandbox::logic::{SandboxLogic, Use, refusal};
use crate::ports::ClientSignal;
use crate::ports::sandboxes::{ByteStream, Given, HostError, SandboxRefusal};
use docle_api::sandboxes::SandboxStatus;
use docle_protocol::sandbox::process::{ProcessError, ProcessErrorCode, ProcessRequest, ProcessResponse, ProcessWatch};
use futures::channel::{mpsc, oneshot};
use futures::future::{Either, select};
use futures::{SinkExt, StreamExt};
use std::rc::Rc;

/// Chunks that wait for a client. What is read from the runner waits when there are more; no process does.
pub(super) const WAITING_CHUNKS: usize = 4;

impl SandboxLogic {
    /// Carries out a request about processes.
    ///
    /// # Errors
    /// Nothing was done, unless it is [`SandboxRefusal::Interrupted`].
    pub async fn processes(
        self: &Rc<Self>,
        project_id: &str,
        request: &ProcessRequest,
    ) -> Result<Given<ProcessResponse>, SandboxRefusal> {
        if matches!(request, ProcessRequest::Start { .. }) {
            let mut entered = self.enter(project_id).await?;
            self.files_change()?;
            return self.on_machine(&mut entered, async |host| host.processes(request).await).await;
        }
        let without_machine = || match request {
            ProcessRequest::List | ProcessRequest::KillAll => Ok(ProcessResponse::Processes { processes: Vec::new() }),
            _ => Err(unknown()),
        };
        let value = match self.enter_awake(project_id)? {
            None => without_machine()?,
            Some(entered) => match self.ports.host.processes(request).await {
                Err(HostError::Unknown) => {
                    self.lost(entered.start)?;
                    without_machine()?
                }
                result => result.map_err(refusal)?,
            },
        };
        Ok(Given { value, restored_from: None })
    }

    /// Reads the events of a process: a stream of `ProcessEvent` lines, until `client` leaves.
    ///
    /// # Errors
    /// As in [`SandboxRefusal`].
    pub async fn watch(
        self: &Rc<Self>,
        project_id: &str,
        watch: &ProcessWatch,
        client: ClientSignal,
    ) -> Result<ByteStream, SandboxRefusal> {
        let entered = self.enter_awake(project_id)?.ok_or_else(unknown)?;
        let events = match self.ports.host.watch(watch, &client).await {
            Err(HostError::Unknown) => {
                self.lost(entered.start)?;
                return Err(unknown());
            }
            events => events.map_err(refusal)?,
        };
        let (leave, left) = oneshot::channel();
        client.on_leave(move || {
            // Nobody waits for it when the events have ended.
            let _ = leave.send(());
        });
        let (sender, receiver) = mpsc::channel(WAITING_CHUNKS);
        self.runtime.background.spawn(Box::pin(async move {
            pass_on(events, sender, left).await;
            // The sandbox does not sleep while the events are on their way.
            drop(entered);
        }));
        Ok(receiver.boxed_local())
    }

    /// Begins a call that needs the machine and does not start it; `None` if it does not run.
    pub(super) fn enter_awake(self: &Rc<Self>, project_id: &str) -> Result<Option<Use>, SandboxRefusal> {
        let is_running = self.own(project_id)?.status == SandboxStatus::Running;
        Ok(is_running.then(|| self.begin_use()))
    }
}

/// Passes events on until they end or the client leaves.
pub(super) async fn pass_on(
    mut events: ByteStream,
    mut client: mpsc::Sender<Result<Vec<u8>, crate::ports::PortError>>,
    left: oneshot::Receiver<()>,
) {
    // A client that is never seen to leave drops its end of the signal, which is no leaving.
    let mut left = Box::pin(async move {
        if left.await.is_err() {
            std::future::pending::<()>().await;
        }
    });
    loop {
        let chunk = match select(events.next(), &mut left).await {
            Either::Left((Some(chunk), _)) => chunk,
            Either::Left((None, _)) | Either::Right(_) => return,
        };
        match select(client.send(chunk), &mut left).await {
            Either::Left((Ok(()), _)) => {}
            Either::Left((Err(_), _)) | Either::Right(_) => return,
        }
    }
}

fn unknown() -> SandboxRefusal {
    let message = "There is no such process in this sandbox.".to_owned();
    SandboxRefusal::Process(ProcessError { code: ProcessErrorCode::UnknownProcess, message })
}
