//! The variables of a sandbox: stored here, and told to the machine while it runs. No answer and no log has their values.

use crate::objects::sandbox::logic::{SandboxLogic, refusal};
use crate::ports::sandboxes::{EnvRequest, HostError, SandboxRefusal};
use docle_api::limits::{MAX_ARGS_AND_ENV_BYTES, MAX_ENV};
use docle_api::sandboxes::SandboxStatus;

impl SandboxLogic {
    /// Reads or changes the variables: their names as they are after that.
    ///
    /// # Errors
    /// There is no such sandbox, or its variables would be too many or too long. After another error they are stored, and a repeated request tells
    /// the machine.
    pub async fn env(&self, project_id: &str, request: EnvRequest) -> Result<Vec<String>, SandboxRefusal> {
        let mut env = self.own(project_id)?.config.env;
        match request {
            EnvRequest::List => return Ok(env.into_keys().collect()),
            EnvRequest::Replace { env: new } => env = new,
            EnvRequest::Change { set, remove } => {
                env.extend(set);
                env.retain(|name, _| !remove.contains(name));
            }
        }
        let bytes: usize = env.iter().map(|(name, value)| name.len() + 1 + value.len()).sum();
        if env.len() > MAX_ENV || bytes > MAX_ARGS_AND_ENV_BYTES {
            return Err(SandboxRefusal::TooManyVariables);
        }
        let names = env.keys().cloned().collect();
        self.change(|stored| stored.config.env = env)?;
        self.send_env(project_id).await?;
        Ok(names)
    }

    /// Tells the machine, if it runs. A start takes what is stored.
    pub(super) async fn send_env(&self, project_id: &str) -> Result<(), SandboxRefusal> {
        // A start that is in progress may have read the variables before they were changed.
        let _alone = self.transition.lock().await;
        let stored = self.own(project_id)?;
        if stored.status != SandboxStatus::Running {
            return Ok(());
        }
        let start = self.memory.borrow().starts;
        match self.ports.host.set_env(&self.env_of(&stored)).await {
            Ok(()) => Ok(()),
            // The next start takes what is stored.
            Err(HostError::Unknown) => Ok(self.lost(start)?),
            Err(error) => Err(refusal(error)),
        }
    }
}
