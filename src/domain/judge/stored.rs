//! A judge that a project keeps: what it may say, and how a judgement takes it up.

use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::Reader;
use crate::domain::judge::request;
use crate::domain::timestamp::Timestamp;
use docle_api::fields;
use docle_api::judges::JudgeSettings;
use docle_api::judging::{JudgeEvent, JudgeResult, JudgedTest};
use docle_api::limits::{DEFAULT_JUDGE_NAME, MAX_NAME_CHARS};
use docle_languages::RunLanguage;
use serde_json::{Map, Value, json};

/// What a judge brings to a judgement, and the request then must not have.
const FIELDS: [&str; 5] = ["tests", "checker", "interactor", "stopOnFailure", "policy"];

/// A judge in the database.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredJudge {
    pub id: String,
    pub name: String,
    pub tests: u32,
    /// The fields of [`FIELDS`] that it has, as they were sent.
    pub settings: Map<String, Value>,
    pub created_at: Timestamp,
}

/// What a new judge is like.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJudge {
    pub name: String,
    pub tests: u32,
    pub settings: Map<String, Value>,
}

/// Reads the body that makes a judge. `max_timeout_ms` is this deployment's highest `policy.timeoutMs`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(body: Value, max_timeout_ms: u32) -> Result<NewJudge, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<JudgeSettings>();
    let inside = request::inside_of_tests();
    let read = Reader::open_with(body, String::new(), known, &inside, &mut problems).map(|mut fields| {
        let name = fields.string("name");
        if name.as_ref().is_some_and(|name| !(1..=MAX_NAME_CHARS).contains(&name.chars().count())) {
            fields.note("name", format!("must have 1 to {MAX_NAME_CHARS} characters"));
        }
        let settings = FIELDS.iter().filter_map(|&field| Some((field.to_owned(), fields.value(field)?)));
        (name.unwrap_or_else(|| DEFAULT_JUDGE_NAME.to_owned()), settings.collect::<Map<_, _>>())
    });
    let (name, settings) = problems.conclude(read)?;
    // A judgement of an empty program tells what is wrong with the tests.
    let mut judgement = settings.clone();
    let any = RunLanguage::all().next().map_or("", RunLanguage::name);
    judgement.insert("lang".to_owned(), json!(any));
    judgement.insert("code".to_owned(), json!(""));
    let tests = request::parse(judgement.into(), max_timeout_ms)?.tests.len();
    Ok(NewJudge { name, tests: u32::try_from(tests).unwrap_or(u32::MAX), settings })
}

/// The id of the judge that the body of a judgement names, taken out of it; `None` if it brings tests of its own.
///
/// # Errors
/// `judge` is no text, or stands beside what it brings.
pub fn take_id(body: &mut Value) -> Result<Option<String>, Vec<FieldError>> {
    let Some(body) = body.as_object_mut() else { return Ok(None) };
    let id = match body.get("judge") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(id)) => id.clone(),
        Some(_) => return Err(vec![wrong("judge", "must be a string: the id of a judge")]),
    };
    let beside: Vec<_> = FIELDS
        .iter()
        .filter(|&&field| body.get(field).is_some_and(|value| !value.is_null()))
        .map(|field| wrong(field, "must be left out, because the judge has it"))
        .collect();
    if !beside.is_empty() {
        return Err(beside);
    }
    body.remove("judge");
    Ok(Some(id))
}

/// Adds what a judge brings to the body of a judgement.
pub fn add_settings(body: &mut Value, settings: Map<String, Value>) {
    if let Some(body) = body.as_object_mut() {
        body.extend(settings);
    }
}

fn wrong(field: &str, message: &str) -> FieldError {
    FieldError { field: field.to_owned(), message: message.to_owned() }
}

/// An event of a judgement for a caller that must not learn what the tests are: verdicts, points and names stay.
pub fn without_tests(event: JudgeEvent) -> JudgeEvent {
    match event {
        JudgeEvent::Test { test } => JudgeEvent::Test { test: hidden(test) },
        JudgeEvent::Complete { result } => {
            let tests = result.tests.into_iter().map(hidden).collect();
            JudgeEvent::Complete { result: JudgeResult { tests, ..result } }
        }
    }
}

/// A program may write its input to either stream, so its run is as secret as the test.
fn hidden(test: JudgedTest) -> JudgedTest {
    JudgedTest { run: None, difference: None, checker: None, interactor: None, ..test }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judge_is_what_a_judgement_takes_without_its_program() {
        let body = json!({ "name": "Sums", "tests": [{ "stdin": "1 2", "expected": "3" }, {}], "policy": { "timeoutMs": 500 } });
        let judge = parse(body, 60_000).unwrap();
        assert_eq!((judge.name.as_str(), judge.tests), ("Sums", 2));
        assert_eq!(judge.settings.keys().map(String::as_str).collect::<Vec<_>>(), ["policy", "tests"]);
        assert_eq!(parse(json!({ "tests": [{}] }), 60_000).unwrap().name, "Judge");
        for (body, field) in [
            (json!({}), "tests"),
            (json!({ "tests": [] }), "tests"),
            (json!({ "tests": [{}], "code": "" }), "code"),
            (json!({ "tests": [{}], "name": "" }), "name"),
            (json!({ "tests": [{}], "name": "x".repeat(101) }), "name"),
            (json!({ "tests": [{ "expect": "" }] }), "tests[0].expect"),
            (json!({ "tests": [{}], "policy": { "timeoutMs": 60_001 } }), "policy.timeoutMs"),
            (json!({ "tests": [{}], "checker": { "code": "" } }), "checker.lang"),
        ] {
            let errors = parse(body.clone(), 60_000).unwrap_err();
            assert_eq!(errors[0].field, field, "{body} {errors:?}");
        }
    }

    #[test]
    fn a_judgement_takes_its_tests_or_those_of_a_judge() {
        let mut body = json!({ "judge": "jdg_x", "lang": "python", "tests": null });
        assert_eq!(take_id(&mut body), Ok(Some("jdg_x".to_owned())));
        add_settings(&mut body, Map::from_iter([("tests".to_owned(), json!([{}]))]));
        assert_eq!(body, json!({ "lang": "python", "tests": [{}] }));
        assert_eq!(take_id(&mut body), Ok(None));
        let mut both = json!({ "judge": "jdg_x", "tests": [], "policy": {} });
        let errors = take_id(&mut both).unwrap_err();
        assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), ["tests", "policy"]);
        assert_eq!(take_id(&mut json!({ "judge": 1 })).unwrap_err()[0].field, "judge");
    }
}
