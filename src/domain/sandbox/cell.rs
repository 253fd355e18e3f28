//! Contexts and cells as requests name them.

use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::{Reader, shown};
use crate::domain::run::cell::read_code;
use crate::domain::run::request::read_env;
use crate::domain::sandbox::command::WORKSPACE;
use crate::domain::sandbox::file;
use docle_api::contexts::{CodeRequest, CodeResult, ContextSettings};
use docle_api::fields;
use docle_api::limits::*;
use docle_languages::ContextLanguage;
use docle_languages::RunLanguage;
use docle_protocol::context::{CellJob, ContextSpec};
use serde_json::{Map, Value};

/// Bytes of the code of a cell that the history keeps.
const KEPT_CODE_BYTES: usize = 4_096;
/// The data of a chart.
const CHART: &str = "application/vnd.docle.chart+json";
/// Characters of the id of a context.
const MAX_CONTEXT_ID: usize = 64;

/// Reads the body that makes a context. `own` is the language of the sandbox.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_context(body: Value, own: RunLanguage) -> Result<ContextSpec, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<ContextSettings>();
    let spec = Reader::open(body, String::new(), known, &mut problems).map(|mut fields| ContextSpec {
        language: read_language(&mut fields).unwrap_or_else(|| ContextLanguage::of_sandbox(own)),
        cwd: file::read_path(&mut fields, "cwd").unwrap_or_else(|| WORKSPACE.to_owned()),
        env: read_env(&mut fields, 0),
    });
    problems.conclude(spec)
}

/// Reads the body that runs a cell, with the language that it names.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_cell(
    body: Value,
    id: String,
    max_timeout_ms: u32,
) -> Result<(CellJob, Option<ContextLanguage>), Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<CodeRequest>();
    let cell = Reader::open(body, String::new(), known, &mut problems).and_then(|mut fields| {
        let language = read_language(&mut fields);
        let code = read_code(&mut fields);
        let job = CellJob {
            id,
            env: read_env(&mut fields, 0),
            timeout_ms: fields
                .integer("timeoutMs", &(*TIMEOUT_MS.start()..=max_timeout_ms))
                .unwrap_or(DEFAULT_EXEC_TIMEOUT_MS.min(max_timeout_ms)),
            max_output_bytes: fields.integer("maxOutputBytes", &MAX_OUTPUT_BYTES).unwrap_or(DEFAULT_MAX_OUTPUT_BYTES),
            code: code?,
        };
        Some((job, language))
    });
    problems.conclude(cell)
}

/// Whether a text can be the id of a context.
pub fn is_context_id(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !text.is_empty() && text.len() <= MAX_CONTEXT_ID && text.bytes().all(is_letter)
}

/// The id of the context that runs what names a language only.
pub fn default_context(language: ContextLanguage) -> String {
    format!("default-{}", language.name())
}

/// What that context is like.
pub fn default_spec(language: ContextLanguage) -> ContextSpec {
    ContextSpec { language, cwd: WORKSPACE.to_owned(), env: Default::default() }
}

/// The code of a cell as the history has it.
pub fn written(code: &str) -> String {
    let end = (0..=KEPT_CODE_BYTES.min(code.len())).rev().find(|&end| code.is_char_boundary(end)).unwrap_or(0);
    code[..end].to_owned()
}

/// A bundle of MIME types as responses have it.
pub fn result_of(data: Map<String, Value>, main: bool) -> CodeResult {
    let mut result = CodeResult { main, ..CodeResult::default() };
    for (mime, content) in data {
        let place = match mime.as_str() {
            "text/plain" => &mut result.text,
            "text/html" => &mut result.html,
            "text/markdown" => &mut result.markdown,
            "image/svg+xml" => &mut result.svg,
            "image/png" => &mut result.png,
            "image/jpeg" => &mut result.jpeg,
            "application/pdf" => &mut result.pdf,
            "text/latex" => &mut result.latex,
            "application/javascript" => &mut result.javascript,
            "application/json" => {
                result.json = Some(content);
                continue;
            }
            CHART => {
                result.chart = Some(content);
                continue;
            }
            _ => {
                result.extra.insert(mime, content);
                continue;
            }
        };
        match content {
            Value::String(text) => *place = Some(text),
            other => drop(result.extra.insert(mime, other)),
        }
    }
    result
}

fn read_language(fields: &mut Reader<'_>) -> Option<ContextLanguage> {
    let name = fields.string("language")?;
    let found = ContextLanguage::meant_by(&name);
    if found.is_none() {
        fields.note("language", format!("must be python, javascript, typescript or bash, got {:?}", shown(&name)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cell(body: Value) -> Result<(CellJob, Option<ContextLanguage>), Vec<FieldError>> {
        parse_cell(body, "e".into(), 300_000)
    }

    #[test]
    fn a_cell_has_defaults() {
        let (job, language) = cell(json!({ "code": "1" })).unwrap();
        assert_eq!((job.timeout_ms, job.code.as_str(), language), (30_000, "1", None));
        assert_eq!(cell(json!({ "code": "", "language": "TS" })).unwrap().1, Some(ContextLanguage::TypeScript));
        let spec = parse_context(json!({}), RunLanguage::named("node")).unwrap();
        assert_eq!(spec, default_spec(ContextLanguage::JavaScript));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, field) in [
            (json!({}), "code"),
            (json!({ "code": 1 }), "code"),
            (json!({ "code": "a".repeat(MAX_CODE_CELL_BYTES + 1) }), "code"),
            (json!({ "code": "1", "language": "cobol" }), "language"),
            (json!({ "code": "1", "timeoutMs": 1 }), "timeoutMs"),
            (json!({ "code": "1", "context": "x" }), "context"),
            (json!({ "code": "1", "env": { "A=": "1" } }), "env"),
        ] {
            let errors = cell(body.clone()).unwrap_err();
            assert_eq!((errors[0].field.as_str(), errors.len()), (field, 1), "{body}");
        }
        let python = RunLanguage::named("python");
        assert_eq!(parse_context(json!({ "language": "perl" }), python).unwrap_err()[0].field, "language");
        assert_eq!(parse_context(json!({ "cwd": "" }), python).unwrap_err()[0].field, "cwd");
    }

    #[test]
    fn a_bundle_keeps_what_has_no_name() {
        let bundle = json!({
            "text/plain": "a", "image/png": "AAAA", "application/json": { "a": null }, "text/csv": "1", "text/html": 5,
        });
        let Value::Object(bundle) = bundle else { unreachable!("it is an object") };
        let result = result_of(bundle, true);
        assert_eq!((result.text.as_deref(), result.png.as_deref()), (Some("a"), Some("AAAA")));
        assert_eq!((result.json, result.html), (Some(json!({ "a": null })), None));
        assert_eq!(result.extra.keys().collect::<Vec<_>>(), ["text/csv", "text/html"]);
    }

    #[test]
    fn the_history_keeps_whole_characters() {
        assert_eq!(written("1 + 1"), "1 + 1");
        assert_eq!(written(&"é".repeat(3_000)).len(), 4_096);
        assert_eq!(written(&format!("a{}", "é".repeat(3_000))).len(), 4_095);
    }
}
