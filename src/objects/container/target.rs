//! What executes the jobs of an object: its container, or the runner at `SANDBOX_URL`. Callers need not know which.

use crate::domain::pool::name::PoolName;
use crate::domain::pool::scheduler::PoolLimits;
use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::objects::container::instance::ContainerInstance;
use crate::objects::container::lease::ContainerLease;
use crate::objects::container::runner::Runner;
use crate::ports::{ClientSignal, PoolFailure, PoolFailureCode, RunnerHttp, SentJob};
use docle_protocol::RunnerHealth;
use std::rc::Rc;

/// What executes the jobs of an object.
pub enum RunTarget<H> {
    /// The runner at `SANDBOX_URL`.
    Url(Runner<H>),
    Container(Rc<ContainerInstance<H>>),
    /// The deployment has neither.
    Missing,
}

impl<H> Clone for RunTarget<H> {
    fn clone(&self) -> Self {
        match self {
            Self::Url(runner) => Self::Url(runner.clone()),
            Self::Container(instance) => Self::Container(Rc::clone(instance)),
            Self::Missing => Self::Missing,
        }
    }
}

impl<H: RunnerHttp> RunTarget<H> {
    /// Notes the name of the object.
    pub fn set_name(&self, name: &PoolName) {
        if let Self::Container(instance) = self {
            instance.set_name(name);
        }
    }

    /// The limits of a pool whose first member is this target.
    pub fn limited(&self, limits: PoolLimits) -> PoolLimits {
        match self {
            Self::Container(_) => limits,
            // One runner, which other pools may use as well, and which does not sleep.
            Self::Url(_) | Self::Missing => PoolLimits { max_instances: 1, sleep_after_ms: i64::MAX, ..limits },
        }
    }

    /// Sends a job that has waited since `since`; its connection closes when `client` leaves.
    ///
    /// # Errors
    /// Nothing has run, unless the code is [`PoolFailureCode::Lost`].
    pub async fn run(
        &self,
        job: &H::Body,
        since: Timestamp,
        client: &ClientSignal,
    ) -> Result<(SentJob<H::Response>, Option<ContainerLease>), PoolFailure> {
        match self {
            Self::Url(runner) => Ok((runner.run(job, since, client).await?, None)),
            Self::Container(instance) => {
                let (job, lease) = instance.run(job, since, client).await?;
                Ok((job, Some(lease)))
            }
            Self::Missing => Err(nothing()),
        }
    }

    /// Notes that the container is used now.
    pub fn touch(&self) {
        if let Self::Container(instance) = self {
            instance.touch();
        }
    }

    /// The events of a run that is kept here, and what keeps its container awake; `None` if there is none.
    ///
    /// # Errors
    /// The runner cannot be reached, so it may keep the run.
    pub async fn attach(&self, id: RunId) -> Result<Option<(H::Response, Option<ContainerLease>)>, PoolFailure> {
        match self {
            Self::Url(runner) => Ok(runner.attach(id).await?.map(|events| (events, None))),
            Self::Container(instance) => Ok(instance.attach(id).await?.map(|(events, lease)| (events, Some(lease)))),
            Self::Missing => Ok(None),
        }
    }

    /// Says that the end of a run is stored, so that its events need not be kept. Nothing is started for it.
    pub async fn forget(&self, id: RunId) {
        let runner = match self {
            Self::Url(runner) => Some(runner.clone()),
            Self::Container(instance) => instance.known().map(|up| up.runner),
            Self::Missing => None,
        };
        if let Some(runner) = runner {
            runner.forget(id).await;
        }
    }

    /// The runner, started unless it is up.
    ///
    /// # Errors
    /// No container could be started.
    pub async fn runner(&self) -> Result<Runner<H>, PoolFailure> {
        match self {
            Self::Url(runner) => Ok(runner.clone()),
            Self::Container(instance) => Ok(instance.up().await?.runner),
            Self::Missing => Err(nothing()),
        }
    }

    /// Cancels a job. `true` means that it never runs here; `false` means that it ends now if it runs.
    pub async fn cancel(&self, id: RunId) -> bool {
        match self {
            Self::Url(runner) => runner.cancel(id).await,
            Self::Container(instance) => instance.cancel(id).await,
            Self::Missing => true,
        }
    }

    /// The socket to the standard input of an interactive run; `None` when the run is over.
    ///
    /// # Errors
    /// The runner cannot be reached.
    pub async fn input(&self, id: RunId) -> Result<Option<H::Response>, PoolFailure> {
        let runner = match self {
            Self::Url(runner) => Some(runner.clone()),
            Self::Container(instance) => instance.known().map(|up| up.runner),
            Self::Missing => None,
        };
        match runner {
            Some(runner) => Ok(runner.input(id).await?),
            // The container has ended, and the run with it.
            None => Ok(None),
        }
    }

    /// Starts the container unless it is up. Returns how many programs run at once.
    ///
    /// # Errors
    /// No container could be started.
    pub async fn up(&self) -> Result<u32, PoolFailure> {
        match self {
            // The runner at `SANDBOX_URL` has a queue of its own, and other objects may use it as well.
            Self::Url(_) => Ok(u32::MAX),
            Self::Container(instance) => Ok(instance.up_for_runs().await?.slots),
            Self::Missing => Err(nothing()),
        }
    }

    /// The health of the runner at `SANDBOX_URL`; `None` when each project has containers.
    ///
    /// # Errors
    /// The runner cannot be reached, or there is none.
    pub async fn health(&self, client: &ClientSignal) -> Result<Option<RunnerHealth>, PoolFailure> {
        match self {
            Self::Url(runner) => Ok(Some(runner.health(client).await?)),
            Self::Container(_) => Ok(None),
            Self::Missing => Err(nothing()),
        }
    }

    /// Ends the container of this object. A runner at `SANDBOX_URL` continues.
    pub async fn destroy(&self) {
        if let Self::Container(instance) = self {
            instance.destroy().await;
        }
    }

    /// Ends the container if it may sleep. Returns when to check again; `None` when no container runs.
    pub async fn rest(&self) -> Option<Timestamp> {
        match self {
            Self::Container(instance) => instance.rest().await,
            Self::Url(_) | Self::Missing => None,
        }
    }
}

fn nothing() -> PoolFailure {
    PoolFailureCode::Unavailable.with_message("There is neither a container binding nor a SANDBOX_URL.")
}
