//! The RunPool object: between the Worker and the containers of one project. The shell around its logic.
//!
//! Member 0 of a pool distributes the runs ([`PoolLogic`]) over its own container and those of further objects of this
//! class. It reads each run to its end, passes the events on, and records the run ([`PoolRuns`]). An object stores the
//! secret of its container, idempotency keys, and finished runs whose log fails. When nothing of this is left and the
//! container sleeps, it deletes its storage.

use crate::bindings;
use crate::domain::pool::name::PoolName;
use crate::domain::pool::scheduler::PoolLimits;
use crate::domain::run::draft::RunDraft;
use crate::domain::run::finished::FinishedRun;
use crate::objects::call::{self, Incoming};
use crate::objects::container::target::RunTarget;
use crate::objects::run_pool::call::{Answered, Followed, PoolCall, PoolState, Started, pool_of_object};
use crate::objects::run_pool::held::hold;
use crate::objects::run_pool::logic::PoolLogic;
use crate::objects::run_pool::maintenance;
use crate::objects::run_pool::members::Members;
use crate::objects::run_pool::pipe::{START, pipe_response};
use crate::objects::run_pool::runs::{PoolAnswer, PoolRuns};
use crate::objects::run_pool::stub::MemberStub;
use crate::objects::runtime::ObjectRuntime;
use crate::platform::client_signal;
use crate::platform::runner::{FetchResponse, RunnerFetch};
use crate::ports::{PoolFailure, PoolFailureCode, RunCall, RunMode, SentJob};
use futures::{StreamExt, stream};
use std::cell::OnceCell;
use std::rc::Rc;
use worker::js_sys::{ArrayBuffer, Uint8Array};
use worker::wasm_bindgen::JsCast;
use worker::wasm_bindgen_futures::JsFuture;
use worker::{DurableObject, Env, ObjectNamespace, Request, Response, Result, State, durable_object, wasm_bindgen};

/// The silence after which a follower gets an empty line, in milliseconds.
const HEARTBEAT_MS: u32 = 10_000;

type Answer<T = Result<Response>> = std::result::Result<T, PoolFailure>;
type Pool = PoolLogic<Members<RunnerFetch, MemberStub>>;

/// One per project, and one for each further container of a project.
#[durable_object(alarm)]
pub struct RunPool {
    runtime: ObjectRuntime,
    target: RunTarget<RunnerFetch>,
    limits: std::result::Result<PoolLimits, String>,
    namespace: Option<ObjectNamespace>,
    runs: std::result::Result<PoolRuns, String>,
    /// Created by the first call that concerns the pool, because the names of the further objects derive from that
    /// call.
    pool: OnceCell<(PoolName, Rc<Pool>)>,
}

impl DurableObject for RunPool {
    fn new(state: State, env: Env) -> Self {
        let runtime = bindings::object_runtime(&state);
        let limits = bindings::pool_limits(&env);
        let sleep_after_ms = limits.as_ref().map_or(0, |limits| limits.sleep_after_ms);
        Self {
            target: bindings::run_target(&env, &state, &runtime, sleep_after_ms),
            limits,
            namespace: bindings::run_pools(&env),
            runs: pool_runs(&env, &runtime),
            pool: OnceCell::new(),
            runtime,
        }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let Incoming { object, call } = call::receive::<PoolCall>(&request)?;
        let answer = match pool_of_object(&object) {
            Ok(name) => {
                self.target.set_name(&name);
                self.answer(&name, call, &request).await
            }
            Err(refusal) => Err(refusal),
        };
        answer.unwrap_or_else(|failure| call::refuse(&failure))
    }

    async fn alarm(&self) -> Result<Response> {
        let runs = self.runs.as_ref().ok();
        let records = runs.map(|runs| (&*runs.recorder, &*runs.notices));
        let quota = runs.map(|runs| &runs.quota);
        let take_up = || match runs {
            Some(runs) => runs.take_up(|project_id| {
                let name = PoolName::of_project(project_id);
                self.target.set_name(&name);
                self.pool(&name).cloned()
            }),
            None => Ok(None),
        };
        maintenance::alarm(&self.target, records, quota, take_up, &self.runtime)
            .await
            .map_err(|error| error.to_string())?;
        Response::empty()
    }
}

impl RunPool {
    async fn answer(&self, name: &PoolName, pool_call: PoolCall, request: &Request) -> Answer {
        let client = || client_signal::of(&request.inner().signal());
        Ok(match pool_call {
            PoolCall::Run { run, draft_bytes, body_bytes } => {
                let _held = hold(body_bytes as usize)?;
                match self.run(name, run, draft_bytes, request).await? {
                    PoolAnswer::Started(events) => Response::from_stream(events.map(Ok::<_, worker::Error>)),
                    PoolAnswer::Detached(pending) => call::answer(&Answered::Detached(pending)),
                    PoolAnswer::Attached(first_call) => call::answer(&Answered::Attached(first_call)),
                    PoolAnswer::Ended(first_call) => call::answer(&Answered::Ended(first_call)),
                }
            }
            PoolCall::RunHere { waited_ms } => {
                let since = self.runtime.clock.now().plus_ms(-waited_ms);
                let client = client();
                let (sent, lease) = self.target.run(&body(request).await?, since, &client).await?;
                pipe_response(sent, lease, &client, &self.runtime).map_or_else(|| chunk(START.to_vec()), Ok)
            }
            PoolCall::AttachHere(id) => match self.target.attach(id).await? {
                Some((events, lease)) => {
                    let piped = pipe_response(SentJob::Running(events), lease, &client(), &self.runtime);
                    piped.map_or_else(|| chunk(START.to_vec()), Ok)
                }
                None => call::answer(&false),
            },
            PoolCall::ForgetHere(id) => {
                self.target.forget(id).await;
                call::answer(&())
            }
            PoolCall::Cancel(id) => call::answer(&self.pool(name)?.cancel(id).await),
            PoolCall::CancelHere(id) => call::answer(&self.target.cancel(id).await),
            PoolCall::Pending(id) => call::answer(&self.runs_taken_up(name)?.in_flight.find(id)),
            PoolCall::List(filter) => {
                let runs = self.runs_taken_up(name)?.in_flight.list(&filter);
                Response::from_bytes(serde_json::to_vec(&runs).expect("text and numbers always encode"))
            }
            PoolCall::OutputSoFar(id) => {
                let partial_output = self.runs_taken_up(name)?.in_flight.partial_output(id);
                let output = partial_output.and_then(|output| output.so_far());
                Response::from_bytes(serde_json::to_vec(&output).expect("text and numbers always encode"))
            }
            PoolCall::Follow { id, from } => {
                let in_flight = &self.runs_taken_up(name)?.in_flight;
                let Some(partial_output) = in_flight.partial_output(id) else {
                    return Ok(call::answer(&None::<Followed>));
                };
                let from = partial_output.begin_at(from);
                let clock = Rc::clone(&self.runtime.clock);
                let lines = partial_output.follow(from, move || clock.sleep(HEARTBEAT_MS));
                call::answer_with_stream(&Some(Followed { from }), lines.map(Ok::<_, worker::Error>))
            }
            PoolCall::CancelInFlight { id, token } => {
                call::answer(&self.runs_taken_up(name)?.in_flight.cancel(id, token.as_deref()).await)
            }
            PoolCall::Keep { log } => {
                let lines = text(request).await?;
                let runs = FinishedRun::from_lines(&lines).ok_or_else(|| refused("The runs are unreadable."))?;
                self.runs()?.recorder.keep(log, &runs).await.map_err(|error| refused(&error.0))?;
                call::answer(&())
            }
            PoolCall::Flush => {
                self.runs()?.recorder.flush().await.map_err(|error| refused(&error.0))?;
                call::answer(&())
            }
            PoolCall::Delete => {
                self.delete(name).await?;
                call::answer(&())
            }
            PoolCall::Input(id) => socket(self.pool(name)?.input(id).await?),
            PoolCall::InputHere(id) => socket(self.target.input(id).await?),
            PoolCall::Start => call::answer(&Started { slots: self.target.up().await? }),
            PoolCall::Destroy => {
                self.target.destroy().await;
                if name.is_first() {
                    self.pool(name)?.destroy_others().await;
                }
                call::answer(&())
            }
            PoolCall::State => {
                let (running, queued) = if name.is_first() { self.pool(name)?.load() } else { (0, 0) };
                call::answer(&self.state(running, queued))
            }
            PoolCall::Health => call::answer(&self.target.health(&client()).await?),
        })
    }

    /// Runs the job in a request; its draft comes before it.
    async fn run(&self, name: &PoolName, run: RunCall, draft_bytes: u32, request: &Request) -> Answer<PoolAnswer> {
        let body = body(request).await?;
        let draft = Uint8Array::new_with_byte_offset_and_length(&body, 0, draft_bytes.min(body.byte_length()));
        let draft: RunDraft = serde_json::from_slice(&draft.to_vec())
            .map_err(|error| refused(&format!("The draft of a run is unreadable: {error}")))?;
        let runs = self.runs_taken_up(name)?;
        let job = body.slice(draft_bytes);
        if let RunMode::Detached(call) = &run.mode {
            let job = Uint8Array::new(&job).to_vec();
            return runs.detach(self.pool(name)?, (&run, call.clone()), draft, &job).await;
        }
        let client = client_signal::of(&request.inner().signal());
        runs.run(self.pool(name)?, run, draft, async || Ok(job), &client).await
    }

    /// Ends what a deleted project still runs, and deletes what is stored. Member 0 also tells the others.
    async fn delete(&self, name: &PoolName) -> Answer<()> {
        if name.is_first() {
            self.runs()?.recorder.stop();
            self.runs()?.stop_detached();
            let pool = self.pool(name)?;
            pool.delete().await;
            pool.destroy_others().await;
            self.runs()?.quota.give_back().await;
        }
        self.target.destroy().await;
        self.runtime.storage.delete_all().await.map_err(|error| refused(&error.0))
    }

    fn runs(&self) -> Answer<&PoolRuns> {
        self.runs.as_ref().map_err(|wrong| refused(wrong))
    }

    /// The runs, after those that were stored before a reset were taken up.
    fn runs_taken_up(&self, name: &PoolName) -> Answer<&PoolRuns> {
        let runs = self.runs()?;
        if name.is_first() {
            runs.take_up_once(|_| self.pool(name).cloned()).map_err(|error| refused(&error.0))?;
        }
        Ok(runs)
    }

    fn state(&self, running: usize, queued: usize) -> PoolState {
        let (container, up) = match &self.target {
            RunTarget::Container(instance) => (instance.is_running(), instance.known()),
            RunTarget::Url(_) | RunTarget::Missing => (false, None),
        };
        let slots = up.as_ref().map_or(0, |up| up.slots);
        let instance = up.and_then(|up| up.runner.instance().map(str::to_owned));
        PoolState { container, instance, slots, running, queued }
    }

    /// The pool whose runs this object distributes, by the name that its callers use.
    fn pool(&self, name: &PoolName) -> Answer<&Rc<Pool>> {
        if !name.is_first() {
            return Err(refused("A further object of a pool shares out no runs."));
        }
        let limits = self.limits.clone().map_err(|wrong| refused(&wrong))?;
        let (own_name, pool) = self.pool.get_or_init(|| {
            let others = MemberStub { pool: name.clone(), namespace: self.namespace.clone() };
            let members = Members { own: self.target.clone(), others };
            (name.clone(), PoolLogic::new(self.target.limited(limits), members, self.runtime.clone()))
        });
        if own_name != name { Err(refused("The object was called by two names.")) } else { Ok(pool) }
    }
}

fn pool_runs(env: &Env, runtime: &ObjectRuntime) -> std::result::Result<PoolRuns, String> {
    let records = bindings::run_records(env)?;
    Ok(PoolRuns::new(runtime.clone(), records, bindings::webhooks(env)?, bindings::quota_ports(env)?))
}

/// The body. It stays outside of the object's own memory, and can be sent more than once.
async fn body(request: &Request) -> Answer<ArrayBuffer> {
    let read = async { JsFuture::from(request.inner().array_buffer()?).await };
    let buffer = read.await.map_err(|error| refused(&worker::Error::from(error).to_string()))?;
    Ok(buffer.unchecked_into())
}

/// The body as text.
async fn text(request: &Request) -> Answer<String> {
    let body = body(request).await?;
    let bytes = Uint8Array::new(&body).to_vec();
    String::from_utf8(bytes).map_err(|error| refused(&error.to_string()))
}

fn socket(opened: Option<FetchResponse>) -> Result<Response> {
    opened.map_or_else(Response::empty, |response| Ok(response.0.into()))
}

/// A stream of one chunk, because the stub reads a run as a stream.
fn chunk(bytes: Vec<u8>) -> Result<Response> {
    Response::from_stream(stream::once(async { Ok::<_, worker::Error>(bytes) }))
}

fn refused(why: &str) -> PoolFailure {
    PoolFailureCode::Unavailable.with_message(why)
}
