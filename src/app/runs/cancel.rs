//! Cancels runs.

use crate::app::context::App;
use crate::app::runs::read::{self, ReadRun, Reader};
use crate::domain::run::id::RunId;
use crate::ports::{PoolFailure, PortError};
use crate::store::projects;
use docle_protocol::RunStatus;

/// What a call that cancels a run found.
pub enum CancelledRun {
    /// The run was cancelled, by this call or before.
    Cancelled(ReadRun),
    /// The run has ended otherwise.
    Ended(RunStatus),
}

/// Why it is not known whether a run was cancelled.
#[derive(Debug)]
pub enum NotCancelled {
    Pool(PoolFailure),
    Unreadable(PortError),
}

impl From<PortError> for NotCancelled {
    fn from(error: PortError) -> Self {
        Self::Unreadable(error)
    }
}

/// Cancels a run of the caller, and waits until it has ended and is recorded; `None` if the caller has no such run. It may be
/// repeated.
///
/// # Errors
/// The pool or the log does not answer.
pub async fn cancel_run(app: &App, id: RunId, caller: &Reader) -> Result<Option<CancelledRun>, NotCancelled> {
    let (project_id, token) = match caller {
        Reader::Anyone => return Ok(None),
        Reader::Project(owner) => (owner.project_id.clone(), None),
        Reader::Token { owner, token } => (owner.project_id.clone(), Some(token.as_str())),
        Reader::User(user_id) => {
            let guard = projects::read_guard(app.sql.query(projects::select_guard(id.log().log)).await?)?;
            match guard.filter(|guard| guard.user_id.as_ref() == Some(user_id)) {
                Some(guard) => (guard.project_id, None),
                None => return Ok(None),
            }
        }
    };
    app.run_pools.cancel_in_flight(&project_id, id, token).await.map_err(NotCancelled::Pool)?;
    Ok(read::own_run(app, id, caller).await?.map(|(status, run)| match status {
        RunStatus::Cancelled => CancelledRun::Cancelled(run),
        status => CancelledRun::Ended(status),
    }))
}
