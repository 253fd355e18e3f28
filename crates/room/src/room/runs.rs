//! Running what is in the room: one program at a time, in sight of everybody.

use super::Room;
use crate::seat::Role;
use crate::wire;
use serde_json::{Value, json};

/// A wish to run the program, which the room grants.
#[derive(Debug, Clone, PartialEq)]
pub struct RunAsked {
    /// Who asks, as clients of the JSON protocol know them.
    pub user_id: String,
    /// The host of the page that they asked from.
    pub host: Option<String>,
    /// What would be the body of a request to run it.
    pub request: Value,
}

/// What is known of runs.
pub(super) struct Runs {
    has_owner: bool,
    /// Who asked for the run that goes on.
    running: Option<String>,
    result: Option<Value>,
}

/// A message of the JSON protocol about a run.
fn message(user_id: &str, data: Value) -> Value {
    json!({ "type": "run", "userId": user_id, "data": data })
}

impl Runs {
    pub(super) fn new(has_owner: bool, result: Option<Value>) -> Self {
        Self { has_owner, running: None, result }
    }

    pub(super) fn set_owned(&mut self) {
        self.has_owner = true;
    }

    /// The result of the last run.
    pub(super) fn result(&self) -> Option<&Value> {
        self.result.as_ref()
    }
}

impl Room {
    /// Somebody asks for a run by HTTP, where who may was decided already; `code` and `lang` replace the room's own.
    ///
    /// # Errors
    /// Where a program runs already.
    pub fn begin_run(&mut self, user_id: &str, code: Option<String>, lang: Option<String>) -> Result<Value, Busy> {
        if self.runs.running.is_some() {
            return Err(Busy);
        }
        self.runs.running = Some(user_id.to_owned());
        Ok(self.program(code, lang, None))
    }

    /// Something happened in the run that goes on, as an event of the run API; everybody hears it.
    pub fn tell_run(&mut self, event: Value) -> super::Output {
        let by = self.runs.running.clone().unwrap_or_default();
        self.tell_all(&message(&by, event));
        self.take_output()
    }

    /// The run has ended with this result, which latecomers will see.
    pub fn end_run(&mut self, result: Value) -> super::Output {
        let by = self.runs.running.take().unwrap_or_default();
        self.tell_all(&message(&by, json!({ "type": "complete", "result": result })));
        self.runs.result = Some(result);
        self.take_output()
    }

    /// The run did not begin.
    pub fn refuse_run(&mut self, code: &str, why: &str) -> super::Output {
        let by = self.runs.running.take().unwrap_or_default();
        self.tell_all(&message(&by, json!({ "type": "refused", "code": code, "message": why })));
        self.take_output()
    }

    /// Whether a program runs.
    pub fn is_running(&self) -> bool {
        self.runs.running.is_some()
    }

    pub(super) fn ask_to_run(&mut self, id: u32, stdin: Option<String>) {
        let Some(seat) = self.seats.get(&id) else { return };
        if !self.runs.has_owner {
            let message = "needs a room of a project, whose key pays for it: make one with POST /api/rooms";
            return self.refuse(id, "room_without_owner", "type", message);
        }
        if seat.role < Role::Runner {
            return self.refuse(id, "not_a_runner", "type", "needs the role runner");
        }
        if self.runs.running.is_some() {
            return self.refuse(id, "already_running", "type", "has to wait until the program that runs has ended");
        }
        let (user_id, host) = (seat.user_id(), seat.host.clone());
        self.runs.running = Some(user_id.clone());
        let request = self.program(None, None, stdin);
        self.output.effects.push(super::Effect::Run(RunAsked { user_id, host, request }));
    }

    /// A latecomer hears how the last run ended.
    pub(super) fn tell_events_so_far(&mut self, id: u32) {
        let wants_events = self.seats.get(&id).is_some_and(|seat| seat.wants_events);
        if let Some(result) = self.runs.result.clone().filter(|_| wants_events) {
            let message = message("", json!({ "type": "complete", "result": result }));
            self.reply_yjs(id, wire::event(&message.to_string()));
        }
    }

    /// The program as the run API takes it: the files where there are any, else the one text.
    fn program(&self, code: Option<String>, lang: Option<String>, stdin: Option<String>) -> Value {
        let meta = self.document.meta();
        let files = self.document.files();
        let lang = lang.or(meta.lang).unwrap_or_else(|| "python".to_owned());
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

    fn tell_all(&mut self, message: &Value) {
        self.send_json(None, message);
        let to: Vec<u32> =
            self.seats.values().filter(|seat| seat.speaks_yjs() && seat.wants_events).map(|seat| seat.id).collect();
        let frame = wire::event(&message.to_string());
        self.send(to, super::Frame::Binary(frame.into()));
    }
}

/// A program runs already.
#[derive(Debug, PartialEq, Eq)]
pub struct Busy;
