//! The paths and headers of requests to the runner.

/// The [`crate::VERSION`] of the sender, in every request and every response, in decimal.
pub const PROTOCOL: &str = "docle-protocol";

/// `Authorization: Bearer <secret>`: the secret that the Durable Object and its runner share.
pub const AUTHORIZATION: &str = "authorization";

/// `POST` a [`crate::RunJob`], and after its JSON the bytes of the files that are attached to it. The response is a stream of [`crate::RunEvent`] lines, see [`EVENT_STREAM`].
pub const RUNS_PATH: &str = "/v1/runs";

/// `DELETE` cancels a job. `204` means that the runner never executes a job with this id, also when the job arrives later.
/// `202` means that the runner has the job and ends it; the event stream of the run then completes with the status `cancelled`
/// and with what the run has used. [`crate::RefusalCode::Duplicate`] means that the run has ended already.
pub fn run_path(id: &str) -> String {
    format!("{RUNS_PATH}/{id}")
}

/// The WebSocket for the standard input of an interactive run, which accepts connections once the event stream has begun. The
/// runner writes binary messages to standard input. A text message is an [`crate::InputControl`]. The end of the socket closes
/// standard input, and leaves a terminal open. The
/// runner closes the socket when the program reads no more. Each run has one such socket.
pub fn stdin_path(id: &str) -> String {
    format!("{RUNS_PATH}/{id}/stdin")
}

/// `GET` answers with all events of a run that is kept, see [`crate::RunJob::kept`], from the beginning, also when the run has
/// ended: for ten minutes, unless too much is kept. [`crate::RefusalCode::NotFound`] means that the runner keeps no such run.
/// `DELETE` says that the caller has the end of the run: the events of one that has ended are forgotten. The answer is `204`.
pub fn events_path(id: &str) -> String {
    format!("{RUNS_PATH}/{id}/events")
}

/// `GET` answers [`crate::RunnerHealth`]. It needs no secret and contains none.
pub const HEALTH_PATH: &str = "/health";

/// In a response, the [`crate::RunnerHealth::instance`] of the runner. In a request, the expected instance: any other runner
/// refuses the request. A retry of a job therefore never reaches a runner that does not know the first attempt.
pub const INSTANCE: &str = "docle-instance";

/// In a request, the time that the job has already waited, in milliseconds. It counts as time in the queue.
pub const QUEUED: &str = "docle-queued";

/// The media type of a stream of [`crate::RunEvent`]s: one JSON object per line, of at most
/// [`crate::event::MAX_LINE_BYTES`]. An empty line is a heartbeat.
pub const EVENT_STREAM: &str = "application/x-ndjson";
