//! The calls of a RunPool object, and their answers.

use crate::domain::pool::name::PoolName;
use crate::domain::run::id::RunId;
use crate::domain::run::position::OutputPosition;
use crate::domain::usage_log::name::LogName;
use crate::domain::usage_log::query::RunFilter;
use crate::objects::call::ObjectCall;
use crate::ports::{FirstCall, PendingRun, PoolFailure, PoolFailureCode, RunCall};
use serde::{Deserialize, Serialize};

/// The calls of a RunPool object. A call whose name ends with `Here` concerns the object's own container: member 0 of a
/// pool sends it to another member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PoolCall {
    /// Runs a job. The body has the run's [`crate::domain::run::draft::RunDraft`] as JSON in `draft_bytes`, and then the
    /// job. The answer is the runner's event stream, or has an [`Answered`] as its value.
    #[serde(rename_all = "camelCase")]
    Run {
        run: RunCall,
        draft_bytes: u32,
        /// The length of the body. The object decides about it before it reads the body.
        body_bytes: u32,
    },
    /// Runs the job in the body in the object's own container.
    #[serde(rename_all = "camelCase")]
    RunHere {
        waited_ms: i64,
    },
    /// The answer is the runner's event stream of a run that the object's own container keeps, or `false`.
    AttachHere(RunId),
    /// The end of a run is stored, so that the object's own container need not keep its events.
    ForgetHere(RunId),
    /// The answer is whether the job never runs, see [`crate::ports::RunPools::cancel`].
    Cancel(RunId),
    CancelHere(RunId),
    /// The answer is whether the run was in flight, see [`crate::ports::RunPools::cancel_in_flight`].
    CancelInFlight {
        id: RunId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
    },
    /// The answer is a [`PendingRun`] or `null`, see [`crate::ports::RunPools::pending`].
    Pending(RunId),
    /// The body of the answer is a list of [`crate::ports::ListedRun`], see [`crate::ports::RunPools::list`].
    List(RunFilter),
    /// The body of the answer is an [`docle_api::pending_runs::OutputSoFar`] or `null`, see
    /// [`crate::ports::RunPools::output_so_far`].
    OutputSoFar(RunId),
    /// The answer is a [`Followed`] with the events as its body, or `null`, see [`crate::ports::RunPools::follow`].
    Follow {
        id: RunId,
        from: OutputPosition,
    },
    /// Keeps the finished runs in the body, each as [`crate::domain::run::finished::FinishedRun::to_line`] writes it, until
    /// this log takes them.
    Keep {
        log: LogName,
    },
    /// The answer is a WebSocket, see [`docle_protocol::headers::stdin_path`], or empty when the run is over.
    Input(RunId),
    InputHere(RunId),
    /// Starts the object's own container unless it is up. The answer is [`Started`].
    Start,
    /// Ends the container of this object with all its programs. Member 0 also ends those of the other members.
    Destroy,
    /// Submits all runs that have ended to the log of the project.
    Flush,
    /// Ends all programs of a deleted project, and deletes what the objects of its pool store.
    Delete,
    /// The answer is a [`PoolState`]. The call changes nothing.
    State,
    /// The answer is the [`docle_protocol::RunnerHealth`] of the runner at `SANDBOX_URL`, or `null` when projects have
    /// containers.
    Health,
}

impl ObjectCall for PoolCall {
    type Refusal = PoolFailure;

    fn may_repeat(&self) -> bool {
        match self {
            // The first call may have started the program, and an interactive run has one socket.
            Self::Run { .. } | Self::RunHere { .. } | Self::Input(_) | Self::InputHere(_) => false,
            Self::AttachHere(_)
            | Self::ForgetHere(_)
            | Self::Cancel(_)
            | Self::CancelHere(_)
            | Self::CancelInFlight { .. }
            | Self::Pending(_)
            | Self::List(_)
            | Self::OutputSoFar(_)
            | Self::Follow { .. }
            | Self::Keep { .. }
            | Self::Flush
            | Self::Delete
            | Self::Start
            | Self::Destroy
            | Self::State
            | Self::Health => true,
        }
    }

    fn opens_socket(&self) -> bool {
        matches!(self, Self::Input(_) | Self::InputHere(_))
    }
}

/// The pool that an object belongs to, by the name in a call.
///
/// # Errors
/// The name is not that of a pool. The object refuses the call: without the name of its project it would call further
/// objects, and so use containers, of another project.
pub fn pool_of_object(object: &str) -> Result<PoolName, PoolFailure> {
    let not_a_pool = || PoolFailureCode::Unavailable.with_message("The object is not named after a project's pool.");
    PoolName::parse(object).ok_or_else(not_a_pool)
}

/// What became of a run that sends no events in the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answered {
    /// The run of an earlier call has ended.
    Ended(FirstCall),
    /// The run of an earlier call has started.
    Attached(FirstCall),
    /// The job is stored.
    Detached(PendingRun),
}

/// A run that is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Followed {
    pub from: OutputPosition,
}

/// A container that is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// How many programs the container runs at once.
    pub slots: u32,
}

/// The state of an object, and the load of its pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolState {
    /// Whether the object's own container runs.
    pub container: bool,
    /// The process of the runner in it, once the runner has answered.
    pub instance: Option<String>,
    /// How many programs the container runs at once; 0 while that is unknown.
    pub slots: u32,
    /// Runs of the project in progress, in all containers.
    pub running: usize,
    /// Runs of the project that wait for a slot.
    pub queued: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::run::idempotency::{Fingerprint, IdempotencyKey};
    use crate::domain::run::phase::Phase;
    use crate::domain::timestamp::Timestamp;
    use crate::ports::{IdempotentCall, RunMode};
    use serde_json::json;

    #[test]
    fn pool_call_format_unchanged() {
        let written = |call: PoolCall| serde_json::to_value(call).unwrap();
        let id = RunId::from_random([0; 16]);
        let call =
            IdempotentCall { key: IdempotencyKey::parse("k").unwrap(), fingerprint: Fingerprint("f".to_owned()) };
        let idempotent = json!({ "idempotent": { "key": "k", "fingerprint": "f" } });
        for (mode, expected) in [
            (RunMode::Plain, json!("plain")),
            (RunMode::Interactive, json!("interactive")),
            (RunMode::Unrecorded, json!("unrecorded")),
            (RunMode::Idempotent(call.clone()), idempotent),
            (RunMode::Detached(None), json!({ "detached": null })),
            (RunMode::Detached(Some(call)), json!({ "detached": { "key": "k", "fingerprint": "f" } })),
        ] {
            let run = PoolCall::Run {
                run: RunCall { mode, deadline_ms: 2, has_network: false },
                draft_bytes: 3,
                body_bytes: 4,
            };
            let run_call = json!({ "mode": expected, "deadlineMs": 2 });
            let call = json!({ "run": { "run": run_call, "draftBytes": 3, "bodyBytes": 4 } });
            assert_eq!(written(run), call);
        }
        assert_eq!(written(PoolCall::RunHere { waited_ms: 5 }), json!({ "runHere": { "waitedMs": 5 } }));
        assert_eq!(written(PoolCall::AttachHere(id)), json!({ "attachHere": id }));
        assert_eq!(written(PoolCall::ForgetHere(id)), json!({ "forgetHere": id }));
        assert_eq!(written(PoolCall::Cancel(id)), json!({ "cancel": id }));
        assert_eq!(written(PoolCall::CancelHere(id)), json!({ "cancelHere": id }));
        let cancel = |token| written(PoolCall::CancelInFlight { id, token });
        assert_eq!(cancel(None), json!({ "cancelInFlight": { "id": id } }));
        assert_eq!(cancel(Some("t".into())), json!({ "cancelInFlight": { "id": id, "token": "t" } }));
        assert_eq!(written(PoolCall::Pending(id)), json!({ "pending": id }));
        let filter = RunFilter { language: Some("python".into()), ..RunFilter::default() };
        assert_eq!(written(PoolCall::List(filter)), json!({ "list": { "language": "python" } }));
        assert_eq!(written(PoolCall::OutputSoFar(id)), json!({ "outputSoFar": id }));
        let follow = PoolCall::Follow { id, from: OutputPosition { stdout: 1, stderr: 2 } };
        assert_eq!(written(follow), json!({ "follow": { "id": id, "from": { "stdout": 1, "stderr": 2 } } }));
        assert_eq!(written(PoolCall::Keep { log: id.log() }), json!({ "keep": { "log": "usage:0000000000/0" } }));
        assert_eq!(written(PoolCall::Flush), json!("flush"));
        assert_eq!(written(PoolCall::Delete), json!("delete"));
        assert_eq!(written(PoolCall::Input(id)), json!({ "input": id }));
        assert_eq!(written(PoolCall::InputHere(id)), json!({ "inputHere": id }));
        assert_eq!(written(PoolCall::Start), json!("start"));
        assert_eq!(written(PoolCall::Destroy), json!("destroy"));
        assert_eq!(written(PoolCall::State), json!("state"));
        assert_eq!(written(PoolCall::Health), json!("health"));
    }

    #[test]
    fn pool_answer_format_unchanged() {
        let id = RunId::from_random([0; 16]);
        let failure = PoolFailureCode::KeyReused.with_message("x");
        assert_eq!(
            serde_json::to_value(failure).unwrap(),
            json!({ "code": "key_reused", "message": "x", "retry_after_s": null })
        );
        assert_eq!(serde_json::to_value(Started { slots: 2 }).unwrap(), json!({ "slots": 2 }));
        let state = PoolState { container: true, instance: None, slots: 2, running: 1, queued: 0 };
        assert_eq!(
            serde_json::to_value(state).unwrap(),
            json!({ "container": true, "instance": null, "slots": 2, "running": 1, "queued": 0 })
        );
        let first_call = FirstCall { run_id: id, created_at: Timestamp(1) };
        let first = json!({ "runId": id, "createdAt": 1 });
        let pending = PendingRun { id, created_at: Timestamp(1), token: None, phase: Phase::Queued };
        for (answered, expected) in [
            (Answered::Ended(first_call), json!({ "ended": first })),
            (Answered::Attached(first_call), json!({ "attached": first })),
            (Answered::Detached(pending), json!({ "detached": { "id": id, "createdAt": 1, "phase": "queued" } })),
        ] {
            assert_eq!(serde_json::to_value(answered).unwrap(), expected);
        }
        let followed = Followed { from: OutputPosition::default() };
        let expected = json!({ "from": { "stdout": 0, "stderr": 0 } });
        assert_eq!(serde_json::to_value(followed).unwrap(), expected);
    }

    #[test]
    fn a_call_to_an_object_without_a_name_or_without_a_pools_name_is_refused() {
        assert_eq!(pool_of_object("pool:proj_1#2"), Ok(PoolName::of_project("proj_1").member(2)));
        for name in ["", "#1", "proj_1", "room:proj_1"] {
            let refused = pool_of_object(name).map_err(|failure| failure.code);
            assert_eq!(refused, Err(PoolFailureCode::Unavailable), "{name:?}");
        }
    }

    #[test]
    fn a_run_and_a_socket_are_never_asked_for_twice() {
        let id = RunId::from_random([0; 16]);
        let once = [
            PoolCall::Run {
                run: RunCall { mode: RunMode::Plain, deadline_ms: 1, has_network: true },
                draft_bytes: 1,
                body_bytes: 1,
            },
            PoolCall::RunHere { waited_ms: 0 },
            PoolCall::Input(id),
            PoolCall::InputHere(id),
        ];
        assert!(!once.iter().any(PoolCall::may_repeat));
        let often = [PoolCall::Cancel(id), PoolCall::Delete, PoolCall::Start, PoolCall::Destroy, PoolCall::Health];
        assert!(often.iter().all(PoolCall::may_repeat));
    }
}
