//! A container and the runner in it without either: they start, run jobs, lose connections and die as a test says.

use crate::domain::run::id::RunId;
use crate::ports::http_messages::Upgrade;
use crate::ports::sandboxes::ByteStream;
use crate::ports::{
    ClientSignal, Container, EventStream, PortError, RunnerHttp, RunnerRequest, RunnerResponse, SendError,
};
use crate::tests::fault::Faults;
use async_trait::async_trait;
use docle_protocol::headers::{
    AUTHORIZATION, HEALTH_PATH, INSTANCE, PROTOCOL, RUNS_PATH, events_path, run_path, stdin_path,
};
use docle_protocol::{Refusal, RefusalCode, RunEvent, Stream, VERSION};
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::future::LocalBoxFuture;
use futures::stream::LocalBoxStream;
use futures::{FutureExt, StreamExt};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

pub const START: &str = "{\"type\":\"start\"}\n";
pub const COMPLETE: &str = concat!(
    r#"{"type":"complete","report":{"status":"success","exitCode":0,"signal":null,"#,
    r#""truncated":{"stdout":false,"stderr":false},"usage":{"cpuMs":1.5,"memMB":9.5,"durationMs":12.0,"#,
    r#""queueMs":0.0,"installMs":0.0,"blockedConnections":0}}}"#,
    "\n"
);

/// The line of an event with output.
pub fn output(stream: Stream, text: &str) -> String {
    let event = RunEvent::output(stream, text.as_bytes().to_vec());
    serde_json::to_string(&event).unwrap() + "\n"
}

type Events = UnboundedSender<Result<Vec<u8>, PortError>>;

/// The runner of one start.
struct Process {
    secret: String,
    instance: String,
    /// The jobs that it has received, or must not execute.
    known: HashSet<RunId>,
}

/// One container: [`Container`] and [`RunnerHttp`] at once.
#[derive(Default)]
pub struct FakeRunner {
    process: RefCell<Option<Process>>,
    runs: RefCell<HashMap<RunId, Events>>,
    /// The programs that were executed, in order; a program that is there twice is the error that all of this avoids.
    pub executed: RefCell<Vec<RunId>>,
    /// The runs whose connection was closed before their end.
    pub aborted: RefCell<Vec<RunId>>,
    /// The runs that were cancelled in progress. Each of them goes on until the test ends it.
    pub cancelled: RefCell<Vec<RunId>>,
    pub starts: Cell<u32>,
    pub checks: Cell<u32>,
    /// The next starts, each of which dies at once.
    pub dies_at_start: Cell<u32>,
    /// The version that the runner speaks instead of ours.
    pub speaks: Cell<Option<u32>>,
    pub check_faults: Faults,
    /// `NotDone`: the connection breaks before the job arrives. `DoneButFailed`: it breaks after that.
    pub run_faults: Faults,
    pub cancel_faults: Faults,
    pub destroy_faults: Faults,
    /// Whether runs go on without a connection, and their events are kept.
    pub keeps: Cell<bool>,
    kept: RefCell<HashMap<RunId, Vec<String>>>,
    /// What the runner refuses the next job with.
    pub refuses: Cell<Option<RefusalCode>>,
    /// Programs that the runner says it runs at once.
    pub slots: Cell<u32>,
}

impl FakeRunner {
    pub fn with_slots(slots: u32) -> Rc<Self> {
        let runner = Self::default();
        runner.slots.set(slots);
        Rc::new(runner)
    }

    /// The container dies by itself, with all its runs.
    pub fn die(&self) {
        self.process.replace(None);
        self.kept.take();
        for (_, events) in self.runs.take() {
            let _ = events.unbounded_send(Err(PortError("The connection broke.".to_owned())));
        }
    }

    /// A run sends a line.
    pub fn emit(&self, id: RunId, line: &str) {
        let sent = self.runs.borrow()[&id].unbounded_send(Ok(line.as_bytes().to_vec()));
        match self.kept.borrow_mut().get_mut(&id) {
            // It goes on, with or without a reader.
            Some(lines) => lines.push(line.to_owned()),
            None => sent.unwrap(),
        }
    }

    /// The events of a run that is kept, and those to come.
    fn attach(&self, id: RunId) -> Option<UnboundedReceiver<Result<Vec<u8>, PortError>>> {
        let kept = self.kept.borrow();
        let (sender, events) = unbounded();
        for line in kept.get(&id)? {
            sender.unbounded_send(Ok(line.as_bytes().to_vec())).unwrap();
        }
        // One that has ended ends with what it has.
        if let Some(running) = self.runs.borrow_mut().get_mut(&id) {
            *running = sender;
        }
        Some(events)
    }

    /// The runs whose events are kept.
    pub fn kept(&self) -> Vec<RunId> {
        self.kept.borrow().keys().copied().collect()
    }

    /// The event stream of a run comes to its end.
    pub fn end(&self, id: RunId) {
        self.runs.borrow_mut().remove(&id).expect("it runs");
    }

    pub fn runs(&self, id: RunId) -> bool {
        self.runs.borrow().contains_key(&id)
    }

    fn abort(&self, id: RunId) {
        if let Some(events) = self.runs.borrow_mut().remove(&id) {
            let _ = events.unbounded_send(Err(PortError("Aborted.".to_owned())));
            self.aborted.borrow_mut().push(id);
        }
    }

    fn refusal(&self, code: RefusalCode) -> FakeResponse {
        let body = serde_json::to_vec(&Refusal { code, message: "No.".to_owned() }).unwrap();
        FakeResponse { status: code.status(), speaks: VERSION, body, events: None }
    }

    fn handle(self: &Rc<Self>, request: &Received, end: Option<&ClientSignal>) -> Result<FakeResponse, SendError> {
        let mut process = self.process.borrow_mut();
        let Some(process) = process.as_mut() else {
            return Err(SendError::NotDelivered("not listening".to_owned()));
        };
        if request.instance.as_ref().is_some_and(|instance| *instance != process.instance) {
            return Ok(self.refusal(RefusalCode::OtherInstance));
        }
        let ok = FakeResponse { status: 200, speaks: self.speaks.get().unwrap_or(VERSION), body: vec![], events: None };
        if request.path == HEALTH_PATH {
            self.checks.set(self.checks.get() + 1);
            let health = json!({
                "version": "0", "protocol": VERSION, "instance": process.instance, "tier": "root", "properties": {},
                "languages": {}, "running": 0, "slots": self.slots.get(), "waiting": {}, "waitingMB": null,
            });
            return Ok(FakeResponse { body: serde_json::to_vec(&health).unwrap(), ..ok });
        }
        if request.secret != process.secret {
            return Ok(self.refusal(RefusalCode::Unauthorized));
        }
        if let Some(code) = self.refuses.take() {
            return Ok(self.refusal(code));
        }
        if let Some(id) = request.forgets {
            self.kept.borrow_mut().remove(&id);
            return Ok(FakeResponse { status: 204, ..ok });
        }
        if let Some(id) = request.attaches {
            return Ok(match self.attach(id) {
                Some(events) => FakeResponse { events: Some(events), ..ok },
                None => self.refusal(RefusalCode::NotFound),
            });
        }
        if let Some(id) = request.input {
            return Ok(FakeResponse { status: if self.runs(id) { 101 } else { 404 }, ..ok });
        }
        let Some(id) = request.job else {
            let id = request.cancels.expect("a job is named");
            if process.known.insert(id) {
                return Ok(FakeResponse { status: 204, ..ok });
            }
            if !self.runs(id) {
                return Ok(self.refusal(RefusalCode::Duplicate));
            }
            self.cancelled.borrow_mut().push(id);
            return Ok(FakeResponse { status: 202, ..ok });
        };
        if !process.known.insert(id) {
            return Ok(self.refusal(RefusalCode::Duplicate));
        }
        let (sender, events) = unbounded();
        self.executed.borrow_mut().push(id);
        self.runs.borrow_mut().insert(id, sender);
        if self.keeps.get() {
            self.kept.borrow_mut().insert(id, Vec::new());
        } else if let Some(end) = end {
            let own = Rc::clone(self);
            end.on_leave(move || own.abort(id));
        }
        Ok(FakeResponse { events: Some(events), ..ok })
    }
}

/// A request, as the runner reads it.
struct Received {
    path: String,
    secret: String,
    instance: Option<String>,
    job: Option<RunId>,
    cancels: Option<RunId>,
    /// The run whose input is asked for.
    input: Option<RunId>,
    /// The run whose events are asked for.
    attaches: Option<RunId>,
    /// The run whose events are not needed any more.
    forgets: Option<RunId>,
}

impl Received {
    fn read(request: &RunnerRequest<'_, RunId>) -> Self {
        let header = |name: &str| request.headers.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
        assert_eq!(header(PROTOCOL), Some(VERSION.to_string().as_str()));
        let id = request.path.strip_prefix(RUNS_PATH).and_then(|rest| RunId::parse(rest.split('/').nth(1)?));
        let is = |path: fn(&str) -> String| id.filter(|id| path(&id.to_string()) == request.path);
        Self {
            path: request.path.to_owned(),
            secret: header(AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer ")).unwrap().to_owned(),
            instance: header(INSTANCE).map(str::to_owned),
            job: request.body.copied(),
            cancels: is(run_path),
            input: is(stdin_path),
            attaches: is(events_path).filter(|_| request.method == "GET"),
            forgets: is(events_path).filter(|_| request.method == "DELETE"),
        }
    }
}

/// The way to a [`FakeRunner`], for the ports that `Rc` cannot implement.
#[derive(Clone)]
pub struct FakeWay(pub Rc<FakeRunner>);

impl RunnerHttp for FakeWay {
    type Body = RunId;
    type Response = FakeResponse;

    fn body(_: &[u8]) -> RunId {
        unreachable!("runs are sent as they are")
    }

    async fn send_stream(
        &self,
        _: RunnerRequest<'_, RunId>,
        _: ByteStream,
        _: Option<&ClientSignal>,
    ) -> Result<FakeResponse, SendError> {
        unreachable!("runs have no streams")
    }

    async fn send(
        &self,
        request: RunnerRequest<'_, RunId>,
        end: Option<&ClientSignal>,
    ) -> Result<FakeResponse, SendError> {
        let faults = match (request.method, request.path) {
            (_, HEALTH_PATH) => &self.0.check_faults,
            (_, RUNS_PATH) => &self.0.run_faults,
            _ => &self.0.cancel_faults,
        };
        let received = Received::read(&request);
        let answer = faults.around(async || self.0.handle(&received, end)).await;
        answer.unwrap_or_else(|error| Err(SendError::Lost(error.0)))
    }
}

#[async_trait(?Send)]
impl Container for FakeWay {
    fn is_running(&self) -> bool {
        self.0.process.borrow().is_some()
    }

    fn start(&self, variables: &[(&str, &str)]) -> Result<(), PortError> {
        let runner = &self.0;
        assert!(!self.is_running(), "a container is started twice");
        runner.starts.set(runner.starts.get() + 1);
        if runner.dies_at_start.get() > 0 {
            runner.dies_at_start.set(runner.dies_at_start.get() - 1);
            return Ok(());
        }
        let [(_, secret)] = variables else { panic!("one variable") };
        let instance = format!("process {}", runner.starts.get());
        runner.process.replace(Some(Process { secret: (*secret).to_owned(), instance, known: HashSet::new() }));
        Ok(())
    }

    async fn outlive_object(&self, _: i64) -> Result<(), PortError> {
        Ok(())
    }

    async fn destroy(&self) -> Result<(), PortError> {
        self.0.destroy_faults.around(async || self.0.die()).await
    }
}

/// The response of a [`FakeRunner`].
pub struct FakeResponse {
    status: u16,
    speaks: u32,
    body: Vec<u8>,
    events: Option<UnboundedReceiver<Result<Vec<u8>, PortError>>>,
}

impl RunnerResponse for FakeResponse {
    fn status(&self) -> u16 {
        self.status
    }

    fn header(&self, name: &str) -> Option<String> {
        (name == PROTOCOL).then(|| self.speaks.to_string())
    }

    async fn bytes(&self) -> Result<Vec<u8>, PortError> {
        Ok(self.body.clone())
    }
}

impl EventStream for FakeResponse {
    type Piped = UnboundedReceiver<Result<Vec<u8>, PortError>>;

    fn pipe(self) -> Result<(Self::Piped, LocalBoxFuture<'static, bool>), PortError> {
        let mut events = self.events.ok_or_else(|| PortError("No body.".to_owned()))?;
        let (sender, piped) = unbounded();
        let ended = async move {
            while let Some(chunk) = events.next().await {
                let is_error = chunk.is_err();
                if sender.unbounded_send(chunk).is_err() || is_error {
                    return false;
                }
            }
            true
        };
        Ok((piped, ended.boxed_local()))
    }

    fn into_socket(self) -> Option<Upgrade> {
        None
    }

    fn chunks(self) -> Result<LocalBoxStream<'static, Result<Vec<u8>, PortError>>, PortError> {
        Ok(self.events.ok_or_else(|| PortError("No body.".to_owned()))?.boxed_local())
    }
}

impl FakeResponse {
    /// A response with these events, as another object passes them on.
    pub fn with(events: UnboundedReceiver<Result<Vec<u8>, PortError>>) -> Self {
        Self { status: 200, speaks: VERSION, body: vec![], events: Some(events) }
    }
}
