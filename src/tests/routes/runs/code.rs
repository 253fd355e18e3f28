//! `POST /api/v1/code`: one cell of code as a run, and what its answers have.

use crate::tests::app::{Answer, TestApp, complete};
use crate::tests::fake_run_pools::Script;
use ::http::{Method, StatusCode};
use docle_protocol::context::{CellError, CellEvent};
use docle_protocol::{Piece, RunEvent, Stream};
use serde_json::{Map, Value, json};

fn lines(events: &[RunEvent], end: &Value) -> Script {
    let lines = events.iter().map(|event| serde_json::to_string(event).unwrap());
    Script::Chunks(lines.chain([end.to_string()]).map(|line| format!("{line}\n").into_bytes()).collect())
}

fn cell(event: &CellEvent) -> RunEvent {
    RunEvent::Cell { data: Piece(format!("{}\n", serde_json::to_string(event).unwrap()).into_bytes()) }
}

fn shows(text: &str) -> RunEvent {
    let data = Map::from_iter([("text/plain".to_owned(), json!(text))]);
    cell(&CellEvent::Result { data, is_main: true })
}

/// The end of a run with this status.
fn end(status: &str, exit_code: i32) -> Value {
    let mut end: Value = serde_json::from_str(&complete()).unwrap();
    end["report"]["status"] = json!(status);
    end["report"]["exitCode"] = json!(exit_code);
    end
}

fn send(app: &mut TestApp, body: &Value, headers: &[(&str, &str)]) -> Answer {
    let request = app.request(Method::POST, "/api/v1/code").header("content-type", "application/json");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    app.send(request, body.to_string())
}

#[test]
fn a_cell_answers_with_what_it_shows() {
    let mut app = TestApp::new();
    let events = [
        RunEvent::Start,
        cell(&CellEvent::Start { start_ms: Some(20.5) }),
        RunEvent::output(Stream::Stdout, b"on\n".to_vec()),
        shows("42"),
        cell(&CellEvent::ResultsTruncated),
    ];
    app.script(lines(&events, &end("success", 0)));
    let answer = send(&mut app, &json!({ "code": "6 * 7", "timeoutMs": 500, "memoryMB": 64 }), &[]);
    let ran = answer.json();
    assert_eq!(
        (answer.status, answer.header("x-docle-run-id")),
        (StatusCode::OK, ran["id"].as_str().unwrap()),
        "{ran}"
    );
    assert_eq!((&ran["status"], &ran["success"], &ran["error"]), (&json!("success"), &json!(true), &Value::Null));
    assert_eq!((&ran["stdout"], &ran["results"]), (&json!("on\n"), &json!([{ "main": true, "text": "42" }])));
    assert_eq!(
        (&ran["contextId"], &ran["startMs"], &ran["executionCount"]),
        (&json!("fresh"), &json!(20.5), &json!(1))
    );
    assert_eq!(ran["truncated"], json!({ "stdout": false, "stderr": false, "results": true }));
    let job = app.run_pools.jobs.borrow()[0].clone();
    assert_eq!((job.cell.is_some(), job.limits.timeout_ms, job.limits.memory_mb), (true, 500, 64));
    assert_eq!(app.record()["input"]["code"], "6 * 7", "it is a run of the history");
}

#[test]
fn events_begin_with_the_start_and_an_error_ends_the_cell() {
    let mut app = TestApp::new();
    let error = CellError { name: "E".into(), message: "m".into(), traceback: vec!["t".into()] };
    let events = [RunEvent::Start, cell(&CellEvent::Start { start_ms: None }), cell(&CellEvent::Error { error })];
    app.script(lines(&events, &end("error", 1)));
    let text = send(&mut app, &json!({ "code": "x" }), &[("accept", "text/event-stream")]).text();
    let names: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(names, ["start", "error", "complete"], "{text}");
    assert!(text.contains(r#""status":"error""#), "{text}");
}

#[test]
fn a_run_that_says_nothing_of_its_cell_fails_all_the_same() {
    for (status, code, name) in [
        ("install_failed", 1, "InstallFailed"),
        ("system", 1, "System"),
        ("cancelled", 137, "Interrupted"),
        ("memory", 137, "ContextExited"),
    ] {
        let mut app = TestApp::new();
        let events = [RunEvent::Start, RunEvent::output(Stream::Stderr, b"why\n".to_vec())];
        app.script(lines(&events, &end(status, code)));
        let ran = send(&mut app, &json!({ "code": "x" }), &[]).json();
        assert_eq!((&ran["error"]["name"], &ran["success"]), (&json!(name), &json!(false)), "{ran}");
        assert_eq!(ran["stderr"], "why\n");
    }
}

#[test]
fn what_cannot_be_is_refused_by_its_own_name() {
    let mut app = TestApp::new();
    for (body, headers, field) in [
        (json!({ "code": "x", "timeoutMs": 1 }), &[][..], "timeoutMs"),
        (json!({ "code": "x", "policy": {} }), &[], "policy"),
        (json!({ "code": "x" }), &[("idempotency-key", "a")], "Idempotency-Key"),
    ] {
        let answer = send(&mut app, &body, headers);
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.json()["errors"][0]["field"], field, "{body}");
    }
}
