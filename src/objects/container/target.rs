//! What runs the jobs of an object: its own container, or a runner outside. Nothing above can tell which.

use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::objects::container::instance::{ContainerInstance, ContainerLease};
use crate::objects::container::runner::{Job, Runner};
use crate::objects::run_pool::call::no_input;
use crate::objects::run_pool::client_signal::Caller;
use crate::ports::{PoolFailure, PoolFailureCode};
use std::rc::Rc;
use worker::Response;
use worker::js_sys::ArrayBuffer;

/// See the module.
#[derive(Clone)]
pub enum RunTarget {
    Outside(Runner),
    Container(Rc<ContainerInstance>),
    /// The deployment has neither.
    Nothing,
}

impl RunTarget {
    /// Sends on a job that has waited since `since`; it ends when `caller` leaves.
    ///
    /// # Errors
    /// Nothing was run.
    pub async fn run(
        &self,
        job: &ArrayBuffer,
        since: Timestamp,
        caller: &Caller,
    ) -> Result<(Job, Option<ContainerLease>), PoolFailure> {
        match self {
            Self::Outside(runner) => Ok((runner.run(job, since, caller).await?, None)),
            Self::Container(instance) => {
                let (job, lease) = instance.run(job, since, caller).await?;
                Ok((job, Some(lease)))
            }
            Self::Nothing => Err(nothing()),
        }
    }

    /// Sees to it that a job which may be on its way is not executed. `false` where it has been, or may have been.
    pub async fn cancel_unstarted(&self, id: RunId) -> bool {
        match self {
            Self::Outside(runner) => runner.cancel_unstarted(id).await,
            Self::Container(instance) => instance.cancel_unstarted(id).await,
            Self::Nothing => true,
        }
    }

    /// Leads to the input of an interactive run.
    ///
    /// # Errors
    /// The runner cannot be reached.
    pub async fn input(&self, id: RunId) -> Result<Response, PoolFailure> {
        let runner = match self {
            Self::Outside(runner) => Some(runner.clone()),
            Self::Container(instance) => instance.known().map(|up| up.runner),
            Self::Nothing => None,
        };
        match runner {
            Some(runner) => runner.input(id).await,
            // Its container is gone, and the run with it.
            None => no_input().map_err(|error| PoolFailureCode::Unavailable.because(error.to_string())),
        }
    }

    /// Gets ready to run. Answers with how many programs run at once.
    ///
    /// # Errors
    /// No container could be started.
    pub async fn up(&self) -> Result<u32, PoolFailure> {
        match self {
            // How many it runs at once is its own business: it has a queue, and other objects may use it, too.
            Self::Outside(_) => Ok(u32::MAX),
            Self::Container(instance) => Ok(instance.up().await?.places),
            Self::Nothing => Err(nothing()),
        }
    }
}

fn nothing() -> PoolFailure {
    PoolFailureCode::Unavailable.because("There is neither a container binding nor a SANDBOX_URL.")
}
