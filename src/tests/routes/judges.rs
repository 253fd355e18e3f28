//! Judges that a project keeps: who makes and reads them, and what a page learns of their tests.

use crate::tests::app::{Answer, TestApp};
use crate::tests::fake_run_pools::Script;
use crate::tests::fake_runner::{START, output};
use ::http::{Method, StatusCode};
use docle_protocol::{RunJob, Stream};
use serde_json::{Value, json};

/// A project with a judge, a secret key and a publishable one.
struct Fixture {
    app: TestApp,
    cookie: String,
    project: String,
    judge: String,
    secret: String,
    publishable: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Writes its standard input to both streams, as a program would that wants to show what is hidden.
fn echo(job: &RunJob) -> Script {
    let report = json!({
        "status": "success", "exitCode": 0, "signal": null, "truncated": { "stdout": false, "stderr": false },
        "usage": { "cpuMs": 1.0, "memMB": 2.0, "durationMs": 3.0, "queueMs": 0.0, "installMs": 0.0, "blockedConnections": 0 },
    });
    let complete = json!({ "type": "complete", "report": report });
    let said = [Stream::Stdout, Stream::Stderr].map(|stream| output(stream, &job.stdin)).concat();
    Script::Chunks(vec![format!("{START}{said}{complete}\n").into_bytes()])
}

fn tests() -> Value {
    json!({ "name": "Sums", "tests": [
        { "name": "first", "stdin": "hidden-input", "expected": "hidden-input" },
        { "stdin": "other-input", "expected": "hidden-output", "points": 5 },
    ] })
}

impl Fixture {
    fn new() -> Self {
        let mut app = TestApp::new();
        app.script(Script::Of(echo));
        let cookie = app.sign_in("ada@example.com");
        let project = text(&app.call(&cookie, Method::POST, "/api/projects", json!({ "name": "Course" })).json()["id"]);
        let mut make = |path: &str, body: Value| {
            let made = app.call(&cookie, Method::POST, &format!("/api/projects/{project}/{path}"), body);
            assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
            made.json()
        };
        let judge = text(&make("judges", tests())["id"]);
        let secret = text(&make("keys", json!({}))["key"]);
        let publishable = json!({ "type": "publishable", "allowedDomains": ["app.example.com"] });
        let publishable = text(&make("keys", publishable)["key"]);
        Self { app, cookie, project, judge, secret, publishable }
    }

    fn owner(&mut self, method: Method, path: &str, body: Value) -> Answer {
        self.app.call(&self.cookie.clone(), method, path, body)
    }

    fn judge_with(&mut self, key: &str, body: Value) -> Answer {
        let request = self.app.visit(Method::POST, "/api/run/judge").header("origin", "https://app.example.com");
        let mut whole = json!({ "lang": "python", "code": "import sys", "judge": self.judge });
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        self.app.send(request.header("authorization", format!("Bearer {key}")), whole.to_string())
    }
}

fn problem(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_judge_is_kept_listed_read_and_deleted() {
    let mut with = Fixture::new();
    let list = with.owner(Method::GET, &format!("/api/projects/{}/judges", with.project), Value::Null).json();
    assert_eq!(
        (&list["judges"][0]["id"], &list["judges"][0]["name"], &list["judges"][0]["tests"]),
        (&json!(with.judge), &json!("Sums"), &json!(2))
    );
    assert_eq!(list["judges"][0].get("settings"), None);
    let path = format!("/api/judges/{}", with.judge);
    let whole = with.owner(Method::GET, &path, Value::Null).json();
    assert_eq!((&whole["settings"], &whole["id"]), (&tests(), &json!(with.judge)));
    let eve = with.app.sign_in("eve@example.com");
    for method in [Method::GET, Method::DELETE] {
        let foreign = with.app.call(&eve, method, &path, Value::Null);
        assert_eq!(problem(&foreign), (404, "judge_not_found".to_owned()));
    }
    assert_eq!(with.owner(Method::DELETE, &path, Value::Null).status, StatusCode::NO_CONTENT);
    assert_eq!(problem(&with.owner(Method::GET, &path, Value::Null)), (404, "judge_not_found".to_owned()));
    let secret = with.secret.clone();
    assert_eq!(problem(&with.judge_with(&secret, json!({}))), (404, "judge_not_found".to_owned()));
    let made_up = with.owner(Method::GET, "/api/judges/jdg_77777777777777777777aaaaaa", Value::Null);
    assert_eq!(problem(&made_up), (404, "judge_not_found".to_owned()));
}

#[test]
fn a_key_of_the_project_sees_all_of_a_judgement() {
    let mut with = Fixture::new();
    let secret = with.secret.clone();
    let result = with.judge_with(&secret, json!({})).json();
    assert_eq!(
        (&result["verdict"], &result["passed"], &result["maxPoints"]),
        (&json!("wrong_answer"), &json!(1), &json!(6.0))
    );
    assert_eq!(result["tests"][1]["difference"]["expected"], "hidden-output");
    let inline = with.judge_with(&secret, json!({ "tests": [{}], "policy": {} })).json();
    let fields: Vec<_> = inline["errors"].as_array().unwrap().iter().map(|error| text(&error["field"])).collect();
    assert_eq!(fields, ["tests", "policy"]);
}

#[test]
fn a_page_learned_the_tests_from_the_result() {
    let mut with = Fixture::new();
    let publishable = with.publishable.clone();
    let answer = with.judge_with(&publishable, json!({}));
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let result = answer.json();
    assert_eq!(
        (&result["verdict"], &result["passed"], &result["points"]),
        (&json!("wrong_answer"), &json!(1), &json!(1.0))
    );
    assert_eq!(
        result["tests"],
        json!([
            { "index": 0, "name": "first", "verdict": "accepted", "points": 1.0 },
            { "index": 1, "verdict": "wrong_answer", "points": 0.0 },
        ])
    );
    let request = with.app.visit(Method::POST, "/api/run/judge").header("accept", "text/event-stream");
    let request =
        request.header("origin", "https://app.example.com").header("authorization", format!("Bearer {publishable}"));
    let body = json!({ "lang": "python", "code": "", "judge": with.judge });
    let stream = with.app.send(request, body.to_string()).text();
    assert!(
        stream.contains("event: complete") && !stream.contains("hidden") && !stream.contains("other-input"),
        "{stream}"
    );
}

#[test]
fn a_token_read_the_input_of_the_runs_of_its_judgement() {
    let mut with = Fixture::new();
    let request =
        with.app.visit(Method::POST, "/api/tokens").header("authorization", format!("Bearer {}", with.secret));
    let token = text(&with.app.send(request, "{}").json()["token"]);
    let result = with.judge_with(&token, json!({})).json();
    assert_eq!((&result["verdict"], result["tests"][0].get("run")), (&json!("wrong_answer"), None));
    let jobs = with.app.run_pools.jobs.borrow().len();
    assert_eq!(jobs, 2);
    let records: Vec<Value> =
        with.app.logs.records().into_values().map(|record| serde_json::from_str(&record).unwrap()).collect();
    assert!(records.len() == 2 && records.iter().all(|record| record["token"].is_null()), "{records:?}");
}

#[test]
fn a_publishable_key_judges_by_stored_judges_of_twenty_tests() {
    let mut with = Fixture::new();
    let publishable = with.publishable.clone();
    let own = with.judge_with(&publishable, json!({ "judge": null, "tests": [{}] }));
    assert_eq!(problem(&own), (403, "token_not_enough".to_owned()));
    let many = json!({ "tests": vec![json!({}); 21] });
    let made = with.owner(Method::POST, &format!("/api/projects/{}/judges", with.project), many).json();
    let refused = with.judge_with(&publishable, json!({ "judge": made["id"] }));
    assert_eq!((refused.status, &refused.json()["errors"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("judge")));
    assert!(with.app.run_pools.jobs.borrow().is_empty());
}

#[test]
fn a_judge_of_another_project_is_none() {
    let mut with = Fixture::new();
    let other = text(&with.owner(Method::POST, "/api/projects", json!({ "name": "Other" })).json()["id"]);
    let key = text(&with.owner(Method::POST, &format!("/api/projects/{other}/keys"), json!({})).json()["key"]);
    assert_eq!(problem(&with.judge_with(&key, json!({}))), (404, "judge_not_found".to_owned()));
    let secret = with.secret.clone();
    for judge in [json!("jdg_x"), json!("")] {
        assert_eq!(problem(&with.judge_with(&secret, json!({ "judge": judge }))), (404, "judge_not_found".to_owned()));
    }
}

#[test]
fn a_judgement_that_was_judged_before_asks_no_database() {
    let mut with = Fixture::new();
    let secret = with.secret.clone();
    assert_eq!(with.judge_with(&secret, json!({})).status, StatusCode::OK);
    with.app.sql.run("DROP TABLE judges");
    assert_eq!(with.judge_with(&secret, json!({})).status, StatusCode::OK);
}

#[test]
fn a_project_has_a_hundred_judges_and_none_after_its_deletion() {
    let mut with = Fixture::new();
    let path = format!("/api/projects/{}/judges", with.project);
    for _ in 1..100 {
        assert_eq!(with.owner(Method::POST, &path, json!({ "tests": [{}] })).status, StatusCode::CREATED);
    }
    assert_eq!(
        problem(&with.owner(Method::POST, &path, json!({ "tests": [{}] }))),
        (409, "too_many_judges".to_owned())
    );
    let wrong = with.owner(Method::POST, &path, json!({ "tests": [{ "expect": "1" }], "code": "" })).json();
    assert_eq!(wrong["errors"][0]["field"], "code");
    let project = format!("/api/projects/{}", with.project);
    assert_eq!(with.owner(Method::DELETE, &project, Value::Null).status, StatusCode::NO_CONTENT);
    assert!(with.app.sql.texts("SELECT id FROM judges").is_empty());
}
