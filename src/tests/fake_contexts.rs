//! Contexts of sandboxes without an interpreter: a cell counts the cells of its context.

use crate::domain::sandbox::id::SandboxId;
use crate::ports::contexts::{CellCall, ContextAction};
use crate::ports::sandboxes::HostError;
use docle_protocol::context::{CellError, CellEvent, CellReport, ContextSpec, ContextState, MAX_CONTEXTS};
use docle_protocol::event::Piece;
use docle_protocol::sandbox::{ExecEnd, ExecReport};
use serde_json::{Map, json};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The contexts of all sandboxes. The cell `hang` runs until it is ended, `fail` has an error, `big` shows more than a line of a run
/// may have, `exit` ends its interpreter, and every other one is printed and has the number of its cell as its value.
#[derive(Default)]
pub struct FakeContexts {
    known: RefCell<BTreeMap<(SandboxId, String), ContextState>>,
}

impl FakeContexts {
    /// Loses everything, as a runner that is started anew.
    pub fn lose(&self) {
        self.known.borrow_mut().clear();
    }

    /// Loses those of a machine that has ended.
    pub fn lose_of(&self, sandbox: &SandboxId) {
        self.known.borrow_mut().retain(|(of, _), _| of != sandbox);
    }

    pub fn act(&self, sandbox: &SandboxId, action: &ContextAction) -> Result<Vec<ContextState>, HostError> {
        let key = |id: &String| (sandbox.clone(), id.clone());
        let mut known = self.known.borrow_mut();
        match action {
            ContextAction::Create { id, spec } => {
                let count = known.keys().filter(|(of, _)| of == sandbox).count();
                if !known.contains_key(&key(id)) && count >= MAX_CONTEXTS {
                    return Err(HostError::TooManyContexts);
                }
                Ok(vec![known.entry(key(id)).or_insert_with(|| state(id, spec)).clone()])
            }
            ContextAction::List => {
                Ok(known.iter().filter(|((of, _), _)| of == sandbox).map(|(_, state)| state.clone()).collect())
            }
            ContextAction::Restart { id } => {
                let state = known.get_mut(&key(id)).ok_or(HostError::NoContext)?;
                state.cells = 0;
                Ok(vec![state.clone()])
            }
            ContextAction::Interrupt { id } => known.get(&key(id)).map(|_| Vec::new()).ok_or(HostError::NoContext),
            ContextAction::Delete { id } => known.remove(&key(id)).map(|_| Vec::new()).ok_or(HostError::NoContext),
        }
    }

    /// The lines of a cell; of one that hangs only the first.
    pub fn run(&self, sandbox: &SandboxId, call: &CellCall) -> Result<Vec<u8>, HostError> {
        if let Some(spec) = &call.default {
            self.act(sandbox, &ContextAction::Create { id: call.context.clone(), spec: spec.clone() })?;
        }
        let mut known = self.known.borrow_mut();
        let state = known.get_mut(&(sandbox.clone(), call.context.clone())).ok_or(HostError::NoContext)?;
        let start_ms = (state.cells == 0).then_some(state.start_ms);
        state.cells += 1;
        let count = state.cells;
        let mut events = vec![CellEvent::Start { start_ms }];
        let code = call.job.code.as_str();
        let shown = |text: String| {
            let data = Map::from_iter([("text/plain".to_owned(), json!(text))]);
            CellEvent::Result { data, is_main: true }
        };
        match code {
            "hang" => return Ok(lines(&events)),
            "fail" | "exit" => {
                let name = if code == "fail" { "ValueError" } else { CellError::EXITED };
                let error = CellError { name: name.into(), message: "boo".into(), traceback: vec!["line 1".into()] };
                events.push(CellEvent::Error { error });
            }
            "big" => events.push(shown("x".repeat(2_000_000))),
            _ => {
                events.push(CellEvent::Stdout { data: Piece(format!("{code}\n").into_bytes()) });
                events.push(shown(count.to_string()));
            }
        }
        let has_failed = matches!(code, "fail" | "exit");
        let exec = ExecReport {
            end: ExecEnd::Exited,
            exit_code: i32::from(has_failed),
            signal: None,
            duration_ms: 5.0,
            cpu_ms: 1.0,
            mem_mb: 2.0,
            stdout_truncated: false,
            stderr_truncated: false,
            session: None,
        };
        let context_lost = code == "exit";
        events.push(CellEvent::Complete { report: CellReport { exec, count, context_lost, results_truncated: false } });
        if context_lost {
            state.cells = 0;
        }
        Ok(lines(&events))
    }
}

fn state(id: &str, spec: &ContextSpec) -> ContextState {
    ContextState {
        id: id.to_owned(),
        language: spec.language,
        cwd: spec.cwd.clone(),
        is_running: false,
        cells: 0,
        start_ms: 60.5,
    }
}

fn lines(events: &[CellEvent]) -> Vec<u8> {
    let line = |event| {
        let mut line = serde_json::to_vec(event).unwrap();
        line.push(b'\n');
        line
    };
    events.iter().flat_map(line).collect()
}
