//! Terminals of a sandbox. The runner has them and their output; nothing of them is stored here. A viewer keeps the sandbox awake.

use crate::objects::sandbox::bridge::bridge;
use crate::objects::sandbox::logic::SandboxLogic;
use crate::objects::sandbox::sessions::find;
use crate::ports::http_messages::Upgrade;
use crate::ports::previews::TerminalCall;
use crate::ports::sandboxes::SandboxRefusal;
use docle_protocol::sandbox::terminal::TerminalJob;
use std::rc::Rc;

impl SandboxLogic {
    /// Connects a viewer to the terminal of a session, and starts the sandbox if it sleeps. A new shell has the directory and the
    /// variables of the session, if that was made.
    ///
    /// # Errors
    /// As in [`SandboxRefusal`].
    pub async fn terminal(self: &Rc<Self>, project_id: &str, call: &TerminalCall) -> Result<Upgrade, SandboxRefusal> {
        let mut entered = self.enter(project_id).await?;
        self.files_change()?;
        let session = find(&*self.runtime.storage, &call.session)?;
        let (cwd, env) = session.map(|session| (session.cwd, session.env)).unwrap_or_default();
        let TerminalCall { cols, rows, is_view, ends_with_viewers, .. } = *call;
        let job = TerminalJob { cwd, env, cols, rows, is_view, ends_with_viewers };
        let socket = self.on_machine(&mut entered, async |host| host.terminal(&call.session, &job).await).await?.value;
        let program = self.ports.sockets.accept(socket)?;
        let (upgrade, viewer) = self.ports.sockets.pair()?;
        let own = Rc::clone(self);
        self.runtime.background.spawn(Box::pin(async move {
            bridge(&*own.runtime.clock, viewer, program, || own.note_use()).await;
            // The sandbox does not sleep while a terminal has a viewer.
            drop(entered);
        }));
        Ok(upgrade)
    }
}
