//! How a request to the runner is addressed and authenticated.

/// Carries [`crate::VERSION`] in every request and every response, in decimal.
pub const PROTOCOL: &str = "docle-protocol";

/// `Authorization: Bearer <secret>`: the secret that only the Sandbox object and its runner know.
pub const AUTHORIZATION: &str = "authorization";

/// `POST` a [`crate::RunJob`]. With `Accept: application/x-ndjson` the answer is a stream of
/// [`crate::RunEvent`] lines; otherwise it is one [`crate::RunReport`].
pub const RUNS_PATH: &str = "/v1/runs";

/// `DELETE` withdraws a job: `204` where nothing of it has been executed, and now never will be, whenever it comes; a
/// [`crate::RefusalCode::Duplicate`] where the runner has had it.
pub fn run_path(id: &str) -> String {
    format!("{RUNS_PATH}/{id}")
}

/// Where a WebSocket leads to the standard input of an interactive run, once its stream has begun: binary messages are what
/// is written, any text is the end of it, and so is the socket's. The runner closes it when nothing more is read. There is
/// one for each run.
pub fn stdin_path(id: &str) -> String {
    format!("{RUNS_PATH}/{id}/stdin")
}

/// `GET` answers [`crate::RunnerHealth`]; needs no secret and says nothing that is one.
pub const HEALTH_PATH: &str = "/health";

/// In every response, the [`crate::RunnerHealth::instance`] that answers. In a request, the one that is meant: another
/// one refuses, so that a job whose fate is unknown is never sent to a runner that cannot know it.
pub const INSTANCE: &str = "docle-instance";

/// In a request, how long the job has waited already, in milliseconds: it counts as time in the queue.
pub const QUEUED: &str = "docle-queued";

/// The media type of a stream of [`crate::RunEvent`]s, one JSON object a line; an empty line is a heartbeat.
pub const EVENT_STREAM: &str = "application/x-ndjson";
