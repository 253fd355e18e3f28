//! What `POST /api/v1/code` may say: one cell of code, and the run that it is.

use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::{Reader, shown};
use crate::domain::run::id::RunId;
use crate::domain::run::request::{self, RunRequest};
use docle_api::contexts::CodeRunRequest;
use docle_api::limits::{DEFAULT_EXEC_TIMEOUT_MS, MAX_CODE_CELL_BYTES};
use docle_api::{fields, runs};
use docle_languages::{ContextLanguage, RunLanguage};
use docle_protocol::RunCell;
use serde_json::{Map, Value, json};

/// Where the fields of a run are that this call has beside the others.
const POLICY: &str = "policy.";

/// Reads the body. `max_timeout_ms` is this deployment's highest `timeoutMs`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(body: Value, id: RunId, max_timeout_ms: u32) -> Result<RunRequest, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<CodeRunRequest>();
    let read = Reader::open(body, String::new(), known, &mut problems).and_then(|mut fields| {
        let language = read_language(&mut fields);
        let code = read_code(&mut fields);
        let language = language?;
        Some((language, run_of(&mut fields, language, code?, max_timeout_ms)))
    });
    let (language, run) = problems.conclude(read)?;
    let mut request = request::parse(run, id, max_timeout_ms).map_err(renamed)?;
    request.job.cell = Some(RunCell { language });
    Ok(request)
}

/// Names the fields of an error of a run as this call has them.
pub fn renamed(errors: Vec<FieldError>) -> Vec<FieldError> {
    let rename = |FieldError { field, message }| {
        let field = match field.strip_prefix(POLICY) {
            Some(name) => name.to_owned(),
            None => field,
        };
        FieldError { field, message: message.replace(POLICY, "") }
    };
    errors.into_iter().map(rename).collect()
}

/// Reads the code of a cell, which every body that runs one must have.
pub fn read_code(fields: &mut Reader<'_>) -> Option<String> {
    if !fields.has("code") {
        fields.note("code", "is required: the code of the cell");
    }
    let code = fields.string("code");
    if let Some(code) = code.as_ref().filter(|code| code.len() > MAX_CODE_CELL_BYTES) {
        fields.note("code", format!("may have at most {MAX_CODE_CELL_BYTES} bytes, got {}", code.len()));
    }
    code
}

/// The same as a body of `POST /api/run`. The code comes last of the files, so that the others keep their numbers.
fn run_of(fields: &mut Reader<'_>, language: ContextLanguage, code: String, max_timeout_ms: u32) -> Value {
    let entrypoint = language.cell_file();
    let lang = language.of_run().map(RunLanguage::name);
    let mut run = Map::from_iter([("lang".to_owned(), json!(lang)), ("entrypoint".to_owned(), json!(entrypoint))]);
    match fields.value("files") {
        Some(Value::Array(mut files)) if !files.is_empty() => {
            files.push(json!({ "path": entrypoint, "content": code }));
            run.insert("files".to_owned(), files.into());
        }
        other => {
            run.insert("code".to_owned(), code.into());
            run.extend(other.filter(|files| !files.is_array()).map(|files| ("files".to_owned(), files)));
        }
    }
    for name in ["env", "packages", "userContext"] {
        run.extend(fields.value(name).map(|value| (name.to_owned(), value)));
    }
    let limits = fields::of::<runs::Policy>().iter();
    let mut policy: Map<_, _> = limits.filter_map(|&name| Some((name.to_owned(), fields.value(name)?))).collect();
    policy.entry("timeoutMs").or_insert_with(|| DEFAULT_EXEC_TIMEOUT_MS.min(max_timeout_ms).into());
    run.insert("policy".to_owned(), policy.into());
    run.into()
}

fn read_language(fields: &mut Reader<'_>) -> Option<ContextLanguage> {
    if !fields.has("language") {
        return Some(ContextLanguage::Python);
    }
    let name = fields.string("language")?;
    let found = ContextLanguage::meant_by(&name).filter(|language| language.of_run().is_some());
    if found.is_none() {
        let message = "must be python, javascript or typescript; a sandbox runs cells of bash, too; got";
        fields.note("language", format!("{message} {:?}", shown(&name)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: Value) -> Result<RunRequest, Vec<FieldError>> {
        parse(body, RunId::from_random([0; 16]), 300_000)
    }

    #[test]
    fn a_cell_is_a_run() {
        let RunRequest { job, sent_code, .. } = parsed(json!({ "code": "1 + 1" })).unwrap();
        assert_eq!((job.language.name(), job.entrypoint.as_str(), job.files.len()), ("python", "cell.py", 1));
        assert_eq!((job.limits.timeout_ms, sent_code), (30_000, true));
        assert_eq!(job.cell, Some(RunCell { language: ContextLanguage::Python }));
        let body = json!({
            "code": "x", "language": "ts", "files": [{ "path": "a.csv", "content": "1" }], "memoryMB": 512, "timeoutMs": 500,
            "packages": ["zod"], "env": { "A": "1" }, "allowNetwork": true,
        });
        let job = parsed(body).unwrap().job;
        assert_eq!((job.language.name(), job.entrypoint.as_str(), job.files.len()), ("node", "cell.ts", 2));
        assert_eq!((job.limits.memory_mb, job.limits.timeout_ms, job.packages.len(), job.env.len()), (512, 500, 1, 1));
        assert_eq!(job.network, docle_protocol::Network::Public);
    }

    #[test]
    fn what_is_wrong_is_named_as_it_was_sent() {
        for (body, field) in [
            (json!({}), "code"),
            (json!({ "code": 1 }), "code"),
            (json!({ "code": "a".repeat(MAX_CODE_CELL_BYTES + 1) }), "code"),
            (json!({ "code": "1", "language": "bash" }), "language"),
            (json!({ "code": "1", "language": 1 }), "language"),
            (json!({ "code": "1", "timeoutMs": 1 }), "timeoutMs"),
            (json!({ "code": "1", "memoryMB": "a" }), "memoryMB"),
            (json!({ "code": "1", "policy": {} }), "policy"),
            (json!({ "code": "1", "files": "a" }), "files"),
            (json!({ "code": "1", "files": [{ "path": "../a", "content": "" }] }), "files[0].path"),
            (json!({ "code": "1", "packages": ["--x"] }), "packages[0]"),
            (json!({ "code": "1", "env": { "A=": "1" } }), "env"),
        ] {
            let errors = parsed(body.clone()).unwrap_err();
            assert_eq!((errors[0].field.as_str(), errors.len()), (field, 1), "{body} {errors:?}");
        }
        let hosts = parsed(json!({ "code": "1", "allowedHosts": ["a.com"] })).unwrap_err();
        assert_eq!(hosts[0].field, "allowedHosts");
    }
}
