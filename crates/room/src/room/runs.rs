//! Runs the program of the room, one run at a time, and broadcasts its events.

use super::output::{Effect, Output, RunRequest};
use super::state::Room;
use crate::role::Role;
use crate::yjs_protocol;
use docle_languages::RunLanguage;
use serde_json::{Value, json};

/// What a request for a run brings beside the room's own program.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunInput {
    /// Replaces the program of the room.
    pub code: Option<String>,
    pub lang: Option<String>,
    pub stdin: Option<String>,
    /// As in a request to the run API.
    pub policy: Option<Value>,
}

/// Why a run does not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRun {
    /// A program is already running.
    Busy,
    /// The room has no program, and the request brings none.
    Empty,
}

impl Room {
    /// A project owns the room from now on, so programs can run in it.
    pub fn set_owned(&mut self) {
        self.runs.has_owner = true;
    }

    /// Begins a run that an authorized client asked for by HTTP.
    ///
    /// # Errors
    /// When a program is already running, or there is none.
    pub fn begin_run(&mut self, user_id: &str, input: RunInput) -> Result<Value, NoRun> {
        if self.runs.running.is_some() {
            return Err(NoRun::Busy);
        }
        let program = self.program(input).ok_or(NoRun::Empty)?;
        self.runs.running = Some(user_id.to_owned());
        Ok(program)
    }

    /// Records that a program runs which began before the room was loaded.
    pub fn resume_run(&mut self, user_id: &str) {
        self.runs.running = Some(user_id.to_owned());
    }

    /// Broadcasts an event of the current run.
    pub fn on_run_event(&mut self, event: Value, now: i64) -> Output {
        self.close_expired(now);
        let by = self.runs.running.clone().unwrap_or_default();
        self.broadcast_event(&message(&by, event));
        self.take_output()
    }

    /// Broadcasts the result of the current run and keeps it for later connections.
    pub fn on_run_result(&mut self, result: Value, now: i64) -> Output {
        self.close_expired(now);
        let by = self.runs.running.take().unwrap_or_default();
        self.broadcast_event(&message(&by, json!({ "type": "complete", "result": result })));
        self.runs.result = Some(result);
        self.take_output()
    }

    /// Broadcasts that the run API refused the current run.
    pub fn on_run_refused(&mut self, code: &str, reason: &str, now: i64) -> Output {
        self.close_expired(now);
        let by = self.runs.running.take().unwrap_or_default();
        self.broadcast_event(&message(&by, json!({ "type": "refused", "code": code, "message": reason })));
        self.take_output()
    }

    /// Whether a program is running.
    pub fn is_running(&self) -> bool {
        self.runs.running.is_some()
    }

    /// A connection asks for a run.
    pub(super) fn on_run(&mut self, id: u32, stdin: Option<String>, policy: Option<Value>) {
        let Some(connection) = self.connections.get(&id) else { return };
        if !self.runs.has_owner {
            let message = "needs a room of a project, whose key pays for the run: create one with POST /api/rooms";
            return self.reply_error(id, "room_without_owner", "type", message);
        }
        if connection.role < Role::Runner {
            return self.reply_error(id, "not_a_runner", "type", "needs the role runner");
        }
        if policy.is_some() && connection.role < Role::Owner {
            let message = "needs the role owner, because it raises what a run may use: leave it out";
            return self.reply_error(id, "not_an_owner", "data.policy", message);
        }
        let (user_id, host) = (connection.user_id(), connection.host.clone());
        match self.begin_run(&user_id, RunInput { stdin, policy, ..RunInput::default() }) {
            Ok(request) => self.output.effects.push(Effect::Run(RunRequest { user_id, host, request })),
            Err(NoRun::Busy) => {
                self.reply_error(id, "already_running", "type", "must wait until the running program has ended");
            }
            Err(NoRun::Empty) => {
                self.reply_error(
                    id,
                    "no_program",
                    "type",
                    "needs a program: the room is empty, so send an update first",
                );
            }
        }
    }

    /// Sends the last result to a new Yjs connection that wants events.
    pub(super) fn send_last_result(&mut self, id: u32) {
        let wants_events = self.connections.get(&id).is_some_and(|connection| connection.wants_events);
        if let Some(result) = self.runs.result.clone().filter(|_| wants_events) {
            let message = message("", json!({ "type": "complete", "result": result }));
            self.reply_yjs(id, yjs_protocol::event(&message.to_string()));
        }
    }

    /// The program as a request to the run API: the files, or `code` in a room without files. `None` if the room is empty
    /// and the input has no code.
    fn program(&self, input: RunInput) -> Option<Value> {
        let meta = self.document.meta();
        let files = self.document.files();
        let lang = input.lang.or(meta.lang).unwrap_or_else(|| RunLanguage::default_one().name().to_owned());
        let mut program = json!({ "lang": lang });
        match input.code {
            Some(code) => program["code"] = json!(code),
            None if files.is_empty() && self.document.code().trim().is_empty() => return None,
            None if files.is_empty() => program["code"] = json!(self.document.code()),
            None => {
                let files = files.into_iter().map(|(path, content)| json!({ "path": path, "content": content }));
                program["files"] = files.collect::<Vec<_>>().into();
            }
        }
        if let Some(entrypoint) = meta.entrypoint.filter(|path| !path.is_empty()) {
            program["entrypoint"] = json!(entrypoint);
        }
        if !meta.packages.is_empty() {
            program["packages"] = json!({ "packages": meta.packages });
        }
        if let Some(stdin) = input.stdin {
            program["stdin"] = json!(stdin);
        }
        if let Some(policy) = input.policy {
            program["policy"] = policy;
        }
        Some(program)
    }
}

/// A message of the JSON protocol about a run.
fn message(user_id: &str, data: Value) -> Value {
    json!({ "type": "run", "userId": user_id, "data": data })
}
