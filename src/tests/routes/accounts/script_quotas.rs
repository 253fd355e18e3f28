//! Executions of scripts and calls of models, counted for the account of the project.

use crate::domain::account::quota::{Quota, QuotaLimits};
use crate::tests::app::{Answer, TestApp};
use ::http::{Method, StatusCode};
use docle_protocol::isolate::RuntimeApi;
use serde_json::{Value, json};

/// An account of three executions a day, and of models that cost 20 neurons; its cookie and its key.
fn account(app: &mut TestApp) -> (String, String) {
    let limits = QuotaLimits::default().with(Quota::Executions, Some(3)).with(Quota::AiNeurons, Some(20));
    app.accounts.limits.set(limits);
    let cookie = app.sign_in("ada@example.com");
    let project = app.call(&cookie, Method::POST, "/api/projects", json!({ "name": "Shop" })).json();
    let path = format!("/api/projects/{}/keys", project["id"].as_str().unwrap());
    let key = app.call(&cookie, Method::POST, &path, json!({})).json()["key"].as_str().unwrap().to_owned();
    (cookie, key)
}

fn report(neurons: f64) -> Value {
    let ai = json!({ "calls": 1, "inputTokens": 5, "outputTokens": 7, "neurons": neurons });
    json!({
        "status": "success", "exitCode": 0, "signal": null, "stdout": "", "stderr": "",
        "truncated": { "stdout": false, "stderr": false },
        "usage": {
            "cpuMs": null, "memMB": null, "durationMs": 1.5, "queueMs": 0.0, "installMs": 0.0, "blockedConnections": 0,
            "ai": ai,
        },
        "success": true, "result": 1, "logs": [], "error": null, "executionTime": 1.5,
    })
}

fn post(app: &mut TestApp, key: &str, path: &str, body: &Value) -> Answer {
    let request = app.visit(Method::POST, path).header("authorization", format!("Bearer {key}"));
    app.send(request, body.to_string())
}

fn execute(app: &mut TestApp, key: &str) -> Answer {
    post(app, key, "/execute", &json!({ "code": "return 1" }))
}

fn used(app: &mut TestApp, cookie: &str, quota: &str) -> Value {
    let usage = app.call(cookie, Method::GET, "/api/account/usage", Value::Null).json();
    let quotas = usage["quotas"].as_array().unwrap();
    quotas.iter().find(|one| one["quota"] == quota).unwrap()["used"].clone()
}

#[test]
fn scripts_were_executed_without_end() {
    let mut app = TestApp::new();
    let (_, key) = account(&mut app);
    *app.isolates.report.borrow_mut() = Some(Ok(report(0.0)));
    let run = json!({ "tier": "isolate", "lang": "javascript", "code": "return 1" });
    assert_eq!(execute(&mut app, &key).status, StatusCode::OK);
    assert_eq!(post(&mut app, &key, "/api/run", &run).status, StatusCode::OK);
    assert_eq!(execute(&mut app, &key).status, StatusCode::OK);
    assert_eq!(app.accounts.asked.borrow().len(), 1, "the gate holds a block");
    for path in ["/execute", "/api/run"] {
        let refused = post(&mut app, &key, path, &run);
        let body = if path == "/execute" { execute(&mut app, &key).json() } else { refused.json() };
        assert_eq!(
            (&body["code"], &body["quota"], &body["limit"]),
            (&json!("quota_exceeded"), &json!("executions"), &json!(3))
        );
        assert_eq!(body["reset_at"], 86_400_000);
    }
    assert_eq!(app.isolates.jobs.borrow().len(), 3);
    let validated = post(&mut app, &key, "/validate", &json!({ "code": "return 1" }));
    assert_eq!(validated.status, StatusCode::OK, "a check executes nothing");
    app.clock.pass_ms(86_400_000);
    assert_eq!(execute(&mut app, &key).status, StatusCode::OK, "the next day");
}

#[test]
fn models_were_called_without_end() {
    let mut app = TestApp::new();
    let (cookie, key) = account(&mut app);
    *app.isolates.report.borrow_mut() = Some(Ok(report(20.5)));
    assert_eq!(execute(&mut app, &key).status, StatusCode::OK);
    assert_eq!(execute(&mut app, &key).status, StatusCode::OK, "a script needs no model");
    let apis: Vec<bool> = app.isolates.jobs.borrow().iter().map(|job| job.apis.contains(&RuntimeApi::Ai)).collect();
    assert_eq!(apis, [true, false]);
    // The alarm of the gate reports what was used.
    let gates = std::rc::Rc::clone(&app.gates);
    app.clock.pass_ms(20_000);
    app.pool.run_until(async move { gates.maintain_all().await });
    assert_eq!((used(&mut app, &cookie, "ai_neurons"), used(&mut app, &cookie, "ai_calls")), (json!(42.0), json!(2.0)));
}

#[test]
fn while_the_account_is_silent_scripts_use_up_the_block_of_their_key() {
    let mut app = TestApp::new();
    let (_, key) = account(&mut app);
    *app.isolates.report.borrow_mut() = Some(Ok(report(0.0)));
    assert_eq!(execute(&mut app, &key).status, StatusCode::OK);
    app.accounts.fails.set(true);
    assert_eq!(execute(&mut app, &key).status, StatusCode::OK);
    assert_eq!(execute(&mut app, &key).status, StatusCode::OK);
    assert_eq!(execute(&mut app, &key).status, StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn executions_that_a_gate_has_not_used_are_given_back() {
    let mut app = TestApp::new();
    let (cookie, key) = account(&mut app);
    *app.isolates.report.borrow_mut() = Some(Ok(report(0.0)));
    assert_eq!(execute(&mut app, &key).status, StatusCode::OK);
    let maintain = |app: &mut TestApp, after_ms: i64| {
        let gates = std::rc::Rc::clone(&app.gates);
        app.clock.pass_ms(after_ms);
        app.pool.run_until(async move { gates.maintain_all().await });
    };
    maintain(&mut app, 20_000);
    assert_eq!(used(&mut app, &cookie, "executions"), 1.0);
    maintain(&mut app, 850_000);
    maintain(&mut app, 100_000);
    app.clock.pass_ms(1_000_000);
    assert_eq!(
        used(&mut app, &cookie, "executions"),
        1.0,
        "a lease that ends by itself counts as used, and this did not"
    );
}

#[test]
fn a_deleted_project_gives_back_what_its_keys_held() {
    let mut app = TestApp::new();
    let (cookie, key) = account(&mut app);
    *app.isolates.report.borrow_mut() = Some(Ok(report(0.0)));
    assert_eq!(execute(&mut app, &key).status, StatusCode::OK);
    let projects = app.call(&cookie, Method::GET, "/api/projects", Value::Null).json();
    let path = format!("/api/projects/{}", projects["projects"][0]["id"].as_str().unwrap());
    assert_eq!(app.call(&cookie, Method::DELETE, &path, Value::Null).status, StatusCode::NO_CONTENT);
    app.clock.pass_ms(1_000_000);
    assert_eq!(used(&mut app, &cookie, "executions"), 1.0);
}
