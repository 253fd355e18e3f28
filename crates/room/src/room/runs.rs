//! Runs the program of the room, one run at a time, and broadcasts its events.

use super::output::{Effect, Output, RunRequest};
use super::state::Room;
use crate::role::Role;
use crate::yjs_protocol;
use docle_languages::RunLanguage;
use serde_json::{Value, json};

/// A program is already running.
#[derive(Debug, PartialEq, Eq)]
pub struct Busy;

impl Room {
    /// A project owns the room from now on, so programs can run in it.
    pub fn set_owned(&mut self) {
        self.runs.has_owner = true;
    }

    /// Begins a run that an authorized client asked for by HTTP. `code` and `lang` replace the room's own.
    ///
    /// # Errors
    /// When a program is already running.
    pub fn begin_run(&mut self, user_id: &str, code: Option<String>, lang: Option<String>) -> Result<Value, Busy> {
        if self.runs.running.is_some() {
            return Err(Busy);
        }
        self.runs.running = Some(user_id.to_owned());
        Ok(self.program(code, lang, None))
    }

    /// Broadcasts an event of the current run.
    pub fn on_run_event(&mut self, event: Value) -> Output {
        let by = self.runs.running.clone().unwrap_or_default();
        self.broadcast_event(&message(&by, event));
        self.take_output()
    }

    /// Broadcasts the result of the current run and keeps it for later connections.
    pub fn on_run_result(&mut self, result: Value) -> Output {
        let by = self.runs.running.take().unwrap_or_default();
        self.broadcast_event(&message(&by, json!({ "type": "complete", "result": result })));
        self.runs.result = Some(result);
        self.take_output()
    }

    /// Broadcasts that the run API refused the current run.
    pub fn on_run_refused(&mut self, code: &str, reason: &str) -> Output {
        let by = self.runs.running.take().unwrap_or_default();
        self.broadcast_event(&message(&by, json!({ "type": "refused", "code": code, "message": reason })));
        self.take_output()
    }

    /// Whether a program is running.
    pub fn is_running(&self) -> bool {
        self.runs.running.is_some()
    }

    /// A connection asks for a run.
    pub(super) fn on_run(&mut self, id: u32, stdin: Option<String>) {
        let Some(connection) = self.connections.get(&id) else { return };
        if !self.runs.has_owner {
            let message = "needs a room of a project, whose key pays for the run: create one with POST /api/rooms";
            return self.reply_error(id, "room_without_owner", "type", message);
        }
        if connection.role < Role::Runner {
            return self.reply_error(id, "not_a_runner", "type", "needs the role runner");
        }
        if self.runs.running.is_some() {
            return self.reply_error(id, "already_running", "type", "must wait until the running program has ended");
        }
        let (user_id, host) = (connection.user_id(), connection.host.clone());
        self.runs.running = Some(user_id.clone());
        let request = self.program(None, None, stdin);
        self.output.effects.push(Effect::Run(RunRequest { user_id, host, request }));
    }

    /// Sends the last result to a new Yjs connection that wants events.
    pub(super) fn send_last_result(&mut self, id: u32) {
        let wants_events = self.connections.get(&id).is_some_and(|connection| connection.wants_events);
        if let Some(result) = self.runs.result.clone().filter(|_| wants_events) {
            let message = message("", json!({ "type": "complete", "result": result }));
            self.reply_yjs(id, yjs_protocol::event(&message.to_string()));
        }
    }

    /// The program as a request to the run API: the files, or `code` in a room without files.
    fn program(&self, code: Option<String>, lang: Option<String>, stdin: Option<String>) -> Value {
        let meta = self.document.meta();
        let files = self.document.files();
        let lang = lang.or(meta.lang).unwrap_or_else(|| RunLanguage::default_one().name().to_owned());
        let mut program = json!({ "lang": lang });
        match code {
            Some(code) => program["code"] = json!(code),
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
        if let Some(stdin) = stdin {
            program["stdin"] = json!(stdin);
        }
        program
    }
}

/// A message of the JSON protocol about a run.
fn message(user_id: &str, data: Value) -> Value {
    json!({ "type": "run", "userId": user_id, "data": data })
}
