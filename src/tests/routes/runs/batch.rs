//! Batches from the outside: one call, many runs.

use crate::domain::account::quota::{Quota, QuotaExceeded};
use crate::domain::run::idempotency::IdempotencyKey;
use crate::domain::timestamp::Timestamp;
use crate::ports::{PoolFailure, PoolFailureCode};
use crate::tests::app::{Answer, TestApp, complete};
use crate::tests::fake_run_pools::Script;
use crate::tests::fake_runner::{START, output};
use ::http::{Method, StatusCode};
use docle_protocol::{RunJob, Stream};
use serde_json::{Value, json};

/// Prints its standard input.
fn cat(job: &RunJob) -> Script {
    let all = format!("{START}{}\n{}", output(Stream::Stdout, &job.stdin), complete());
    Script::Chunks(vec![all.into_bytes()])
}

fn send(app: &mut TestApp, path: &str, body: &Value) -> Answer {
    let request = app.request(Method::POST, path);
    app.send(request, body.to_string())
}

fn inputs(count: usize) -> Value {
    let inputs: Vec<Value> = (0..count).map(|index| json!({ "stdin": format!("{index}") })).collect();
    json!({ "lang": "python", "code": "print(input())", "inputs": inputs })
}

#[test]
fn a_batch_is_one_call_and_each_of_its_runs_is_one() {
    let mut app = TestApp::new();
    app.script(Script::Of(cat));
    let answer = send(&mut app, "/api/run/batch", &inputs(100));
    assert_eq!((answer.status, answer.header("x-ratelimit-remaining")), (StatusCode::OK, "59"), "{}", answer.text());
    let batch = answer.json();
    let results = batch["results"].as_array().unwrap();
    assert_eq!(results.len(), 100);
    for (index, run) in results.iter().enumerate() {
        assert_eq!((&run["index"], &run["result"]["stdout"]), (&json!(index), &json!(index.to_string())));
        assert_eq!(run.as_object().unwrap().len(), 2, "{run}");
    }
    let mut ids: Vec<&str> = results.iter().map(|run| run["result"]["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    let mut recorded = app.recorded();
    recorded.sort_unstable();
    assert_eq!(recorded, ids);
    assert!(app.run_pools.jobs.borrow().iter().all(|job| job.share.is_none()), "nothing of Python is compiled");
}

#[test]
fn events_tell_of_each_run_and_of_the_end() {
    let mut app = TestApp::new();
    app.script(Script::Of(cat));
    let request = app.request(Method::POST, "/api/run/batch").header("accept", "text/event-stream");
    let answer = app.send(request, inputs(3).to_string());
    assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8");
    let text = answer.text();
    let events: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let mut indexes: Vec<u64> = events.iter().filter_map(|event| event["index"].as_u64()).collect();
    indexes.sort_unstable();
    assert_eq!((indexes, events.len()), (vec![0, 1, 2], 4));
    assert_eq!(events[3], json!({ "type": "complete", "succeeded": 3, "failed": 0, "refused": 0 }));
}

#[test]
fn programs_of_one_batch_share_a_compilation_under_a_name_that_no_other_call_has() {
    let mut app = TestApp::new();
    app.script(Script::Of(cat));
    let c = json!({ "lang": "c", "code": "" });
    let body = json!({ "runs": [c, c, { "lang": "python", "code": "" }] });
    for _ in 0..2 {
        assert_eq!(send(&mut app, "/api/run/batch", &body).status, StatusCode::OK);
    }
    let jobs = app.run_pools.jobs.borrow();
    let shares: Vec<Option<&str>> = jobs.iter().map(|job| job.share.as_deref()).collect();
    assert!(shares[0].is_some() && shares[0] == shares[1] && shares[2].is_none());
    assert_ne!(shares[0], shares[3]);
    let ids: std::collections::HashSet<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
    assert_eq!(ids.len(), 6);
}

#[test]
fn a_run_that_cannot_be_started_does_not_end_the_others() {
    let mut app = TestApp::new();
    app.script(Script::Of(|job| match job.stdin.as_str() {
        "1" => Script::Refuse(PoolFailureCode::NoLanguage.with_message("Ruby is not installed")),
        _ => cat(job),
    }));
    let batch = send(&mut app, "/api/run/batch", &inputs(3)).json();
    assert_eq!(batch["results"][1]["error"]["code"], "language_unavailable");
    assert!(batch["results"][1].get("result").is_none());
    assert_eq!(
        (&batch["results"][0]["result"]["ok"], &batch["results"][2]["result"]["ok"]),
        (&json!(true), &json!(true))
    );
}

#[test]
fn a_quota_that_is_used_up_in_the_middle_refuses_the_rest_without_asking_again() {
    let mut app = TestApp::new();
    app.script(Script::Of(|job| match job.stdin.as_str() {
        "0" | "1" | "2" => cat(job),
        _ => {
            let (quota, resets_at) = (Quota::CpuSeconds, Some(Timestamp(86_400_000)));
            Script::Refuse(PoolFailure::of_quota(QuotaExceeded { quota, limit: 60, resets_at }))
        }
    }));
    let batch = send(&mut app, "/api/run/batch", &inputs(50)).json();
    let results = batch["results"].as_array().unwrap();
    let refused = results.iter().filter(|run| run["error"]["code"] == "quota_exceeded").count();
    assert_eq!((results.len(), refused, app.recorded().len()), (50, 47, 3));
    let asked = app.run_pools.jobs.borrow().len();
    assert!(asked <= 3 + 4, "{asked} runs were tried");
}

#[test]
fn large_output_is_shortened_in_a_batch_and_whole_in_the_record() {
    let mut app = TestApp::new();
    app.script(Script::Of(|job| {
        let all = format!("{START}{}{}", output(Stream::Stdout, &"é".repeat(40_000)), complete());
        if job.stdin == "1" { cat(job) } else { Script::Chunks(vec![all.into_bytes()]) }
    }));
    let batch = send(&mut app, "/api/run/batch", &inputs(2)).json();
    let large = &batch["results"][0];
    assert_eq!(large["shortened"], json!({ "stdout": true, "stderr": false }));
    assert_eq!(large["result"]["stdout"].as_str().unwrap(), "é".repeat(32_768));
    assert!(batch["results"][1].get("shortened").is_none());
}

#[test]
fn a_client_that_leaves_starts_no_further_run() {
    let mut app = TestApp::new();
    app.script(Script::Hang);
    let request = app.request(Method::POST, "/api/run/batch");
    app.send_and_read(request, vec![inputs(20).to_string().into_bytes()], 3);
    assert_eq!(app.run_pools.jobs.borrow().len(), 4);
}

#[test]
fn several_runs_are_validated_before_any_of_them_starts() {
    let mut app = TestApp::new();
    let mut body = inputs(3);
    body["inputs"][2] = json!({ "stdin": 5 });
    let problem = send(&mut app, "/api/run/batch", &body).json();
    assert_eq!(problem["errors"][0]["field"], "inputs[2].stdin");
    let interactor = json!({ "lang": "python", "code": "" });
    let judged = json!({ "lang": "python", "code": "", "tests": [{}], "interactor": interactor });
    for (path, key, body) in
        [("/api/run/batch", "a b", inputs(1)), ("/api/run/judge", "a b", inputs(1)), ("/api/run/judge", "a", judged)]
    {
        let request = app.request(Method::POST, path).header("idempotency-key", key);
        let problem = app.send(request, body.to_string()).json();
        assert_eq!(
            (&problem["code"], &problem["errors"][0]["field"]),
            (&json!("invalid_request"), &json!("Idempotency-Key"))
        );
    }
    assert!(app.run_pools.jobs.borrow().is_empty());
}

#[test]
fn each_run_of_a_call_with_an_idempotency_key_has_a_key_of_its_own() {
    let mut app = TestApp::new();
    app.script(Script::Of(cat));
    let mut keys = |path: &str, key: Option<&str>, body: &Value| {
        let request = app.request(Method::POST, path);
        let request = if let Some(key) = key { request.header("idempotency-key", key) } else { request };
        assert_eq!(app.send(request, body.to_string()).status.as_u16(), 200);
        let calls = std::mem::take(&mut *app.run_pools.calls.borrow_mut());
        calls.into_iter().map(|(_, call, _)| Some(call?.key.as_str().to_owned())).collect::<Vec<_>>()
    };
    let first = keys("/api/run/batch", Some("a"), &inputs(3));
    assert_eq!(first.iter().flatten().collect::<std::collections::BTreeSet<_>>().len(), 3);
    assert!(first.iter().flatten().all(|key| IdempotencyKey::parse(key).is_none()), "no client can send one");
    assert_eq!(keys("/api/run/batch", Some("a"), &inputs(3)), first);
    assert!(!keys("/api/run/batch", Some("b"), &inputs(3)).iter().any(|key| first.contains(key)));
    assert_eq!(keys("/api/run/batch", None, &inputs(2)), [None, None]);
    let checker = json!({ "lang": "python", "code": "" });
    let judged = json!({ "lang": "python", "code": "", "tests": [{}, {}], "checker": checker });
    let judged = keys("/api/run/judge", Some("j"), &judged);
    assert_eq!(judged.iter().flatten().collect::<std::collections::BTreeSet<_>>().len(), 4, "{judged:?}");
}

#[test]
fn a_batch_with_a_run_token_keeps_to_its_limits() {
    let mut app = TestApp::new();
    app.script(Script::Of(cat));
    let request = app.request(Method::POST, "/api/tokens").header("content-type", "application/json");
    let settings = json!({ "limits": { "timeoutMs": 1_000, "allowPackages": false }, "userContext": { "id": "u" } });
    let token = app.send(request, settings.to_string()).json()["token"].as_str().unwrap().to_owned();
    let mut send = |path: &str, body: &Value| {
        let request = app.visit(Method::POST, path).header("authorization", format!("Bearer {token}"));
        app.send(request, body.to_string())
    };
    let run = json!({ "lang": "python", "code": "", "packages": ["a"] });
    let refused = send("/api/run/batch", &json!({ "runs": [{ "lang": "python", "code": "" }, run] }));
    assert_eq!(refused.json()["errors"][0]["field"], "runs[1].packages");
    let judged = json!({ "lang": "python", "code": "", "tests": [{ "timeoutMs": 9_000 }], "checker": run });
    assert_eq!(send("/api/run/judge", &judged).json()["errors"][0]["field"], "checker.packages");
    let judged = json!({ "lang": "python", "code": "", "tests": [{ "timeoutMs": 9_000 }, {}] });
    assert_eq!(send("/api/run/judge", &judged).status, StatusCode::OK);
    assert_eq!(send("/api/run/batch", &inputs(1)).status, StatusCode::OK);
    assert!(app.run_pools.jobs.borrow().iter().all(|job| job.limits.timeout_ms == 1_000));
    assert_eq!(app.run_pools.jobs.borrow().len(), 3);
}
