//! The containers of a project: that of the object which shares out the runs, and those of further objects.

use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::objects::container::instance::ContainerLease;
use crate::objects::container::runner::Job;
use crate::objects::container::target::RunTarget;
use crate::objects::run_pool::call::{Answer, RunPoolCall, Started, call_object, name_of_member};
use crate::objects::run_pool::client_signal::Caller;
use crate::platform::clock::RuntimeClock;
use crate::ports::{Clock, PoolFailure, PoolFailureCode};
use worker::js_sys::ArrayBuffer;
use worker::worker_sys::web_sys::AbortController;
use worker::{ObjectNamespace, Response, State};

/// See the module.
pub struct PoolMembers {
    /// The first one: a call less than the others need.
    pub own: RunTarget,
    /// This object.
    pub object: State,
    pub namespace: Option<ObjectNamespace>,
}

impl PoolMembers {
    /// Sends a job to one of them.
    ///
    /// # Errors
    /// Nothing was run.
    pub async fn run(
        &self,
        member: usize,
        job: &ArrayBuffer,
        since: Timestamp,
        caller: &Caller,
    ) -> Result<(Job, Option<ContainerLease>), PoolFailure> {
        if member == 0 {
            return self.own.run(job, since, caller).await;
        }
        let end = AbortController::new().map_err(|_| lost("The runtime made no signal."))?;
        let waited_ms = (RuntimeClock.now().0 - since.0).max(0);
        let call = RunPoolCall::RunHere { waited_ms };
        let response = match self.call(member, &call, Some(job), &end).await {
            Answer::Good(response) => response,
            Answer::Failed(failure) => return Err(failure),
            // Whether the other object had begun is not known.
            Answer::Broken(why) => return Ok((Job::Unknown(why), None)),
        };
        caller.when_it_leaves(move || end.abort());
        Ok((Job::Running(response), None))
    }

    /// Sees to it that a job which may be on its way is not executed in one of them. `false` where it has been, or may
    /// have been.
    pub async fn cancel_unstarted(&self, member: usize, id: RunId) -> bool {
        if member == 0 {
            return self.own.cancel_unstarted(id).await;
        }
        let Ok(end) = AbortController::new() else { return false };
        match self.call(member, &RunPoolCall::CancelUnstartedHere { id }, None, &end).await {
            Answer::Good(response) => Response::from(response).json().await.unwrap_or(false),
            Answer::Failed(_) | Answer::Broken(_) => false,
        }
    }

    /// Leads to the input of an interactive run in one of them.
    ///
    /// # Errors
    /// It cannot be reached.
    pub async fn input(&self, member: usize, id: RunId) -> Result<Response, PoolFailure> {
        if member == 0 {
            return self.own.input(id).await;
        }
        let end = AbortController::new().map_err(|_| lost("The runtime made no signal."))?;
        match self.call(member, &RunPoolCall::InputHere { id }, None, &end).await {
            Answer::Good(response) => Ok(response.into()),
            Answer::Failed(failure) => Err(failure),
            Answer::Broken(why) => Err(lost(&why)),
        }
    }

    /// Gets one of them ready. Answers with how many programs it runs at once.
    ///
    /// # Errors
    /// It could not be started.
    pub async fn up(&self, member: usize) -> Result<u32, PoolFailure> {
        if member == 0 {
            return self.own.up().await;
        }
        let end = AbortController::new().map_err(|_| lost("The runtime made no signal."))?;
        match self.call(member, &RunPoolCall::Start, None, &end).await {
            Answer::Good(response) => {
                let started: Started =
                    Response::from(response).json().await.map_err(|error| lost(&error.to_string()))?;
                Ok(started.places)
            }
            Answer::Failed(failure) => Err(failure),
            Answer::Broken(why) => Err(lost(&why)),
        }
    }

    /// Ends one of them for good; one that never was is ended, too.
    pub async fn destroy(&self, member: usize) {
        if let Ok(end) = AbortController::new() {
            // Whatever it answers, it sleeps by itself.
            let _ = self.call(member, &RunPoolCall::Destroy, None, &end).await;
        }
    }

    async fn call(
        &self,
        member: usize,
        call: &RunPoolCall,
        job: Option<&ArrayBuffer>,
        end: &AbortController,
    ) -> Answer {
        let name = self.object.id().name().unwrap_or_default();
        match &self.namespace {
            Some(namespace) => {
                let stub = namespace.get_by_name(&name_of_member(&name, member));
                call_object(stub, call, job.map(AsRef::as_ref), Some(&end.signal())).await
            }
            None => Answer::Failed(lost("The deployment lacks a binding to its own objects.")),
        }
    }
}

fn lost(why: &str) -> PoolFailure {
    PoolFailureCode::Unavailable.because(format!("A further object of the pool failed: {why}"))
}
