//! Run tokens from the outside: what they open, and that they open nothing else.

use crate::domain::run::id::RunId;
use crate::http::table::{Caller, ROUTES, Verb};
use crate::ports::UsageLogs;
use crate::tests::app::{Answer, TestApp, key, print_one};
use ::http::{Method, StatusCode};
use serde_json::{Value, json};
use std::rc::Rc;

/// A token of the key of `proj_1`.
fn token(app: &mut TestApp, settings: Value) -> String {
    let request = app.request(Method::POST, "/api/tokens").header("content-type", "application/json");
    let answer = app.send(request, settings.to_string());
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    answer.json()["token"].as_str().unwrap().to_owned()
}

fn call(app: &mut TestApp, token: &str, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let mut request = app.visit(method, path).header("authorization", format!("Bearer {token}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.send(request, body.to_string())
}

fn run(app: &mut TestApp, token: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    call(app, token, Method::POST, "/api/run", headers, body)
}

fn problem(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_token_runs_programs_within_the_limit_of_its_key() {
    let mut app = TestApp::new();
    let token = token(&mut app, json!({ "userContext": { "id": "ada" }, "limits": { "timeoutMs": 1_000 } }));
    let answer = run(&mut app, &token, &[], &print_one());
    assert_eq!((answer.status, answer.header("x-ratelimit-remaining")), (StatusCode::OK, "59"));
    assert_eq!(app.run_pools.jobs.borrow()[0].limits.timeout_ms, 1_000);
    assert_eq!(app.run_pools.calls.borrow()[0].0, "proj_1");
    let stored = app.record();
    assert_eq!(stored["input"]["policy"]["timeoutMs"], 1_000);
    assert_eq!(
        call(&mut app, &token, Method::POST, "/execute", &[], &json!({ "code": "return 1" })).status,
        StatusCode::OK
    );
    assert_eq!(
        call(&mut app, &token, Method::POST, "/validate", &[], &json!({ "code": "return 1" })).status,
        StatusCode::OK
    );
    assert_eq!(
        problem(&run(&mut app, &token, &[], &json!({ "lang": "python", "code": "", "packages": ["a"] }))).0,
        400
    );
}

#[test]
fn a_token_opens_no_other_route() {
    let mut app = TestApp::new();
    let token = token(&mut app, json!({}));
    let opens = [
        "create_run",
        "run_cell",
        "batch_runs",
        "judge_run",
        "interactive_run",
        "get_run",
        "list_runs",
        "execute_script",
        "validate_script",
        "post_mcp",
        "execute_piston",
        "run_dify",
        "run_code_of_fusion",
        "exec_codapi",
        "authenticate_judge0",
        "create_submission",
        "create_submissions",
        "get_submission",
        "get_submissions",
    ];
    let asks_for_nothing = [Caller::Anyone, Caller::Visitor, Caller::KeyOrSession];
    for route in ROUTES.iter().filter(|route| !opens.contains(&route.name)) {
        if asks_for_nothing.contains(&route.caller) {
            continue;
        }
        let method = Method::from_bytes(route.verb.name().as_bytes()).unwrap();
        let room = "room";
        let path = route.path.replace(":id", room);
        let answer = call(&mut app, &token, method, &path, &[], &json!({}));
        match route.caller {
            // It has errors of its own.
            Caller::ApiClient if route.path.starts_with("/compat/") => {
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", route.name);
            }
            Caller::ApiClient if route.path.contains("/:id") && !route.path.starts_with("/executions") => {
                // Rooms have tokens of their own, and none has this id.
                assert_eq!(answer.status, StatusCode::NOT_FOUND, "{}", route.name);
            }
            Caller::ApiClient => assert_eq!(problem(&answer), (403, "token_not_enough".to_owned()), "{}", route.name),
            _ => assert_eq!(problem(&answer), (401, "session_required".to_owned()), "{}", route.name),
        }
    }
    assert!(app.run_pools.jobs.borrow().is_empty());
    assert!(ROUTES.iter().any(|route| route.verb == Verb::Delete && route.caller == Caller::ApiClient));
}

#[test]
fn a_token_ends_with_its_time_and_with_its_key() {
    let mut app = TestApp::new();
    let token = token(&mut app, json!({ "ttlSeconds": 60 }));
    assert_eq!(run(&mut app, &token, &[], &print_one()).status, StatusCode::OK);
    let changed = format!("{}A", &token[..token.len() - 1]);
    let changed = if changed == token { format!("{}B", &token[..token.len() - 1]) } else { changed };
    for wrong in [changed.as_str(), "rt_", "rt_a.b"] {
        let answer = run(&mut app, wrong, &[], &print_one());
        assert_eq!(problem(&answer), (401, "invalid_token".to_owned()), "{wrong}");
        assert!(!answer.text().contains("keyHash"));
    }
    app.sql.run("UPDATE api_keys SET revoked_at = 1 WHERE id = 'key_1'");
    let hash = key(1).hash();
    let gates = Rc::clone(&app.app.gates);
    app.pool.run_until(async move { gates.refresh(&hash).await }).unwrap();
    assert_eq!(problem(&run(&mut app, &token, &[], &print_one())), (401, "invalid_api_key".to_owned()));
}

#[test]
fn a_token_that_has_ended_says_when() {
    let mut app = TestApp::new();
    let token = token(&mut app, json!({ "ttlSeconds": 60 }));
    app.clock.pass_ms(60_000);
    let answer = run(&mut app, &token, &[], &print_one());
    assert_eq!(problem(&answer), (401, "invalid_token".to_owned()));
    assert!(answer.json()["message"].as_str().unwrap().starts_with("This run token ended at "));
}

#[test]
fn a_token_for_one_origin_works_on_its_pages_only() {
    let mut app = TestApp::new();
    let token = token(&mut app, json!({ "origin": "https://app.example.com" }));
    assert_eq!(run(&mut app, &token, &[("origin", "https://app.example.com")], &print_one()).status, StatusCode::OK);
    for headers in
        [&[("origin", "https://evil.example")][..], &[("origin", "https://app.example.com.evil.example")], &[]]
    {
        assert_eq!(problem(&run(&mut app, &token, headers, &print_one())), (403, "domain_not_allowed".to_owned()));
    }
}

#[test]
fn the_idempotency_keys_of_a_token_are_its_own() {
    let mut app = TestApp::new();
    let (one, other) = (token(&mut app, json!({})), token(&mut app, json!({})));
    assert_ne!(one, other);
    let mut ids = Vec::new();
    for credential in [one.as_str(), one.as_str(), other.as_str(), key(1).reveal()] {
        let answer = run(&mut app, credential, &[("idempotency-key", "same")], &print_one());
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        ids.push(app.run_pools.calls.borrow().last().unwrap().1.as_ref().unwrap().key.clone());
    }
    assert_eq!(ids[0], ids[1]);
    assert!(ids[1] != ids[2] && ids[2] != ids[3] && ids[1] != ids[3], "{ids:?}");
}

#[test]
fn a_token_reads_no_private_result_and_no_input_of_another_client() {
    let mut app = TestApp::new();
    let [own, other] = [token(&mut app, json!({})), token(&mut app, json!({}))];
    let id = run(&mut app, &own, &[], &print_one()).json()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/run/{id}");
    let read = |app: &mut TestApp, token: &str| call(app, token, Method::GET, &path, &[], &Value::Null);
    let seen = read(&mut app, &other);
    assert_eq!(
        (seen.status, seen.json()["stdout"].clone(), seen.json()["input"].clone()),
        (StatusCode::OK, json!("1\n"), Value::Null)
    );
    app.sql.run("UPDATE projects SET private_results = 1");
    let (logs, log) = (Rc::clone(&app.logs), RunId::parse(&id).unwrap().log());
    app.pool.run_until(async move { logs.refresh(log).await }).unwrap();
    assert_eq!(read(&mut app, &other).status, StatusCode::NOT_FOUND);
    assert_eq!(read(&mut app, &own).json()["input"]["code"], "print(1)");
}

#[test]
fn a_project_makes_its_tokens_with_one_key_that_nobody_has() {
    let mut app = TestApp::new();
    let cookie = app.sign_in("ada@example.com");
    let project = app.call(&cookie, Method::POST, "/api/projects", json!({ "name": "Shop" })).json()["id"].clone();
    let path = |rest: &str| format!("/api/projects/{}/{rest}", project.as_str().unwrap());
    for _ in 0..2 {
        let answer = app.call(&cookie, Method::POST, &path("tokens"), json!({ "ttlSeconds": 60 }));
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        let token = answer.json()["token"].as_str().unwrap().to_owned();
        assert_eq!(run(&mut app, &token, &[], &print_one()).status, StatusCode::OK);
    }
    let keys = app.call(&cookie, Method::GET, &path("keys"), Value::Null).json();
    let names: Vec<_> = keys["apiKeys"].as_array().unwrap().iter().map(|key| key["name"].clone()).collect();
    assert_eq!(names, ["Playground"]);
    let other = app.sign_in("eve@example.com");
    assert_eq!(app.call(&other, Method::POST, &path("tokens"), json!({})).status, StatusCode::NOT_FOUND);
}

#[test]
fn a_key_may_come_in_x_api_key() {
    let mut app = TestApp::new();
    let with = |app: &mut TestApp, value: &str| {
        let request = app.visit(Method::POST, "/api/run").header("x-api-key", value);
        app.send(request, print_one().to_string())
    };
    assert_eq!(with(&mut app, key(1).reveal()).status, StatusCode::OK);
    assert_eq!(problem(&with(&mut app, "sk_live_1")), (401, "invalid_api_key".to_owned()));
}
