//! The runs of a pool that were asked for and have not ended, so that a call can find, follow and cancel them.

use crate::domain::run::draft::RunDraft;
use crate::domain::run::id::RunId;
use crate::domain::run::user_context::UserContext;
use crate::domain::timestamp::Timestamp;
use crate::domain::usage_log::query::RunFilter;
use crate::objects::run_pool::partial_output::PartialOutput;
use crate::ports::{ClientSignal, ListedRun, PendingRun};
use docle_api::pending_runs::PendingStatus;
use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::LocalBoxFuture;
use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::rc::Rc;

/// The runs in flight of one object.
#[derive(Clone, Default)]
pub struct InFlightRuns(Rc<RefCell<HashMap<RunId, Entry>>>);

struct Entry {
    created_at: Timestamp,
    /// The id of the run token that started the run.
    token: Option<String>,
    key_id: String,
    language: String,
    snippet: String,
    user_context: Option<UserContext>,
    partial_output: PartialOutput,
    cancelled: ClientSignal,
    /// Dropped when the run has ended.
    waiting: Vec<oneshot::Sender<()>>,
}

/// A run in flight. It has ended, and is recorded, when this is dropped.
pub struct InFlightRun {
    runs: InFlightRuns,
    id: RunId,
    /// What it does.
    pub partial_output: PartialOutput,
    /// Raised when a call cancels the run.
    pub cancelled: ClientSignal,
}

impl InFlightRuns {
    /// Adds a run.
    pub fn begin(&self, draft: &RunDraft, partial_output: PartialOutput) -> InFlightRun {
        let cancelled = ClientSignal::default();
        let RunDraft { id, created_at, owner, token, language, snippet, user_context, .. } = draft;
        let entry = Entry {
            created_at: *created_at,
            token: token.clone(),
            key_id: owner.key_id.clone(),
            language: language.clone(),
            snippet: snippet.clone(),
            user_context: user_context.clone(),
            partial_output: partial_output.clone(),
            cancelled: cancelled.clone(),
            waiting: Vec::new(),
        };
        self.0.borrow_mut().insert(*id, entry);
        InFlightRun { runs: self.clone(), id: *id, partial_output, cancelled }
    }

    /// The state of a run; `None` if no such run is in flight.
    pub fn find(&self, id: RunId) -> Option<PendingRun> {
        let runs = self.0.borrow();
        let Entry { created_at, token, partial_output, .. } = runs.get(&id)?;
        Some(PendingRun { id, created_at: *created_at, token: token.clone(), phase: partial_output.phase() })
    }

    /// The runs that match a filter, the newest first.
    pub fn list(&self, filter: &RunFilter) -> Vec<ListedRun> {
        let runs = self.0.borrow();
        let mut listed: Vec<_> = runs.iter().filter(|(_, entry)| entry.matches(filter)).map(listed).collect();
        listed.sort_by_key(|run| Reverse((run.created_at, run.id.to_string())));
        listed
    }

    /// What a run does; `None` if no such run is in flight.
    pub fn partial_output(&self, id: RunId) -> Option<PartialOutput> {
        self.0.borrow().get(&id).map(|run| run.partial_output.clone())
    }

    /// Cancels a run, and waits until it has ended and is recorded. `false` means that no such run is in flight. With
    /// `token` only a run of that token is cancelled.
    pub async fn cancel(&self, id: RunId, token: Option<&str>) -> bool {
        let (sender, ended) = oneshot::channel();
        let cancelled = {
            let mut runs = self.0.borrow_mut();
            let Some(run) = runs.get_mut(&id) else { return false };
            if token.is_some() && run.token.as_deref() != token {
                return false;
            }
            run.waiting.push(sender);
            run.cancelled.clone()
        };
        cancelled.leave();
        // The sender is dropped with the run.
        let _ = ended.await;
        true
    }
}

impl Entry {
    fn matches(&self, filter: &RunFilter) -> bool {
        let RunFilter { status, language, end_user, token, key, from, to } = filter;
        let is = |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
        is(status, Some(PendingStatus::from(self.partial_output.phase()).name()))
            && is(language, Some(&self.language))
            && is(end_user, self.user_context.as_ref().map(|user| user.id.as_str()))
            && is(token, self.token.as_deref())
            && is(key, Some(&self.key_id))
            && from.is_none_or(|from| from <= self.created_at)
            && to.is_none_or(|to| self.created_at < to)
    }
}

fn listed((id, entry): (&RunId, &Entry)) -> ListedRun {
    ListedRun {
        id: *id,
        created_at: entry.created_at,
        key_id: entry.key_id.clone(),
        language: entry.language.clone(),
        snippet: entry.snippet.clone(),
        phase: entry.partial_output.phase(),
        user_context: entry.user_context.clone(),
    }
}

impl InFlightRun {
    /// Resolves when a call cancels the run.
    pub fn until_cancelled(&self) -> LocalBoxFuture<'static, ()> {
        until_raised(&self.cancelled)
    }
}

impl Drop for InFlightRun {
    fn drop(&mut self) {
        self.runs.0.borrow_mut().remove(&self.id);
        self.partial_output.end();
    }
}

/// Resolves when the signal is raised.
pub fn until_raised(signal: &ClientSignal) -> LocalBoxFuture<'static, ()> {
    let (sender, raised) = oneshot::channel::<()>();
    signal.on_leave(move || {
        // Nobody waits any more if the run has ended.
        let _ = sender.send(());
    });
    async move {
        if raised.await.is_err() {
            // A signal that was dropped is never raised.
            futures::future::pending::<()>().await;
        }
    }
    .boxed_local()
}
