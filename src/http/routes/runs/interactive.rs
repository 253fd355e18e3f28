//! `GET /api/run` as a WebSocket: an interactive run, to which the client sends input while the program runs.

use crate::app::App;
use crate::app::runs::progress::{Client, Progress, StartedRun};
use crate::app::runs::start::{HOPS_MS, deadline_ms, start_run};
use crate::domain::input::json;
use crate::domain::key::run_token::Claims;
use crate::domain::run;
use crate::domain::run::client_message::{self, ClientMessage};
use crate::domain::run::id::RunId;
use crate::domain::run::output::BoundedOutput;
use crate::domain::run::request::RunRequest;
use crate::domain::timestamp::Timestamp;
use crate::http::auth::caller::{ApiClient, credentials};
use crate::http::error::{ApiError, ErrorCode};
use crate::http::middleware::request_id;
use crate::http::request::call::{Call, invalid};
use crate::http::request::subprotocol;
use crate::http::response::sse::{self, MAX_REPEATED_BYTES};
use crate::http::routes::runs::repository;
use crate::ports::PoolFailureCode;
use crate::ports::http_messages::{Body, Response};
use crate::ports::socket::{Message, Socket};
use ::http::StatusCode;
use bytes::Bytes;
use docle_protocol::limits::MAX_BODY_BYTES;
use docle_protocol::{InputControl, TerminalSize};
use futures::StreamExt;
use futures::future::{Either, select};
use serde_json::Value;
use std::collections::VecDeque;
use std::pin::pin;

/// How long the first message may take, in milliseconds.
const FIRST_MESSAGE_MS: u32 = 10_000;
/// How long the socket to the standard input of a program may take to open, in milliseconds.
const INPUT_MS: u32 = 5_000;
/// The most input of one run, in bytes of messages. Input that the program has not read stays in memory.
const MAX_INPUT_BYTES: usize = MAX_BODY_BYTES;
/// What a message counts at least, in bytes.
const MESSAGE_BYTES: usize = 64;
/// Output that waits for the client of a terminal before the run waits, too, in bytes of messages. A hundred such clients
/// take a fifth of an isolate's 128 MiB.
const MAX_QUEUED_BYTES: usize = 256 * 1_024;
/// Between two looks whether the client has read, in milliseconds: a screen that moves twenty times a second moves smoothly.
const LOOK_MS: u32 = 50;
/// The close code of RFC 6455 for a normal closure.
const NORMAL: u16 = 1_000;

/// Opens an interactive run. A client that may not run programs is refused before the socket opens.
pub async fn interactive_run(app: &App, call: Call) -> Result<Response, ApiError> {
    if !call.asks_for_websocket() {
        let message = "GET opens a WebSocket for an interactive run; use POST to run a program.";
        return Err(ApiError::new(ErrorCode::UpgradeRequired, message));
    }
    if call.header("idempotency-key").is_some() {
        return Err(invalid("Idempotency-Key", "is not available for interactive runs: leave it out"));
    }
    let sent = credentials(call.headers()).or_else(|| subprotocol::credentials(&call, subprotocol::KEY));
    let client = ApiClient::for_run(app, &call, sent).await?;
    let token = client.token.clone();
    let (upgrade, socket) = app.sockets.pair()?;
    let mut session = InteractiveSession {
        app: app.clone(),
        socket,
        early: VecDeque::new(),
        token,
        is_publishable: client.is_publishable,
        request_id: request_id::of(&*app.entropy, call.headers()),
    };
    app.background.spawn(Box::pin(async move {
        if let Err(error) = session.serve(client.into()).await {
            session.send_error(error);
        }
    }));
    Ok(subprotocol::switch(&call, upgrade))
}

/// One run and its client.
struct InteractiveSession {
    app: App,
    socket: Box<dyn Socket>,
    /// The messages that came before the run began.
    early: VecDeque<Message>,
    /// What a run token allows.
    token: Option<Claims>,
    /// Whether the key is publishable, also that of a token.
    is_publishable: bool,
    request_id: String,
}

impl InteractiveSession {
    /// Runs the request in the first message, and forwards input and events until the run ends or the client leaves.
    async fn serve(&mut self, client: Client) -> Result<(), ApiError> {
        let first = match select(self.socket.next(), self.app.clock.sleep(FIRST_MESSAGE_MS)).await {
            Either::Left((Some(first), _)) => first,
            Either::Left((None, _)) => return Ok(()),
            Either::Right(_) => {
                let message = "No message came within ten seconds; send the body of POST /api/run first.";
                return Err(ApiError::new(ErrorCode::IncompleteBody, message));
            }
        };
        let id = self.app.new_run_id(client.owner.log_id);
        let mut request = run::request::parse_interactive(parse(first)?, id, self.app.config.max_timeout_ms)
            .map_err(ApiError::invalid)?;
        repository::check(&self.app, &request, &client.base_url, self.is_publishable)?;
        if let Some(token) = &self.token {
            token.restrict_run(&mut request).map_err(ApiError::invalid)?;
        }
        if request.detach {
            return Err(invalid("detach", "is not available for interactive runs: leave it out"));
        }
        request.job.interactive = true;
        let longest_ms = deadline_ms(&request.job) - HOPS_MS;
        let has_terminal = request.job.tty.is_some();
        let project_id = client.owner.project_id.clone();
        let Some(run) = self.start(id, client, request).await? else { return Ok(()) };
        let app = self.app.clone();
        let input = match select(app.run_pools.input(&project_id, id), app.clock.sleep(INPUT_MS)).await {
            Either::Left((input, _)) => input?,
            Either::Right(_) => {
                return Err(PoolFailureCode::Unavailable
                    .with_message("The input of a run did not open in time.")
                    .into());
            }
        };
        let terminal = has_terminal.then(|| Terminal { until: app.clock.now().plus_ms(longest_ms.into()) });
        self.follow(run, input, terminal).await
    }

    /// Starts the run; `None` when the client leaves before the start. Input that the client sends meanwhile is kept.
    async fn start(&mut self, id: RunId, client: Client, request: RunRequest) -> Result<Option<StartedRun>, ApiError> {
        let app = self.app.clone();
        let mut starting = pin!(start_run(&app, id, client, request, None));
        let mut room = MAX_INPUT_BYTES;
        loop {
            match select(starting.as_mut(), self.socket.next()).await {
                Either::Left((run, _)) => return Ok(Some(run?)),
                Either::Right((Some(message), _)) => {
                    charge(&mut room, &message)?;
                    self.early.push_back(message);
                }
                Either::Right((None, _)) => return Ok(None),
            }
        }
    }

    /// The next message, those that came early first.
    async fn next(&mut self) -> Option<Message> {
        match self.early.pop_front() {
            Some(message) => Some(message),
            None => self.socket.next().await,
        }
    }

    /// Whether the client is so far behind that a run with a terminal waits for it. When the program has ended, what is left
    /// is little, and the rest of the service does not wait.
    fn is_behind(&self, terminal: Option<&Terminal>) -> bool {
        terminal.is_some_and(|terminal| self.app.clock.now() < terminal.until)
            && self.socket.queued_bytes() > MAX_QUEUED_BYTES
    }

    /// What happens next, unless the client is behind: then nothing of the run for a moment.
    async fn heard(&mut self, run: &mut StartedRun, is_behind: bool) -> Heard {
        let app = self.app.clone();
        let progress = async {
            match is_behind {
                false => Heard::Progress(run.progress.next().await),
                true => {
                    app.clock.sleep(LOOK_MS).await;
                    Heard::Nothing
                }
            }
        };
        match select(pin!(progress), pin!(self.next())).await {
            Either::Left((heard, _)) => heard,
            Either::Right((message, _)) => Heard::Message(message),
        }
    }

    /// Forwards input and events until the end. An early return drops the run, which ends it.
    async fn follow(
        &mut self,
        mut run: StartedRun,
        mut input: Option<Box<dyn Socket>>,
        terminal: Option<Terminal>,
    ) -> Result<(), ApiError> {
        self.send_event(sse::start(&run));
        let mut room = MAX_INPUT_BYTES;
        let mut output = BoundedOutput::new(MAX_REPEATED_BYTES);
        loop {
            let is_behind = self.is_behind(terminal.as_ref());
            match self.heard(&mut run, is_behind).await {
                Heard::Progress(Some(Progress::Output(stream, text))) => {
                    output.push(stream, &text);
                    self.send_event(sse::piece(stream, &text));
                }
                Heard::Progress(Some(Progress::Stage(stage))) => {
                    if let Some((_, event)) = sse::stage(stage) {
                        self.send_event(event);
                    }
                }
                Heard::Nothing | Heard::Progress(Some(Progress::Heartbeat | Progress::Cell(_))) => {}
                Heard::Progress(Some(Progress::Complete(result))) => {
                    for file in sse::artifacts(&result) {
                        self.send_event(file);
                    }
                    self.send_event(sse::complete(&result, output));
                    self.socket.close(NORMAL, "The run has ended.");
                    return Ok(());
                }
                Heard::Progress(None) => {
                    return Err(ApiError::new(ErrorCode::Internal, "The run ended without a result."));
                }
                Heard::Message(Some(message)) => {
                    charge(&mut room, &message)?;
                    let message = client_message::read(parse(message)?, terminal.is_some());
                    let typed = match message.map_err(ApiError::invalid)? {
                        ClientMessage::Stdin(typed) if terminal.is_some() => typed.at_terminal(),
                        ClientMessage::Stdin(typed) => typed,
                        ClientMessage::Resize(size) => {
                            if let Some(program) = &input {
                                program.send(Message::Text(resized(size)));
                            }
                            continue;
                        }
                    };
                    if let Some(program) = &input {
                        program.send(Message::Binary(typed.data.into_bytes()));
                    }
                    if typed.end
                        && let Some(program) = input.take()
                    {
                        program.close(NORMAL, "");
                    }
                }
                // The client has left.
                Heard::Message(None) => return Ok(()),
            }
        }
    }

    fn send_event(&self, event: Bytes) {
        self.socket.send(Message::Text(String::from_utf8_lossy(&event).into_owned()));
    }

    /// Sends the error with the body of an HTTP response, and closes the socket.
    fn send_error(&self, error: ApiError) {
        let response = error.into_response(&*self.app.log, &self.request_id, "/api/run");
        let (code, reason) = close_code(response.status());
        if let Body::Whole(problem) = response.into_body() {
            self.send_event([b"{\"type\":\"error\",\"problem\":", &problem[..], b"}"].concat().into());
        }
        self.socket.close(code, reason);
    }
}

/// What happens while a run goes on.
enum Heard {
    Progress(Option<Progress>),
    Message(Option<Message>),
    Nothing,
}

/// A run with a terminal.
struct Terminal {
    /// When its program has ended at the latest, packages and compilation included. The deadline of the object comes after it.
    until: Timestamp,
}

fn resized(TerminalSize { cols, rows }: TerminalSize) -> String {
    serde_json::to_string(&InputControl::Resize { cols, rows }).expect("two numbers are plain data")
}

/// Subtracts a message from the input that the run may still get.
fn charge(remaining: &mut usize, message: &Message) -> Result<(), ApiError> {
    *remaining = remaining.checked_sub(message.size().max(MESSAGE_BYTES)).ok_or_else(|| {
        let message = format!("The messages of one run may have at most {MAX_INPUT_BYTES} bytes together.");
        ApiError::new(ErrorCode::BodyTooLarge, message)
    })?;
    Ok(())
}

fn parse(message: Message) -> Result<Value, ApiError> {
    let Message::Text(text) = message else {
        return Err(ApiError::new(ErrorCode::InvalidJson, "Send messages as JSON in text frames, not binary frames."));
    };
    if text.len() > MAX_BODY_BYTES {
        let message = format!("A message may have at most {MAX_BODY_BYTES} bytes.");
        return Err(ApiError::new(ErrorCode::BodyTooLarge, message));
    }
    json::parse(&text)
        .map_err(|error| ApiError::new(ErrorCode::InvalidJson, format!("The message is not JSON: {error}.")))
}

/// The close code for a status, as in rooms: codes below 4500 are final, and clients may reconnect after all others.
const fn close_code(status: StatusCode) -> (u16, &'static str) {
    match status.as_u16() {
        429 => (4529, "Too many requests; see the last message."),
        status => (4000 + status, "See the last message."),
    }
}
