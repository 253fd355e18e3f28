//! A runner: where it is, and how it is spoken to.

use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::objects::container::handle::{ContainerHandle, first_line, is_undelivered};
use crate::objects::run_pool::call::no_input;
use crate::objects::run_pool::client_signal::Caller;
use crate::platform::clock::RuntimeClock;
use crate::platform::fetch;
use crate::ports::{Clock, PoolFailure, PoolFailureCode};
use docle_protocol::headers::{
    AUTHORIZATION, EVENT_STREAM, HEALTH_PATH, INSTANCE, PROTOCOL, QUEUED, RUNS_PATH, run_path, stdin_path,
};
use docle_protocol::limits::MAX_QUEUE_MS;
use docle_protocol::{Refusal, RefusalCode, VERSION};
use futures::future::{Either, select};
use std::pin::pin;
use std::rc::Rc;
use worker::js_sys::ArrayBuffer;
use worker::wasm_bindgen::JsValue;
use worker::worker_sys::web_sys::{self, AbortController, AbortSignal};
use worker::{Error, Response};

/// What a refusal may take on top of the longest wait, in milliseconds.
const ANSWER_MS: u32 = 2_000;

/// Where a runner is.
#[derive(Clone)]
pub enum Address {
    /// Outside, at `SANDBOX_URL`, without a slash at the end.
    Url(String),
    /// In this object's container.
    Container(Rc<ContainerHandle>),
}

/// See the module.
#[derive(Clone)]
pub struct Runner {
    pub address: Address,
    pub secret: String,
    /// The process that is meant, where it is known. Only with it a job may be sent twice.
    pub instance: Option<String>,
}

/// Why a runner did not do what it was asked.
#[derive(Debug)]
pub enum RunnerError {
    /// Nothing listened; nothing has arrived.
    Undelivered(String),
    /// The connection broke. What has arrived is unknown.
    Lost(String),
    /// It speaks another protocol.
    Mismatch(String),
    /// It said no.
    Refused(Refusal),
}

/// A job that a runner has.
pub enum Job {
    /// It runs; the response is the stream of its events.
    Running(web_sys::Response),
    /// It may have run, or a part of it, and nobody will ever know.
    Unknown(String),
}

impl Runner {
    /// Sends a job that has waited since `since`, and gives the stream of its events. It ends when `caller` leaves.
    ///
    /// The runtime leaves a connection open whose fetch is aborted before the response began, and with it the run in
    /// its queue. So a caller who leaves early is noticed when the response begins, which is at the latest when the
    /// run gets its place.
    pub async fn run(&self, job: &ArrayBuffer, since: Timestamp, caller: &Caller) -> Result<Job, RunnerError> {
        let end = AbortController::new().map_err(|error| RunnerError::Undelivered(first_line(&error.into())))?;
        let response = match self.post(job, since, &end.signal()).await {
            Ok(response) => response,
            Err(RunnerError::Lost(why)) if self.instance.is_some() => {
                match self.post(job, since, &end.signal()).await {
                    Ok(response) => response,
                    Err(_) => return Ok(Job::Unknown(why)),
                }
            }
            Err(error) => return Err(error),
        };
        caller.when_it_leaves(move || end.abort());
        Ok(Job::Running(response))
    }

    /// The runner's own words about itself.
    pub async fn health(&self, signal: &AbortSignal) -> Result<web_sys::Response, RunnerError> {
        let request = self.request("GET", &[], None)?;
        request.set_signal(Some(signal));
        self.send(HEALTH_PATH, &request).await
    }

    /// The socket that leads to the standard input of an interactive run, or an empty answer where it is over.
    pub async fn input(&self, id: RunId) -> Result<Response, PoolFailure> {
        let request = self.request("GET", &[("upgrade", "websocket")], None)?;
        let response = self.fetch(&stdin_path(&id.to_string()), &request).await?;
        match response.status() {
            101 => Ok(response.into()),
            404 => no_input().map_err(|error| unsent(&error).into()),
            status => Err(RunnerError::Lost(format!("The runner answered {status} to a socket.")).into()),
        }
    }

    /// Sees to it that a job which has not come is never executed. `false` where the runner has had it, or does not say.
    pub async fn cancel_unstarted(&self, id: RunId) -> bool {
        let path = run_path(&id.to_string());
        let answer = async {
            let request = self.request("DELETE", &[], None).ok()?;
            let response = self.fetch(&path, &request).await.ok()?;
            // What nobody reads would be in the way of the next request.
            fetch::bytes(&response).await.ok()?;
            Some(response.status())
        };
        matches!(select(pin!(answer), RuntimeClock.sleep(ANSWER_MS)).await, Either::Left((Some(204), _)))
    }

    async fn post(
        &self,
        job: &ArrayBuffer,
        since: Timestamp,
        end: &AbortSignal,
    ) -> Result<web_sys::Response, RunnerError> {
        let waited = (RuntimeClock.now().0 - since.0).max(0);
        let queued = waited.to_string();
        let headers = [(QUEUED, queued.as_str()), ("accept", EVENT_STREAM), ("content-type", "application/json")];
        let request = self.request("POST", &headers, Some(job))?;
        request.set_signal(Some(end));
        // A runner answers when the job has its place, and refuses when that takes too long; one that does neither is
        // stuck.
        let patience = MAX_QUEUE_MS.saturating_sub(u32::try_from(waited).unwrap_or(u32::MAX)) + ANSWER_MS;
        match select(pin!(self.send(RUNS_PATH, &request)), RuntimeClock.sleep(patience)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(RunnerError::Lost("The runner did not answer in time.".to_owned())),
        }
    }

    fn request(
        &self,
        method: &str,
        headers: &[(&str, &str)],
        body: Option<&JsValue>,
    ) -> Result<web_sys::RequestInit, RunnerError> {
        let (authorization, version) = (format!("Bearer {}", self.secret), VERSION.to_string());
        let own = [(AUTHORIZATION, authorization.as_str()), (PROTOCOL, &version)];
        let instance = self.instance.as_deref().map(|instance| (INSTANCE, instance));
        let all: Vec<_> = own.into_iter().chain(instance).chain(headers.iter().copied()).collect();
        fetch::request(method, &all, body).map_err(|error| unsent(&error))
    }

    async fn fetch(&self, path: &str, request: &web_sys::RequestInit) -> Result<web_sys::Response, RunnerError> {
        let response = match &self.address {
            Address::Url(origin) => fetch::outside(&format!("{origin}{path}"), request).await,
            Address::Container(container) => {
                let runner = container.runner().map_err(|error| unsent(&error))?;
                fetch::at(&runner, &format!("http://runner{path}"), request).await
            }
        };
        response.map_err(|error| match is_undelivered(&error) {
            true => RunnerError::Undelivered(first_line(&error)),
            false => RunnerError::Lost(first_line(&error)),
        })
    }

    async fn send(&self, path: &str, request: &web_sys::RequestInit) -> Result<web_sys::Response, RunnerError> {
        let response = self.fetch(path, request).await?;
        let speaks = fetch::header(&response, PROTOCOL).unwrap_or_default();
        if response.status() != 200 {
            return Err(read_refusal(&response, &speaks).await);
        }
        if speaks != VERSION.to_string() {
            return Err(RunnerError::Mismatch(format!("The runner speaks protocol {speaks:?}, not {VERSION}.")));
        }
        Ok(response)
    }
}

fn unsent(error: &Error) -> RunnerError {
    RunnerError::Undelivered(first_line(error))
}

async fn read_refusal(response: &web_sys::Response, speaks: &str) -> RunnerError {
    let text = fetch::bytes(response).await.unwrap_or_default();
    match serde_json::from_slice::<Refusal>(&text) {
        Ok(refusal) => RunnerError::Refused(refusal),
        Err(_) if speaks != VERSION.to_string() => {
            RunnerError::Mismatch(format!("What answers is no runner of protocol {VERSION}: {}.", response.status()))
        }
        Err(_) => RunnerError::Lost(format!("The runner answered {} and no refusal.", response.status())),
    }
}

impl From<RunnerError> for PoolFailure {
    fn from(error: RunnerError) -> Self {
        match error {
            RunnerError::Undelivered(why) | RunnerError::Lost(why) => {
                PoolFailureCode::Unavailable.because(format!("The runner does not answer: {why}"))
            }
            RunnerError::Mismatch(why) => PoolFailureCode::Mismatch.because(why),
            RunnerError::Refused(Refusal { code, message }) => {
                let code = match code {
                    RefusalCode::Busy => PoolFailureCode::Busy,
                    RefusalCode::ProtocolMismatch | RefusalCode::NotFound => PoolFailureCode::Mismatch,
                    RefusalCode::InvalidJob | RefusalCode::TooLarge => PoolFailureCode::Rejected,
                    // It came by another way, on which its answer was lost.
                    RefusalCode::Duplicate => PoolFailureCode::Lost,
                    RefusalCode::Unauthorized
                    | RefusalCode::OtherInstance
                    | RefusalCode::Stopping
                    | RefusalCode::Internal => PoolFailureCode::Unavailable,
                };
                code.because(format!("The runner refused: {message}"))
            }
        }
    }
}
