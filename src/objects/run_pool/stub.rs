//! The stubs that call RunPool objects: one for the Worker, one for an object that calls others of its pool.

use crate::domain::pool::name::PoolName;
use crate::domain::run::draft::RunDraft;
use crate::domain::run::events::Interrupted;
use crate::domain::run::id::RunId;
use crate::domain::run::position::OutputPosition;
use crate::domain::timestamp::Timestamp;
use crate::domain::usage_log::query::RunFilter;
use crate::objects::call::{self, Answer, CallError};
use crate::objects::run_pool::call::{Answered, Followed, PoolCall, Started};
use crate::platform::client_signal::{EndOnDrop, abort_on_leave};
use crate::platform::clock::RuntimeClock;
use crate::platform::fetch;
use crate::platform::runner::FetchResponse;
use crate::platform::socket::RuntimeSocket;
use crate::platform::spool::joined;
use crate::ports::{
    ClientSignal, Clock, EncodedJob, FollowedRun, ListedRun, PendingRun, PoolFailure, PoolFailureCode, PoolMembers,
    PortError, RunAnswer, RunCall, RunMode, RunPools, SentJob, Socket,
};
use async_trait::async_trait;
use docle_api::pending_runs::OutputSoFar;
use docle_protocol::RunnerHealth;
use futures::stream::{self, LocalBoxStream, StreamExt};
use serde::de::DeserializeOwned;
use std::rc::Rc;
use worker::js_sys::{ArrayBuffer, Uint8Array};
use worker::worker_sys::web_sys::{AbortController, AbortSignal};
use worker::{ObjectNamespace, Response};

/// The project id in the name of the object that answers only health checks. No project has this id.
const HEALTH: &str = "health";

type Chunks = LocalBoxStream<'static, Result<Vec<u8>, Interrupted>>;

/// [`RunPools`] by calling RunPool objects.
pub struct RunPoolStub {
    pub namespace: Rc<ObjectNamespace>,
    /// Aborted when the client of this request leaves.
    pub client_left: AbortSignal,
}

impl RunPoolStub {
    async fn call(
        &self,
        project_id: &str,
        pool_call: &PoolCall,
        body: Option<&Uint8Array>,
        signal: Option<&AbortSignal>,
    ) -> Result<Answer, PoolFailure> {
        let body = body.map(AsRef::as_ref);
        let object = PoolName::of_project(project_id).to_string();
        let answer = call::call(&self.namespace, &object, pool_call, body, signal).await;
        answer.map_err(|error| match error {
            CallError::Refused(failure) => failure,
            CallError::Lost(why) => self.lost(&why),
        })
    }

    fn lost(&self, why: &str) -> PoolFailure {
        let code = if self.client_left.aborted() { PoolFailureCode::ClientLeft } else { PoolFailureCode::Lost };
        code.with_message(format!("Calling a RunPool object failed: {why}"))
    }

    /// The value in the body of an answer.
    async fn body<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, PoolFailure> {
        let body = fetch::bytes(&answer.0).await.map_err(|error| self.runtime_failed(&error))?;
        serde_json::from_slice(&body).map_err(|error| self.lost(&error.to_string()))
    }

    /// The body of an answer. Dropping it ends the call if `end` does.
    fn chunks(&self, answer: &Answer, end: Option<EndOnDrop>) -> Result<Chunks, PoolFailure> {
        let client_left = self.client_left.clone();
        let why = move || if client_left.aborted() { Interrupted::ByClient } else { Interrupted::ByRunner };
        let why_ended = why.clone();
        let chunks = fetch::chunks(&answer.0).map_err(|error| self.runtime_failed(&error))?;
        let chunks = chunks
            .map(move |chunk| {
                let _ = &end;
                chunk.map_err(|_| why())
            })
            // An aborted stream may end without an error; a reader that expects more events gets the reason.
            .chain(stream::once(async move { Err(why_ended()) }));
        Ok(chunks.boxed_local())
    }

    fn runtime_failed(&self, error: &worker::Error) -> PoolFailure {
        self.lost(&error.to_string())
    }
}

#[async_trait(?Send)]
impl RunPools for RunPoolStub {
    async fn run(&self, job: EncodedJob, run: RunCall, draft: &RunDraft) -> Result<RunAnswer, PoolFailure> {
        // A run with an idempotency key belongs to all clients that repeat the call: none of them ends it by leaving.
        let end = match run.mode {
            RunMode::Idempotent(_) | RunMode::Detached(_) => None,
            RunMode::Plain | RunMode::Interactive | RunMode::Unrecorded => {
                Some(EndOnDrop::new(&self.client_left).map_err(|error| self.runtime_failed(&error))?)
            }
        };
        let signal = end.as_ref().map(|end| &end.signal);
        let mut body = serde_json::to_vec(draft).map_err(|error| {
            PoolFailureCode::Rejected.with_message(format!("A draft could not be encoded: {error}"))
        })?;
        let draft_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        body.extend_from_slice(&job.json);
        let body = joined(&body, &job.attached);
        drop(job);
        let body_bytes = body.length();
        let run = PoolCall::Run { run, draft_bytes, body_bytes };
        let answer = self.call(&draft.owner.project_id, &run, Some(&body), signal).await?;
        drop(body);

        match answer.value().map_err(|error| self.lost(&error.to_string()))? {
            Some(Answered::Ended(first_call)) => Ok(RunAnswer::Ended(first_call)),
            Some(Answered::Attached(first_call)) => Ok(RunAnswer::Attached(first_call)),
            Some(Answered::Detached(pending)) => Ok(RunAnswer::Detached(pending)),
            None => Ok(RunAnswer::Started(self.chunks(&answer, end)?)),
        }
    }

    async fn pending(&self, project_id: &str, id: RunId) -> Result<Option<PendingRun>, PoolFailure> {
        let answer = self.call(project_id, &PoolCall::Pending(id), None, None).await?;
        let pending: Option<Option<PendingRun>> = answer.value().map_err(|error| self.lost(&error.to_string()))?;
        pending.ok_or_else(|| self.lost("A RunPool object answered without a value."))
    }

    async fn list(&self, project_id: &str, filter: &RunFilter) -> Result<Vec<ListedRun>, PoolFailure> {
        let answer = self.call(project_id, &PoolCall::List(filter.clone()), None, None).await?;
        self.body(&answer).await
    }

    async fn output_so_far(&self, project_id: &str, id: RunId) -> Result<Option<OutputSoFar>, PoolFailure> {
        let answer = self.call(project_id, &PoolCall::OutputSoFar(id), None, None).await?;
        self.body(&answer).await
    }

    async fn follow(
        &self,
        project_id: &str,
        id: RunId,
        from: OutputPosition,
    ) -> Result<Option<FollowedRun>, PoolFailure> {
        let end = EndOnDrop::new(&self.client_left).map_err(|error| self.runtime_failed(&error))?;
        let answer = self.call(project_id, &PoolCall::Follow { id, from }, None, Some(&end.signal)).await?;
        let followed: Option<Option<Followed>> = answer.value().map_err(|error| self.lost(&error.to_string()))?;
        match followed.ok_or_else(|| self.lost("A RunPool object answered without a value."))? {
            None => Ok(None),
            Some(Followed { from }) => {
                let chunks = self.chunks(&answer, Some(end))?;
                Ok(Some(FollowedRun { from, chunks }))
            }
        }
    }

    async fn cancel(&self, project_id: &str, id: RunId) -> bool {
        let answer = self.call(project_id, &PoolCall::Cancel(id), None, None).await;
        answer.is_ok_and(|answer| matches!(answer.value(), Ok(Some(true))))
    }

    async fn cancel_in_flight(&self, project_id: &str, id: RunId, token: Option<&str>) -> Result<bool, PoolFailure> {
        let cancel = PoolCall::CancelInFlight { id, token: token.map(str::to_owned) };
        let answer = self.call(project_id, &cancel, None, None).await?;
        let was_in_flight = answer.value().map_err(|error| self.lost(&error.to_string()))?;
        was_in_flight.ok_or_else(|| self.lost("A RunPool object answered without a value."))
    }

    async fn flush(&self, project_id: &str) -> Result<(), PortError> {
        let flushed = self.call(project_id, &PoolCall::Flush, None, None).await;
        flushed.map(drop).map_err(|failure| PortError(failure.message))
    }

    async fn delete(&self, project_id: &str) -> Result<(), PortError> {
        let deleted = self.call(project_id, &PoolCall::Delete, None, None).await;
        deleted.map(drop).map_err(|failure| PortError(failure.message))
    }

    async fn input(&self, project_id: &str, id: RunId) -> Result<Option<Box<dyn Socket>>, PoolFailure> {
        let answer = self.call(project_id, &PoolCall::Input(id), None, None).await?;
        let Some(socket) = Response::from(answer.0).websocket() else { return Ok(None) };
        let socket = RuntimeSocket::accept(socket).map_err(|error| self.lost(&error.0))?;
        Ok(Some(Box::new(socket)))
    }

    async fn health(&self) -> Result<Option<RunnerHealth>, PoolFailure> {
        let end = EndOnDrop::new(&self.client_left).map_err(|error| self.runtime_failed(&error))?;
        let answer = self.call(HEALTH, &PoolCall::Health, None, Some(&end.signal)).await?;
        let health: Option<Option<RunnerHealth>> = answer.value().map_err(|error| self.lost(&error.to_string()))?;
        health.ok_or_else(|| self.lost("A RunPool object answered without its health."))
    }
}

/// [`PoolMembers`] by calling the further objects of one pool.
pub struct MemberStub {
    /// The pool that the calling object belongs to, by the name that its callers use.
    pub pool: PoolName,
    pub namespace: Option<ObjectNamespace>,
}

impl MemberStub {
    async fn call(
        &self,
        member: usize,
        pool_call: &PoolCall,
        job: Option<&ArrayBuffer>,
        signal: Option<&AbortSignal>,
    ) -> Result<Answer, CallError<PoolFailure>> {
        let Some(namespace) = &self.namespace else {
            return Err(CallError::Refused(failed("The deployment lacks a binding to its own objects.")));
        };
        let object = self.pool.member(member).to_string();
        call::call(namespace, &object, pool_call, job.map(AsRef::as_ref), signal).await
    }

    async fn value<T: DeserializeOwned>(&self, member: usize, pool_call: &PoolCall) -> Result<T, PoolFailure> {
        let answer = self.call(member, pool_call, None, None).await.map_err(member_failed)?;
        let value = answer.value().map_err(|error| failed(&error.to_string()))?;
        value.ok_or_else(|| failed("The object answered without a value."))
    }
}

impl PoolMembers for MemberStub {
    type Body = ArrayBuffer;
    type Response = FetchResponse;
    type Lease = ();

    fn body(&self, job: &[u8]) -> ArrayBuffer {
        Uint8Array::from(job).buffer()
    }

    async fn run(
        &self,
        member: usize,
        job: &ArrayBuffer,
        since: Timestamp,
        client: &ClientSignal,
    ) -> Result<(SentJob<FetchResponse>, ()), PoolFailure> {
        let end = AbortController::new().map_err(|_| failed("The runtime made no signal."))?;
        let waited_ms = (RuntimeClock.now().0 - since.0).max(0);
        let run = PoolCall::RunHere { waited_ms };
        match self.call(member, &run, Some(job), Some(&end.signal())).await {
            Ok(answer) => {
                abort_on_leave(client, end);
                Ok((SentJob::Running(FetchResponse(answer.0)), ()))
            }
            Err(CallError::Refused(failure)) => Err(failure),
            // Whether the other object had begun the run is unknown.
            Err(CallError::Lost(why)) => Ok((SentJob::Unknown(why), ())),
        }
    }

    async fn attach(&self, member: usize, id: RunId) -> Result<Option<(FetchResponse, ())>, PoolFailure> {
        let answer = self.call(member, &PoolCall::AttachHere(id), None, None).await.map_err(member_failed)?;
        // The answer is the events, or a value that says that there are none.
        let has_value = answer.value::<bool>().map_err(|error| failed(&error.to_string()))?.is_some();
        Ok((!has_value).then_some((FetchResponse(answer.0), ())))
    }

    async fn forget(&self, member: usize, id: RunId) {
        // Events that this call does not reach are forgotten later by themselves.
        let _ = self.call(member, &PoolCall::ForgetHere(id), None, None).await;
    }

    async fn cancel(&self, member: usize, id: RunId) -> bool {
        self.value(member, &PoolCall::CancelHere(id)).await.unwrap_or(false)
    }

    async fn input(&self, member: usize, id: RunId) -> Result<Option<FetchResponse>, PoolFailure> {
        let answer = self.call(member, &PoolCall::InputHere(id), None, None).await.map_err(member_failed)?;
        Ok((answer.0.status() == 101).then_some(FetchResponse(answer.0)))
    }

    async fn up(&self, member: usize) -> Result<u32, PoolFailure> {
        let started: Started = self.value(member, &PoolCall::Start).await?;
        Ok(started.slots)
    }

    async fn destroy(&self, member: usize) {
        // A container that this call does not end goes to sleep by itself.
        let _ = self.call(member, &PoolCall::Destroy, None, None).await;
    }
}

fn member_failed(error: CallError<PoolFailure>) -> PoolFailure {
    match error {
        CallError::Refused(failure) => failure,
        CallError::Lost(why) => failed(&why),
    }
}

fn failed(why: &str) -> PoolFailure {
    PoolFailureCode::Unavailable.with_message(format!("A further object of the pool failed: {why}"))
}
