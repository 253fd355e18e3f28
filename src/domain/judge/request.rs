//! What `POST /api/run/judge` may say.

use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::{Reader, shown};
use crate::domain::judge::checker;
use crate::domain::judge::compare::{self, Expected};
use crate::domain::run::program::{Program, read_program, read_user};
use crate::domain::run::request::{self, ProgramInput, read_input};
use docle_api::judging::{Checker, Comparison, JudgeRequest, JudgeTest};
use docle_api::{fields, limits};
use serde_json::Value;

/// A program and the tests that it has to pass.
#[derive(Debug, Clone)]
pub struct Judgement {
    pub program: Program,
    pub tests: Vec<Test>,
    pub decider: Decider,
    /// Whether the tests after the first failure are skipped.
    pub stops_on_failure: bool,
}

/// What decides on the output of a test.
#[derive(Debug, Clone)]
pub enum Decider {
    /// The comparison of the test.
    Comparison,
    /// A program that reads the output when the program has ended.
    Checker(Program),
    /// A program that talks to the program.
    Interactor(Program),
}

impl Decider {
    /// The field of the request that names the program that decides.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Comparison => "compare",
            Self::Checker(_) => "checker",
            Self::Interactor(_) => "interactor",
        }
    }

    /// The program that decides, if one does.
    pub const fn program(&self) -> Option<&Program> {
        match self {
            Self::Comparison => None,
            Self::Checker(program) | Self::Interactor(program) => Some(program),
        }
    }

    /// The same, to change it.
    pub const fn program_mut(&mut self) -> Option<&mut Program> {
        match self {
            Self::Comparison => None,
            Self::Checker(program) | Self::Interactor(program) => Some(program),
        }
    }
}

/// One test.
#[derive(Debug, Clone)]
pub struct Test {
    pub name: Option<String>,
    pub input: ProgramInput,
    pub expected: Expected,
    pub points: u32,
    /// The time limit of this test, if it has one of its own.
    pub timeout_ms: Option<u32>,
}

/// Reads the body. `max_timeout_ms` is this deployment's highest `policy.timeoutMs`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(body: Value, max_timeout_ms: u32) -> Result<Judgement, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<JudgeRequest>();
    let inside = inside_of_tests();
    let judgement = Reader::open_with(body, String::new(), known, &inside, &mut problems)
        .and_then(|fields| read(fields, max_timeout_ms));
    problems.conclude(judgement)
}

/// The fields that are inside of others, by where they are.
pub fn inside_of_tests() -> [(&'static str, &'static [&'static str]); 4] {
    let [policy, compile, user_context, ..] = request::inside();
    [policy, compile, user_context, ("tests[0]", fields::of::<JudgeTest>())]
}

fn read(mut fields: Reader<'_>, max_timeout_ms: u32) -> Option<Judgement> {
    let program = read_program(&mut fields, max_timeout_ms);
    let user_context = read_user(&mut fields);
    let (has_checker, has_interactor) = (fields.has("checker"), fields.has("interactor"));
    if has_checker && has_interactor {
        fields.note("interactor", "must not be sent together with checker: one of them decides");
    }
    let checker = read_decider("checker", &mut fields, max_timeout_ms);
    let interactor = read_decider("interactor", &mut fields, max_timeout_ms);
    let tests = read_tests(&mut fields, has_checker || has_interactor, max_timeout_ms);
    let stops_on_failure = fields.boolean("stopOnFailure").unwrap_or(false);
    let decider = match (checker, interactor) {
        (Some(checker), _) => Decider::Checker(checker.for_user(user_context.clone())),
        (None, Some(interactor)) => Decider::Interactor(interactor.for_user(user_context.clone())),
        (None, None) => Decider::Comparison,
    };
    Some(Judgement { program: program?.for_user(user_context), tests: tests?, decider, stops_on_failure })
}

fn read_decider(name: &str, fields: &mut Reader<'_>, max_timeout_ms: u32) -> Option<Program> {
    let mut fields = fields.object(name, fields::of::<Checker>())?;
    let checker = read_program(&mut fields, max_timeout_ms)?;
    let is_taken = |path: &str| path == checker::DIRECTORY || path.starts_with("test/");
    if let Some(index) = checker.files.iter().position(|file| is_taken(&file.path)) {
        let name = if checker.sent_code { "entrypoint".to_owned() } else { format!("files[{index}].path") };
        fields.note(&name, "must not be in \"test\": there the checker finds the files of the test");
    }
    Some(checker)
}

fn read_tests(fields: &mut Reader<'_>, has_decider: bool, max_timeout_ms: u32) -> Option<Vec<Test>> {
    if !fields.has("tests") {
        fields.note("tests", "is required, such as [{ \"stdin\": \"1 2\", \"expected\": \"3\" }]");
    }
    let values = fields.list("tests", limits::MAX_BATCH_RUNS)?;
    if values.is_empty() {
        fields.note("tests", "must have at least one entry");
    }
    let mut tests = Vec::with_capacity(values.len());
    for (index, value) in values.into_iter().enumerate() {
        let at = fields.path(&format!("tests[{index}]"));
        let Some(test) = Reader::open(value, at, fields::of::<JudgeTest>(), fields.problems()) else { continue };
        tests.push(read_test(test, has_decider, max_timeout_ms));
    }
    Some(tests)
}

fn read_test(mut fields: Reader<'_>, has_decider: bool, max_timeout_ms: u32) -> Test {
    let name = fields.string("name");
    if name.as_ref().is_some_and(|name| name.len() > limits::MAX_TEST_NAME_BYTES) {
        fields.note("name", format!("must have at most {} bytes", limits::MAX_TEST_NAME_BYTES));
    }
    let input = read_input(&mut fields);
    let expected = read_expected(&mut fields, has_decider);
    let points = fields.integer("points", &limits::POINTS).unwrap_or(limits::DEFAULT_POINTS);
    let timeout = *limits::TIMEOUT_MS.start()..=max_timeout_ms.min(*limits::TIMEOUT_MS.end());
    let timeout_ms = fields.integer("timeoutMs", &timeout);
    Test { name, input, expected, points, timeout_ms }
}

fn read_expected(fields: &mut Reader<'_>, has_decider: bool) -> Expected {
    for name in ["compare", "epsilon"] {
        if has_decider && fields.has(name) {
            fields.note(name, "must be left out, because another program decides");
        } else if fields.has(name) && !fields.has("expected") {
            fields.note(name, "needs expected");
        }
    }
    let compare = fields.string("compare").map(|name| comparison(fields, &name));
    let compare = compare.unwrap_or(Comparison::Trim);
    if compare != Comparison::Float && fields.has("epsilon") && !has_decider {
        fields.note("epsilon", "needs compare to be \"float\"");
    }
    let epsilon = read_epsilon(fields);
    let Some(text) = fields.string("expected") else { return Expected::Any };
    match compare {
        Comparison::Exact => Expected::Exact(text),
        Comparison::Trim => Expected::Trim(text),
        Comparison::Tokens => Expected::Tokens(text),
        Comparison::Float => Expected::Float { text, epsilon },
        Comparison::Regex => compare::regex(text).unwrap_or_else(|clause| {
            fields.note("expected", clause);
            Expected::Any
        }),
    }
}

fn comparison(fields: &mut Reader<'_>, name: &str) -> Comparison {
    let known = Comparison::ALL.into_iter().find(|comparison| comparison.name() == name);
    known.unwrap_or_else(|| {
        let names = Comparison::ALL.map(|comparison| format!("\"{}\"", comparison.name())).join(", ");
        fields.note("compare", format!("must be one of {names}, got \"{}\"", shown(name)));
        Comparison::Trim
    })
}

fn read_epsilon(fields: &mut Reader<'_>) -> f64 {
    let Some(value) = fields.value("epsilon") else { return limits::DEFAULT_EPSILON };
    match value.as_f64().filter(|number| (0.0..=1.0).contains(number)) {
        Some(epsilon) => epsilon,
        None => {
            fields.note("epsilon", format!("must be a number from 0 to 1, got {}", shown(&value.to_string())));
            limits::DEFAULT_EPSILON
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(change: Value) -> Result<Judgement, Vec<String>> {
        let mut body = json!({ "lang": "python", "code": "", "tests": [{}] });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        parse(body, 60_000)
            .map_err(|errors| errors.into_iter().map(|error| format!("{} {}", error.field, error.message)).collect())
    }

    #[test]
    fn tests_have_defaults() {
        let read = read(json!({ "tests": [{ "expected": "1" }, {}, { "points": 7, "timeoutMs": 500 }] })).unwrap();
        let tests = &read.tests;
        assert!(matches!(&tests[0].expected, Expected::Trim(text) if text == "1"));
        assert!(matches!(tests[1].expected, Expected::Any));
        assert_eq!((tests[0].points, tests[2].points, tests[2].timeout_ms), (1, 7, Some(500)));
        assert!(!read.stops_on_failure && read.decider.program().is_none());
    }

    #[test]
    fn a_checker_runs_for_the_same_user() {
        let checker = json!({ "lang": "python", "code": "" });
        let read = read(json!({ "checker": checker, "userContext": { "id": "u" } })).unwrap();
        assert_eq!(read.decider.program().unwrap().user_context, read.program.user_context);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_test() {
        for (change, says) in [
            (json!({ "tests": [] }), "tests must have at least one entry"),
            (json!({ "tests": null }), "tests is required"),
            (json!({ "tests": vec![json!({}); 101] }), "tests may have at most 100 entries"),
            (json!({ "tests": [{}, { "expect": "1" }] }), "tests[1].expect is not a field; did you mean \"expected\"?"),
            (
                json!({ "tests": [{ "compare": "fuzzy", "expected": "" }] }),
                "tests[0].compare must be one of \"exact\", ",
            ),
            (
                json!({ "tests": [{ "compare": "regex", "expected": "(" }] }),
                "tests[0].expected must be a regular expression: ",
            ),
            (json!({ "tests": [{ "compare": "exact" }] }), "tests[0].compare needs expected"),
            (
                json!({ "tests": [{ "epsilon": 0.1, "expected": "1" }] }),
                "tests[0].epsilon needs compare to be \"float\"",
            ),
            (
                json!({ "tests": [{ "epsilon": 2, "expected": "1", "compare": "float" }] }),
                "tests[0].epsilon must be a number from 0 to 1, got 2",
            ),
            (json!({ "tests": [{ "timeoutMs": 60_001 }] }), "tests[0].timeoutMs must be an integer from 100 to 60000"),
            (json!({ "tests": [{ "stdin": 1 }] }), "tests[0].stdin must be a string"),
            (json!({ "stdin": "1" }), "stdin is not a field; did you mean \"tests[0].stdin\"?"),
            (
                json!({ "checker": { "lang": "python", "code": "", "entrypoint": "test/a.py" } }),
                "checker.entrypoint must not be in \"test\"",
            ),
            (
                json!({ "checker": { "lang": "python", "files": [{ "path": "main.py", "content": "" }, { "path": "test", "content": "" }] } }),
                "checker.files[1].path must not be in \"test\"",
            ),
            (
                json!({ "checker": { "lang": "python", "code": "" }, "tests": [{ "compare": "exact", "expected": "" }] }),
                "tests[0].compare must be left out, because another program decides",
            ),
            (json!({ "checker": { "code": "" } }), "checker.lang is required"),
            (
                json!({ "checker": { "lang": "python", "code": "" }, "interactor": { "lang": "python", "code": "" } }),
                "interactor must not be sent together with checker",
            ),
        ] {
            let errors = read(change.clone()).unwrap_err();
            assert!(errors.iter().any(|error| error.starts_with(says)), "{change} {errors:?}");
        }
    }
}
