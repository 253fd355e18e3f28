//! What `POST /api/run/batch` may say.

use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::Reader;
use crate::domain::run::program::{Program, read_program, read_user};
use crate::domain::run::request::{self, ProgramInput, UnnamedRun, read_input};
use docle_api::batches::{BatchRequest, InputsRequest, RunInputs};
use docle_api::{fields, limits};
use serde_json::Value;

/// Several runs.
#[derive(Debug, Clone)]
pub enum Batch {
    /// One program with each of these inputs.
    Inputs(Box<Program>, Vec<ProgramInput>),
    /// Different programs.
    Programs(Vec<UnnamedRun>),
}

impl Batch {
    /// How many runs there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Inputs(_, inputs) => inputs.len(),
            Self::Programs(runs) => runs.len(),
        }
    }
}

/// Reads the body. `max_timeout_ms` is this deployment's highest `policy.timeoutMs`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(mut body: Value, max_timeout_ms: u32) -> Result<Batch, Vec<FieldError>> {
    let mut problems = Problems::default();
    let has_runs = body.get("runs").is_some_and(|runs| !runs.is_null());
    if let (false, Some(body)) = (has_runs, body.as_object_mut()) {
        // What is null is absent, and one program with inputs has no such field.
        body.remove("runs");
    }
    let batch = if has_runs {
        let known = fields::of::<BatchRequest>();
        Reader::open(body, String::new(), known, &mut problems).and_then(|fields| read_runs(fields, max_timeout_ms))
    } else {
        let known = fields::of::<InputsRequest>();
        let [policy, compile, user_context, ..] = request::inside();
        let inside = [policy, compile, user_context, ("inputs[0]", fields::of::<RunInputs>())];
        Reader::open_with(body, String::new(), known, &inside, &mut problems)
            .and_then(|fields| read_inputs(fields, max_timeout_ms))
    };
    problems.conclude(batch)
}

fn read_runs(mut fields: Reader<'_>, max_timeout_ms: u32) -> Option<Batch> {
    let values = fields.list("runs", limits::MAX_BATCH_RUNS)?;
    if values.is_empty() {
        fields.note("runs", "must have at least one entry");
    }
    let mut runs = Vec::with_capacity(values.len());
    for (index, value) in values.into_iter().enumerate() {
        let at = format!("runs[{index}]");
        let Some(mut run) = Reader::open_with(value, at, request::known(), &request::inside(), fields.problems())
        else {
            continue;
        };
        for (name, way_out) in [
            ("detach", "is not available in a batch: start a detached run with POST /api/run"),
            ("artifactsInline", "is not available in a batch: leave it out"),
            ("repo", "is not available in a batch: start each run of a repository with POST /api/run"),
            ("webhook", "is not available in a batch: start detached runs with POST /api/run"),
        ] {
            if run.value(name).is_some_and(|value| value != false) {
                run.note(name, way_out);
            }
        }
        runs.extend(request::read(run, max_timeout_ms));
    }
    Some(Batch::Programs(runs))
}

fn read_inputs(mut fields: Reader<'_>, max_timeout_ms: u32) -> Option<Batch> {
    let program = read_program(&mut fields, max_timeout_ms);
    let user_context = read_user(&mut fields);
    if !fields.has("inputs") {
        fields.note("inputs", "is required, such as [{ \"stdin\": \"1 2\" }], unless runs are sent");
    }
    let values = fields.list("inputs", limits::MAX_BATCH_RUNS)?;
    if values.is_empty() {
        fields.note("inputs", "must have at least one entry");
    }
    let mut inputs = Vec::with_capacity(values.len());
    for (index, value) in values.into_iter().enumerate() {
        let at = format!("inputs[{index}]");
        let Some(mut input) = Reader::open(value, at, fields::of::<RunInputs>(), fields.problems()) else { continue };
        inputs.push(read_input(&mut input));
    }
    Some(Batch::Inputs(Box::new(program?.for_user(user_context)), inputs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn errors(body: Value) -> Vec<String> {
        let errors = parse(body, 60_000).unwrap_err();
        errors.into_iter().map(|error| format!("{} {}", error.field, error.message)).collect()
    }

    #[test]
    fn a_batch_is_one_program_with_inputs_or_several_programs() {
        let body = json!({ "lang": "python", "code": "x", "inputs": [{ "stdin": "1" }, { "args": ["2"] }, {}] });
        let Batch::Inputs(program, inputs) = parse(body, 60_000).unwrap() else { panic!("no inputs") };
        assert_eq!((program.files[0].content.as_str(), inputs.len(), inputs[0].stdin.as_str()), ("x", 3, "1"));
        let runs =
            json!([{ "lang": "python", "code": "1", "detach": false }, { "lang": "c", "code": "2", "stdin": "3" }]);
        let Batch::Programs(runs) = parse(json!({ "runs": runs }), 60_000).unwrap() else { panic!("no runs") };
        assert_eq!((runs.len(), runs[1].input.stdin.as_str()), (2, "3"));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_run() {
        let run = json!({ "lang": "python", "code": "" });
        let with = |name: &str, value: Value| {
            let mut run = run.clone();
            run[name] = value;
            json!({ "runs": [{ "lang": "python", "code": "" }, run] })
        };
        for (body, says) in [
            (json!({ "runs": [] }), "runs must have at least one entry"),
            (json!({ "runs": vec![run.clone(); 101] }), "runs may have at most 100 entries"),
            (json!({ "runs": [run], "lang": "python" }), "lang is not a field"),
            (json!({ "lang": "python", "code": "" }), "inputs is required"),
            (json!({ "lang": "python", "code": "", "inputs": [] }), "inputs must have at least one entry"),
            (
                json!({ "lang": "python", "code": "", "inputs": [{}, { "arg": 1 }] }),
                "inputs[1].arg is not a field; did you mean \"args\"?",
            ),
            (
                json!({ "lang": "python", "code": "", "inputs": [{}], "stdin": "" }),
                "stdin is not a field; did you mean \"inputs[0].stdin\"?",
            ),
            (with("detach", json!(true)), "runs[1].detach is not available in a batch"),
            (with("webhook", json!({})), "runs[1].webhook is not available in a batch"),
            (with("artifactsInline", json!(true)), "runs[1].artifactsInline is not available in a batch"),
            (with("tier", json!("isolate")), "runs[1].tier must be \"run\" here"),
            (with("policy", json!({ "timeoutMs": 60_001 })), "runs[1].policy.timeoutMs must be an integer"),
            (json!([]), " must be an object"),
        ] {
            let errors = errors(body.clone());
            assert!(errors.iter().any(|error| error.starts_with(says)), "{body} {errors:?}");
        }
    }
}
