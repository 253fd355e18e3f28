//! Contexts of a sandbox, and the cells in them.
//!
//! The runner has the contexts; the object keeps none, so that nobody takes one that ended with its machine for one that has its
//! state. What is about a context does not wake a sandbox that sleeps, because no context is there.

use crate::domain::sandbox::cell;
use crate::objects::sandbox::logic::SandboxLogic;
use crate::ports::ClientSignal;
use crate::ports::contexts::{CellCall, ContextAction};
use crate::ports::sandboxes::{ByteStream, ExecutionRecord, Given, SandboxRefusal};
use docle_api::sandbox_commands::ExecStatus;
use docle_api::sandboxes::SandboxStatus;
use docle_protocol::context::ContextState;
use std::rc::Rc;

impl SandboxLogic {
    /// Does something with contexts.
    ///
    /// # Errors
    /// There is no such sandbox or context, or the machine cannot be reached.
    pub async fn contexts(
        self: &Rc<Self>,
        project_id: &str,
        action: &ContextAction,
    ) -> Result<Given<Vec<ContextState>>, SandboxRefusal> {
        if action.needs_running() && self.sleeps(project_id)? {
            return match action {
                ContextAction::List => Ok(Given { value: Vec::new(), restored_from: None }),
                _ => Err(SandboxRefusal::NoContext),
            };
        }
        let mut entered = self.enter(project_id).await?;
        self.on_machine(&mut entered, async |host| host.contexts(action).await).await
    }

    /// Runs a cell: a stream of `CellEvent` lines. `client` ends it when it leaves, and so does dropping the stream.
    ///
    /// # Errors
    /// Nothing was run, unless it is [`SandboxRefusal::Interrupted`].
    pub async fn run_cell(
        self: &Rc<Self>,
        project_id: &str,
        call: CellCall,
        client: ClientSignal,
    ) -> Result<Given<ByteStream>, SandboxRefusal> {
        if call.default.is_none() && self.sleeps(project_id)? {
            return Err(SandboxRefusal::NoContext);
        }
        let mut entered = self.enter(project_id).await?;
        self.files_change()?;
        let started_at = self.now();
        let given = self.on_machine(&mut entered, async |host| host.run_cell(&call).await).await?;
        let record = ExecutionRecord {
            command: cell::written(&call.job.code),
            id: call.job.id,
            file_path: None,
            status: ExecStatus::System,
            exit_code: -1,
            output: String::new(),
            error: String::new(),
            duration_ms: 0.0,
            started_at,
        };
        Ok(self.followed(entered, given, record, client))
    }

    fn sleeps(&self, project_id: &str) -> Result<bool, SandboxRefusal> {
        Ok(self.own(project_id)?.status == SandboxStatus::Sleeping)
    }
}
