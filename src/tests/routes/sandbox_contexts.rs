//! The code interpreter over HTTP: contexts, cells, and what is left of them after sleep.

use crate::tests::app::{Answer, TestApp, key};
use ::http::{Method, StatusCode};
use serde_json::{Value, json};

fn call(test: &mut TestApp, method: Method, path: &str, body: Value) -> Answer {
    let request = test.visit(method, path).header("authorization", format!("Bearer {}", key(1).reveal()));
    test.send(request, if body.is_null() { String::new() } else { body.to_string() })
}

fn post(test: &mut TestApp, path: &str, body: Value) -> Answer {
    call(test, Method::POST, path, body)
}

/// The path of a new sandbox of `proj_1`.
fn new_sandbox(test: &mut TestApp, settings: Value) -> String {
    let made = post(test, "/api/v1/sandboxes", settings).json();
    format!("/api/v1/sandboxes/{}", made["id"].as_str().unwrap())
}

fn new_context(test: &mut TestApp, sandbox: &str, settings: Value) -> String {
    let answer = post(test, &format!("{sandbox}/contexts"), settings);
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    format!("{sandbox}/contexts/{}", answer.json()["id"].as_str().unwrap())
}

#[test]
fn a_context_counts_its_own_cells() {
    let mut test = TestApp::new();
    let sandbox = new_sandbox(&mut test, json!({ "language": "javascript" }));
    let one = new_context(&mut test, &sandbox, json!({ "language": "python", "cwd": "src" }));
    let two = new_context(&mut test, &sandbox, Value::Null);
    let listed = call(&mut test, Method::GET, &format!("{sandbox}/contexts"), Value::Null).json();
    let languages: Vec<_> = listed["contexts"].as_array().unwrap().iter().map(|one| one["language"].clone()).collect();
    assert!(languages.contains(&json!("python")) && languages.contains(&json!("javascript")), "{listed}");
    for number in [1, 2] {
        let ran = post(&mut test, &format!("{one}/run"), json!({ "code": "x" })).json();
        assert_eq!((&ran["executionCount"], &ran["stdout"]), (&json!(number), &json!("x\n")), "{ran}");
        assert_eq!(ran["results"], json!([{ "main": true, "text": number.to_string() }]));
        assert_eq!((&ran["success"], &ran["error"], &ran["contextLost"]), (&json!(true), &Value::Null, &json!(false)));
        assert_eq!(ran["startMs"], if number == 1 { json!(60.5) } else { Value::Null });
    }
    let ran = post(&mut test, &format!("{two}/run"), json!({ "code": "x" })).json();
    assert_eq!(ran["executionCount"], 1);
    assert_eq!(post(&mut test, &format!("{one}/restart"), Value::Null).json()["executionCount"], 0);
    assert_eq!(post(&mut test, &format!("{one}/interrupt"), Value::Null).status, StatusCode::NO_CONTENT);
    assert_eq!(call(&mut test, Method::DELETE, &one, Value::Null).status, StatusCode::NO_CONTENT);
    let again = call(&mut test, Method::DELETE, &one, Value::Null);
    assert_eq!((again.status, again.json()["code"].clone()), (StatusCode::NOT_FOUND, json!("context_not_found")));
}

#[test]
fn a_cell_without_context_runs_in_the_default_one_of_its_language() {
    let mut test = TestApp::new();
    let sandbox = new_sandbox(&mut test, json!({ "language": "typescript" }));
    let code = format!("{sandbox}/code");
    for (body, context, number) in [
        (json!({ "code": "x" }), "default-javascript", 1),
        (json!({ "code": "x", "language": "python" }), "default-python", 1),
        (json!({ "code": "x", "language": "ts" }), "default-typescript", 1),
    ] {
        let ran = post(&mut test, &code, body).json();
        assert_eq!((&ran["contextId"], &ran["executionCount"]), (&json!(context), &json!(number)), "{ran}");
    }
    let refused = post(&mut test, &code, json!({ "code": "x", "language": "perl" }));
    assert_eq!(
        (refused.status, refused.json()["errors"][0]["field"].clone()),
        (StatusCode::BAD_REQUEST, json!("language"))
    );
    let in_path = post(
        &mut test,
        &format!("{sandbox}/contexts/default-python/run"),
        json!({ "code": "x", "language": "python" }),
    );
    assert_eq!(
        (in_path.status, in_path.json()["errors"][0]["field"].clone()),
        (StatusCode::BAD_REQUEST, json!("language"))
    );
}

#[test]
fn a_cell_that_fails_is_a_result() {
    let mut test = TestApp::new();
    let sandbox = new_sandbox(&mut test, json!({}));
    let code = format!("{sandbox}/code");
    let ran = post(&mut test, &code, json!({ "code": "fail" })).json();
    assert_eq!(ran["error"], json!({ "name": "ValueError", "message": "boo", "traceback": ["line 1"] }));
    assert_eq!((&ran["status"], &ran["success"], &ran["contextLost"]), (&json!("error"), &json!(false), &json!(false)));
    let ran = post(&mut test, &code, json!({ "code": "exit" })).json();
    assert_eq!((&ran["error"]["name"], &ran["contextLost"]), (&json!("ContextExited"), &json!(true)));
    let ran = post(&mut test, &code, json!({ "code": "x" })).json();
    assert_eq!((&ran["executionCount"], &ran["startMs"]), (&json!(1), &json!(60.5)), "said to be a new interpreter");
    let history = call(&mut test, Method::GET, &format!("{sandbox}/executions"), Value::Null).json();
    let commands: Vec<_> = history["executions"].as_array().unwrap().iter().map(|one| one["command"].clone()).collect();
    assert_eq!(commands, ["x", "exit", "fail"]);
    assert_eq!(history["executions"][2]["status"], "error");
}

#[test]
fn the_events_of_a_cell_come_one_by_one() {
    let mut test = TestApp::new();
    let sandbox = new_sandbox(&mut test, json!({}));
    let mut events = |code: &str| {
        let request = test.request(Method::POST, &format!("{sandbox}/code"));
        let request = request.header("content-type", "application/json").header("accept", "text/event-stream");
        let text = test.send(request, json!({ "code": code }).to_string()).text();
        let names: Vec<String> =
            text.lines().filter_map(|line| line.strip_prefix("event: ")).map(str::to_owned).collect();
        (names.join(" "), text)
    };
    let (names, text) = events("héllo");
    assert_eq!(names, "start stdout result complete", "{text}");
    assert!(text.contains(r#""data":"héllo\n""#) && text.contains(r#""result":{"main":true,"text":"1"}"#), "{text}");
    assert_eq!(events("fail").0, "start error complete");
}

#[test]
fn a_result_longer_than_any_line_of_a_run_was_an_event_that_is_too_long() {
    let mut test = TestApp::new();
    let sandbox = new_sandbox(&mut test, json!({}));
    let ran = post(&mut test, &format!("{sandbox}/code"), json!({ "code": "big" })).json();
    assert_eq!(ran["results"][0]["text"].as_str().map(str::len), Some(2_000_000));
}

#[test]
fn sleep_ends_contexts_and_says_so() {
    let mut test = TestApp::new();
    let sandbox = new_sandbox(&mut test, json!({}));
    let context = new_context(&mut test, &sandbox, json!({}));
    post(&mut test, &format!("{context}/run"), json!({ "code": "x" }));
    assert_eq!(post(&mut test, &format!("{sandbox}/sleep"), Value::Null).json()["status"], "sleeping");
    let listed = call(&mut test, Method::GET, &format!("{sandbox}/contexts"), Value::Null);
    assert_eq!(listed.json()["contexts"], json!([]));
    for path in [format!("{context}/run"), format!("{context}/restart"), format!("{context}/interrupt")] {
        let refused = post(&mut test, &path, json!({ "code": "x" }));
        assert_eq!(
            (refused.status, refused.json()["code"].clone()),
            (StatusCode::NOT_FOUND, json!("context_not_found"))
        );
    }
    assert_eq!(call(&mut test, Method::GET, &sandbox, Value::Null).json()["status"], "sleeping", "nothing woke it");
    let ran = post(&mut test, &format!("{sandbox}/code"), json!({ "code": "x" })).json();
    assert_eq!(ran["executionCount"], 1);
    let refused = post(&mut test, &format!("{context}/run"), json!({ "code": "x" }));
    assert_eq!(refused.status, StatusCode::NOT_FOUND, "the machine is another one");
}

#[test]
fn a_sandbox_has_sixteen_contexts_and_shows_them_to_nobody_else() {
    let mut test = TestApp::new();
    let sandbox = new_sandbox(&mut test, json!({}));
    let contexts: Vec<String> = (0..16).map(|_| new_context(&mut test, &sandbox, json!({}))).collect();
    let refused = post(&mut test, &format!("{sandbox}/contexts"), json!({}));
    assert_eq!((refused.status, refused.json()["code"].clone()), (StatusCode::CONFLICT, json!("too_many_contexts")));
    let other = new_sandbox(&mut test, json!({}));
    let id = contexts[0].rsplit('/').next().unwrap();
    let refused = post(&mut test, &format!("{other}/contexts/{id}/run"), json!({ "code": "x" }));
    assert_eq!(refused.json()["code"], "context_not_found");
    let foreign = test.visit(Method::POST, &format!("{}/run", contexts[0]));
    let foreign = foreign.header("authorization", format!("Bearer {}", key(2).reveal()));
    let refused = test.send(foreign, json!({ "code": "x" }).to_string());
    assert_eq!(refused.json()["code"], "sandbox_not_found");
}
