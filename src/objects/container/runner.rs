//! The HTTP client of one runner.

use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::ports::sandboxes::ByteStream;
use crate::ports::{
    ClientSignal, Clock, PoolFailure, PoolFailureCode, RunnerHttp, RunnerRequest, RunnerResponse, SendError, SentJob,
};
use docle_protocol::headers::{
    AUTHORIZATION, HEALTH_PATH, INSTANCE, PROTOCOL, QUEUED, RUNS_PATH, events_path, run_path, stdin_path,
};
use docle_protocol::limits::MAX_QUEUE_MS;
use docle_protocol::{Refusal, RefusalCode, RunnerHealth, VERSION};
use futures::future::{Either, select};
use std::pin::pin;
use std::rc::Rc;

/// How long a response may take beyond the longest wait in the queue, in milliseconds.
const ANSWER_MS: u32 = 2_000;

/// A runner, and what requests to it carry.
pub struct Runner<H> {
    http: Rc<H>,
    clock: Rc<dyn Clock>,
    secret: String,
    /// The expected process, if it is known. Without it no job is sent twice.
    instance: Option<String>,
}

impl<H> Clone for Runner<H> {
    fn clone(&self) -> Self {
        Self {
            http: Rc::clone(&self.http),
            clock: Rc::clone(&self.clock),
            secret: self.secret.clone(),
            instance: self.instance.clone(),
        }
    }
}

/// Why a runner did not do what a request asked for.
#[derive(Debug)]
pub enum RunnerError {
    /// Nothing listened; nothing has arrived.
    NotDelivered(String),
    /// The connection broke. Whether the request has arrived is unknown.
    Lost(String),
    /// The runner speaks another version of the protocol.
    Mismatch(String),
    /// The runner refused the request.
    Refused(Refusal),
}

impl<H: RunnerHttp> Runner<H> {
    /// The runner at the other end of `http`, which accepts `secret`.
    pub fn new(http: Rc<H>, clock: Rc<dyn Clock>, secret: String) -> Self {
        Self { http, clock, secret, instance: None }
    }

    /// The same runner, whose requests expect this process.
    pub fn expecting(&self, instance: String) -> Self {
        Self { instance: Some(instance), ..self.clone() }
    }

    /// The process that requests expect.
    pub fn instance(&self) -> Option<&str> {
        self.instance.as_deref()
    }

    /// Sends a job that has waited since `since`, and returns the stream of its events. The run ends when `client`
    /// leaves.
    ///
    /// The runtime leaves a connection open when its fetch is aborted before the response begins, and the run stays in
    /// the queue of the runner. A client that leaves early is therefore noticed when the response begins, at the latest
    /// when the run gets its slot.
    ///
    /// # Errors
    /// Nothing has run, unless the runner refused the job as [`RefusalCode::Duplicate`].
    pub async fn run(
        &self,
        job: &H::Body,
        since: Timestamp,
        client: &ClientSignal,
    ) -> Result<SentJob<H::Response>, RunnerError> {
        let end = ClientSignal::default();
        let response = match self.post(job, since, &end).await {
            Ok(response) => response,
            Err(RunnerError::Lost(why)) if self.instance.is_some() => match self.post(job, since, &end).await {
                Ok(response) => response,
                Err(_) => return Ok(SentJob::Unknown(why)),
            },
            Err(error) => return Err(error),
        };
        client.on_leave(move || end.leave());
        Ok(SentJob::Running(response))
    }

    /// All events of a run that the runner keeps, from the beginning; `None` if it keeps no such run.
    pub async fn attach(&self, id: RunId) -> Result<Option<H::Response>, RunnerError> {
        let path = events_path(&id.to_string());
        let request = RunnerRequest { method: "GET", path: &path, headers: &[], body: None };
        match self.send(request, None).await {
            Ok(response) => Ok(Some(response)),
            Err(RunnerError::Refused(refusal)) if refusal.code == RefusalCode::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Says that the end of a run is stored, so that the runner need not keep its events. It may be repeated, and may be left out.
    pub async fn forget(&self, id: RunId) {
        let path = events_path(&id.to_string());
        let forget = async {
            let request = RunnerRequest { method: "DELETE", path: &path, headers: &[], body: None };
            if let Ok(response) = self.fetch(request, None).await {
                // An unread body would block the next request on this connection.
                let _ = response.bytes().await;
            }
        };
        select(pin!(forget), self.clock.sleep(ANSWER_MS)).await;
    }

    /// The health of the runner.
    pub async fn health(&self, client: &ClientSignal) -> Result<RunnerHealth, RunnerError> {
        let request = RunnerRequest { method: "GET", path: HEALTH_PATH, headers: &[], body: None };
        let response = self.send(request, Some(client)).await?;
        let body = response.bytes().await.map_err(|error| RunnerError::Lost(error.0))?;
        serde_json::from_slice(&body).map_err(|error| RunnerError::Lost(error.to_string()))
    }

    /// The socket to the standard input of an interactive run; `None` when the run is over.
    pub async fn input(&self, id: RunId) -> Result<Option<H::Response>, RunnerError> {
        let path = stdin_path(&id.to_string());
        let request = RunnerRequest { method: "GET", path: &path, headers: &[("upgrade", "websocket")], body: None };
        let response = self.fetch(request, None).await?;
        match response.status() {
            101 => Ok(Some(response)),
            404 => Ok(None),
            status => Err(RunnerError::Lost(format!("The runner answered {status} to a socket."))),
        }
    }

    /// Cancels a job. `true` means that the runner never executes it; `false` means that the runner has received it, and
    /// ends it if it runs, or did not answer.
    pub async fn cancel(&self, id: RunId) -> bool {
        let path = run_path(&id.to_string());
        let answer = async {
            let request = RunnerRequest { method: "DELETE", path: &path, headers: &[], body: None };
            let response = self.fetch(request, None).await.ok()?;
            // An unread body would block the next request on this connection.
            response.bytes().await.ok()?;
            Some(response.status())
        };
        matches!(select(pin!(answer), self.clock.sleep(ANSWER_MS)).await, Either::Left((Some(204), _)))
    }

    async fn post(&self, job: &H::Body, since: Timestamp, end: &ClientSignal) -> Result<H::Response, RunnerError> {
        let waited = (self.clock.now().0 - since.0).max(0);
        let queued = waited.to_string();
        let headers = [(QUEUED, queued.as_str()), ("content-type", "application/json")];
        let request = RunnerRequest { method: "POST", path: RUNS_PATH, headers: &headers, body: Some(job) };
        // A runner answers when the job gets its slot, and refuses the job when that takes too long; a runner that does
        // neither is stuck.
        let patience = MAX_QUEUE_MS.saturating_sub(u32::try_from(waited).unwrap_or(u32::MAX)) + ANSWER_MS;
        match select(pin!(self.send(request, Some(end))), self.clock.sleep(patience)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(RunnerError::Lost("The runner did not answer in time.".to_owned())),
        }
    }

    /// Sends a request, and checks that the response has status 200 and this version of the protocol.
    async fn send(
        &self,
        request: RunnerRequest<'_, H::Body>,
        end: Option<&ClientSignal>,
    ) -> Result<H::Response, RunnerError> {
        let response = self.fetch(request, end).await?;
        let speaks = response.header(PROTOCOL).unwrap_or_default();
        if response.status() != 200 {
            return Err(read_refusal(&response, &speaks).await);
        }
        if speaks != VERSION.to_string() {
            return Err(RunnerError::Mismatch(format!("The runner speaks protocol {speaks:?}, not {VERSION}.")));
        }
        Ok(response)
    }

    /// Sends a request whose body comes piece by piece; it is never sent twice.
    ///
    /// # Errors
    /// There is no response.
    pub async fn upload(
        &self,
        request: RunnerRequest<'_, H::Body>,
        body: ByteStream,
        end: Option<&ClientSignal>,
    ) -> Result<H::Response, RunnerError> {
        let (authorization, version) = (format!("Bearer {}", self.secret), VERSION.to_string());
        let own = [(AUTHORIZATION, authorization.as_str()), (PROTOCOL, &version)];
        let instance = self.instance.as_deref().map(|instance| (INSTANCE, instance));
        let headers: Vec<_> = own.into_iter().chain(instance).chain(request.headers.iter().copied()).collect();
        let answer = self.http.send_stream(RunnerRequest { headers: &headers, ..request }, body, end).await;
        answer.map_err(RunnerError::from)
    }

    /// Sends a request, and returns the response whatever its status.
    ///
    /// # Errors
    /// There is no response.
    pub async fn fetch(
        &self,
        request: RunnerRequest<'_, H::Body>,
        end: Option<&ClientSignal>,
    ) -> Result<H::Response, RunnerError> {
        let (authorization, version) = (format!("Bearer {}", self.secret), VERSION.to_string());
        let own = [(AUTHORIZATION, authorization.as_str()), (PROTOCOL, &version)];
        let instance = self.instance.as_deref().map(|instance| (INSTANCE, instance));
        let headers: Vec<_> = own.into_iter().chain(instance).chain(request.headers.iter().copied()).collect();
        let send = async || self.http.send(RunnerRequest { headers: &headers, ..request }, end).await;
        let answer = match send().await {
            // The runner may have closed a connection that the runtime had kept. These requests may be repeated.
            Err(SendError::Lost(_)) if matches!(request.method, "GET" | "DELETE") && self.instance.is_some() => {
                send().await
            }
            first => first,
        };
        answer.map_err(RunnerError::from)
    }
}

impl From<SendError> for RunnerError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::NotDelivered(why) => Self::NotDelivered(why),
            SendError::Lost(why) => Self::Lost(why),
        }
    }
}

impl RunnerError {
    /// Why the container of this runner must be replaced; `None` when the runner can continue.
    pub fn retires(&self) -> Option<String> {
        match self {
            Self::NotDelivered(why) | Self::Lost(why) | Self::Mismatch(why) => Some(why.clone()),
            Self::Refused(Refusal { code, message }) => match code {
                RefusalCode::Unauthorized
                | RefusalCode::OtherInstance
                | RefusalCode::Stopping
                | RefusalCode::ProtocolMismatch
                | RefusalCode::NotFound => Some(message.clone()),
                RefusalCode::Busy
                | RefusalCode::Duplicate
                | RefusalCode::InvalidJob
                | RefusalCode::TooLarge
                | RefusalCode::NoLanguage
                | RefusalCode::NoTerminal
                | RefusalCode::UnknownSandbox
                | RefusalCode::UnknownContext
                | RefusalCode::TooManyContexts
                | RefusalCode::Internal => None,
            },
        }
    }
}

async fn read_refusal(response: &impl RunnerResponse, speaks: &str) -> RunnerError {
    let body = response.bytes().await.unwrap_or_default();
    match serde_json::from_slice::<Refusal>(&body) {
        Ok(refusal) => RunnerError::Refused(refusal),
        Err(_) if speaks != VERSION.to_string() => {
            let status = response.status();
            RunnerError::Mismatch(format!("The answer is not from a runner of protocol {VERSION}: {status}."))
        }
        Err(_) => RunnerError::Lost(format!("The runner answered {} and no refusal.", response.status())),
    }
}

impl From<RunnerError> for PoolFailure {
    fn from(error: RunnerError) -> Self {
        match error {
            RunnerError::NotDelivered(why) | RunnerError::Lost(why) => {
                PoolFailureCode::Unavailable.with_message(format!("The runner does not answer: {why}"))
            }
            RunnerError::Mismatch(why) => PoolFailureCode::Mismatch.with_message(why),
            RunnerError::Refused(Refusal { code, message }) => {
                let code = match code {
                    RefusalCode::NoLanguage => return PoolFailureCode::NoLanguage.with_message(message),
                    RefusalCode::NoTerminal => PoolFailureCode::NoTerminal,
                    RefusalCode::Busy => PoolFailureCode::Busy,
                    RefusalCode::ProtocolMismatch | RefusalCode::NotFound => PoolFailureCode::Mismatch,
                    RefusalCode::InvalidJob
                    | RefusalCode::TooLarge
                    | RefusalCode::UnknownSandbox
                    | RefusalCode::UnknownContext
                    | RefusalCode::TooManyContexts => PoolFailureCode::Rejected,
                    // The job came over another connection, on which the answer was lost.
                    RefusalCode::Duplicate => PoolFailureCode::Lost,
                    RefusalCode::Unauthorized
                    | RefusalCode::OtherInstance
                    | RefusalCode::Stopping
                    | RefusalCode::Internal => PoolFailureCode::Unavailable,
                };
                code.with_message(format!("The runner refused: {message}"))
            }
        }
    }
}
