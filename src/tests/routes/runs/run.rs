//! Runs from the outside: what is answered, streamed, recorded and read again.

use crate::ports::PoolFailureCode;
use crate::tests::app::{TestApp, good_run, key, print_one};
use crate::tests::fake_run_pools::Script;
use ::http::{Method, StatusCode};
use docle_languages::RunLanguage;
use serde_json::{Value, json};

fn lines(text: &[&str]) -> Vec<Vec<u8>> {
    text.iter().map(|line| format!("{line}\n").into_bytes()).collect()
}

const START: &str = r#"{"type":"start"}"#;
/// Standard output: `so far`.
const OUTPUT: &str = r#"{"type":"stdout","data":"c28gZmFy"}"#;

#[test]
fn a_run_is_answered_and_recorded() {
    let mut app = TestApp::new();
    let answer = app.run(&print_one());
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let result = answer.json();
    let expected = json!({
        "id": result["id"], "ok": true, "status": "success", "exitCode": 0, "signal": null, "stdout": "1\n", "stderr": "",
        "truncated": { "stdout": false, "stderr": false },
        "usage": {
            "cpuMs": 1.0, "memMB": 2.0, "durationMs": 3.0, "queueMs": 0.0, "installMs": 0.0, "blockedConnections": 0,
        },
        "createdAt": "1970-01-01T00:00:00.000Z",
    });
    assert_eq!(result, expected);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("access-control-allow-origin"), "*");

    let job = &app.run_pools.jobs.borrow()[0];
    assert_eq!((job.id.as_str(), job.language), (result["id"].as_str().unwrap(), RunLanguage::named("python")));
    assert_eq!(app.run_pools.calls.borrow()[0], ("proj_1".to_owned(), None, 16_500));

    let record = app.record();
    assert_eq!(
        (&record["result"], &record["projectId"], &record["keyId"]),
        (&result, &json!("proj_1"), &json!("key_1"))
    );
    assert!(!record.to_string().contains("secret"), "values of environment variables are not stored");
}

#[test]
fn a_run_streams_as_events() {
    let mut app = TestApp::new();
    let answer = app.stream(&print_one());
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("x-accel-buffering"), "no");
    let record = app.record();
    let (id, mut complete) = (record["result"]["id"].as_str().unwrap(), record["result"].clone());
    complete["type"] = json!("complete");
    let text = answer.text();
    let events: Vec<&str> = text.split_terminator("\n\n").filter(|event| !event.starts_with(':')).collect();
    assert_eq!(
        events[..2],
        [
            &format!(
                "id: 0-0\nevent: start\ndata: {{\"type\":\"start\",\"id\":\"{id}\",\"createdAt\":\"1970-01-01T00:00:00.000Z\"}}"
            ),
            "id: 2-0\nevent: stdout\ndata: {\"type\":\"stdout\",\"data\":\"1\\n\"}",
        ]
    );
    let last = events[2].strip_prefix("id: 2-0-end\nevent: complete\ndata: ").unwrap();
    assert_eq!((events.len(), serde_json::from_str::<Value>(last).unwrap()), (3, complete));
    assert!(text.contains(":\n\n"), "the runner's heartbeat is passed on as a comment");
}

#[test]
fn events_are_the_same_wherever_the_runners_chunks_end() {
    let stream = good_run().concat();
    for at in 0..stream.len() {
        let mut app = TestApp::new();
        app.script(Script::Chunks(vec![stream[..at].to_vec(), stream[at..].to_vec()]));
        let text = app.stream(&print_one()).text();
        let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
        assert_eq!(names, ["start", "stdout", "complete"], "cut at {at}");
    }
}

#[test]
fn the_published_example_with_its_trailing_comma_runs() {
    let mut app = TestApp::new();
    let request = app.request(Method::POST, "/api/run").header("content-type", "application/x-www-form-urlencoded");
    let body = r#"{ "code": "print(\"Hello, Docle!\")", "lang": "python", "policy": { "timeoutMs": 5000, } }"#;
    assert_eq!(app.send(request, body).status, StatusCode::OK);
    assert_eq!(app.run_pools.jobs.borrow()[0].limits.timeout_ms, 5_000);
}

#[test]
fn a_pool_that_does_not_take_the_run_is_a_problem_and_nothing_is_recorded() {
    let mut app = TestApp::new();
    let refuse = |code: PoolFailureCode| Script::Refuse(code.with_message("runner said so"));
    for (script, status, code) in [
        (refuse(PoolFailureCode::Unavailable), 503, "runner_unavailable"),
        (refuse(PoolFailureCode::Busy), 503, "runner_busy"),
        (refuse(PoolFailureCode::Mismatch), 502, "runner_mismatch"),
        (refuse(PoolFailureCode::Rejected), 500, "internal"),
        (refuse(PoolFailureCode::KeyReused), 422, "idempotency_key_reused"),
        (refuse(PoolFailureCode::InDoubt), 409, "idempotency_in_doubt"),
        (Script::Hang, 503, "runner_unavailable"),
        (Script::Chunks(vec![]), 503, "runner_unavailable"),
        (Script::Chunks(lines(&["<html>"])), 502, "runner_mismatch"),
    ] {
        app.script(script);
        for answer in [app.run(&print_one()), app.stream(&print_one())] {
            let problem = answer.json();
            assert_eq!((answer.status.as_u16(), problem["code"].as_str()), (status, Some(code)));
            assert_eq!(answer.header("retry-after"), if status == 503 { "1" } else { "" });
            assert!(!answer.text().contains("runner said so"), "internal messages stay internal");
        }
    }
    assert!(app.recorded().is_empty() && app.kv.values.borrow().is_empty());
}

#[test]
fn a_run_that_was_lost_is_withdrawn_or_counts_as_failed() {
    let lost = || Script::Refuse(PoolFailureCode::Lost.with_message("runner said so"));
    for cancels in [Some(true), Some(false), None] {
        for script in [lost(), Script::Hang, Script::Chunks(vec![]), Script::Chunks(lines(&[""]))] {
            let mut app = TestApp::new();
            app.script(script);
            app.run_pools.cancels.set(cancels);
            let answer = app.run(&print_one());
            let asked = app.run_pools.cancelled.borrow().clone();
            assert_eq!(asked.len(), 1);
            assert_eq!(asked[0].1.to_string(), app.run_pools.jobs.borrow()[0].id);
            let answered = answer.json();
            if cancels == Some(true) {
                assert_eq!((answer.status.as_u16(), &answered["code"]), (503, &json!("runner_unavailable")));
                assert!(app.recorded().is_empty());
                continue;
            }
            assert_eq!((answer.status, &answered["status"]), (StatusCode::OK, &json!("system")));
            assert_eq!((&answered["stdout"], &answered["exitCode"]), (&json!(""), &json!(1)));
            assert_eq!(app.record()["result"], answered);
            let streamed = app.stream(&print_one()).text();
            assert!(streamed.contains("event: complete") && streamed.contains(r#""status":"system""#), "{streamed}");
        }
    }
}

#[test]
fn a_run_with_an_idempotency_key_that_was_lost_is_asked_for_again_and_not_withdrawn() {
    let mut app = TestApp::new();
    app.script(Script::Refuse(PoolFailureCode::Lost.with_message("runner said so")));
    let request = app.request(Method::POST, "/api/run").header("idempotency-key", "k");
    let answer = app.send(request, print_one().to_string());
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let detail = answer.json()["detail"].to_string();
    assert!(detail.contains("same Idempotency-Key") && !detail.contains("nothing was run"), "{detail}");
    assert!(app.run_pools.cancelled.borrow().is_empty());
}

#[test]
fn a_runner_that_fails_during_the_run_is_a_result_with_the_output_so_far() {
    let broken = [
        Script::Chunks(lines(&[START, OUTPUT])),
        Script::Chunks(lines(&[START, OUTPUT, "no event"])),
        Script::Chunks(lines(&[START, OUTPUT, r#"{"type":"complete","report":{}}"#])),
        Script::ChunksThenSilence(lines(&[START, OUTPUT])),
        Script::ChunksThenReset(lines(&[START, OUTPUT])),
    ];
    for script in broken {
        let is_reset = matches!(script, Script::ChunksThenReset(_));
        let mut app = TestApp::new();
        app.script(script);
        let answer = app.run(&print_one());
        let result = answer.json();
        assert_eq!((answer.status, &result["ok"]), (StatusCode::OK, &json!(false)));
        assert_eq!(
            (&result["status"], &result["exitCode"], &result["stdout"]),
            (&json!("system"), &json!(1), &json!("so far"))
        );
        assert!(result["stderr"].as_str().unwrap().ends_with("the run may be repeated.\n"));
        let recorded = app.record()["result"].clone();
        assert_eq!((&recorded["status"], &recorded["stderr"]), (&result["status"], &result["stderr"]));
        assert!(recorded == result || is_reset, "the output of a run whose pool was reset is lost");

        let streamed = app.stream(&print_one()).text();
        assert_eq!(streamed.matches("event: complete").count(), 1);
        assert!(streamed.contains(r#""status":"system""#));
    }
}

#[test]
fn a_client_that_leaves_was_recorded_as_a_killed_run() {
    let mut app = TestApp::new();
    app.script(Script::ChunksThenSilence(lines(&[START, OUTPUT])));
    let request = app.request(Method::POST, "/api/run").header("accept", "text/event-stream");
    let answer = app.send_and_read(request, vec![print_one().to_string().into_bytes()], 2);
    assert!(answer.text().contains("so far"));
    let cancelled = |app: &TestApp| {
        let result = app.record()["result"].clone();
        assert_eq!(
            (&result["status"], &result["exitCode"], &result["stdout"]),
            (&json!("cancelled"), &json!(137), &json!("so far"))
        );
    };
    cancelled(&app);

    let mut app = TestApp::new();
    app.script(Script::ChunksThenSilence(lines(&[START, OUTPUT])));
    let request = app.request(Method::POST, "/api/run");
    let answer = app.send_and_read(request, vec![print_one().to_string().into_bytes()], 3);
    assert_eq!((answer.header("content-type"), answer.text().as_str()), ("application/json", "   "));
    cancelled(&app);

    let mut app = TestApp::new();
    app.script(Script::ChunksThenLeft(lines(&[START, OUTPUT])));
    app.run(&print_one());
    cancelled(&app);
}

#[test]
fn an_idempotent_run_goes_on_without_its_client() {
    let mut app = TestApp::new();
    let request = app
        .request(Method::POST, "/api/run")
        .header("accept", "text/event-stream")
        .header("idempotency-key", "order-1");
    app.send_and_read(request, vec![print_one().to_string().into_bytes()], 1);
    assert_eq!(app.record()["result"]["status"], "success");
    let calls = app.run_pools.calls.borrow();
    let once = calls[0].1.as_ref().unwrap();
    assert_eq!((once.key.as_str(), calls[0].2), ("order-1", 16_500));
}

#[test]
fn a_result_is_open_to_whoever_knows_the_id_and_its_input_to_the_project() {
    let mut app = TestApp::new();
    let result = app.run(&print_one()).json();
    let path = format!("/api/run/{}", result["id"].as_str().unwrap());
    let get = |of: Option<u8>| {
        let request = ::http::Request::builder().uri(&path);
        match of {
            Some(of) => request.header("authorization", format!("Bearer {}", key(of).reveal())),
            None => request,
        }
    };
    assert_eq!(app.send(get(None), "").json(), result);
    assert_eq!(app.send(get(Some(2)), "").json(), result, "another project sees no more than anybody");
    let own = app.send(get(Some(1)), "").json();
    assert_eq!((&own["stdout"], &own["input"]["code"]), (&result["stdout"], &json!("print(1)")));
    assert_eq!(app.send(get(Some(3)), "").status, StatusCode::UNAUTHORIZED);
    let head = app.send(get(None).method(Method::HEAD), "");
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));

    app.logs.misses.set(2);
    assert_eq!(app.send(get(None), "").status, StatusCode::OK, "the log is asked again");
    app.logs.misses.set(5);
    assert_eq!(app.send(get(None), "").status, StatusCode::NOT_FOUND);
    app.logs.fails.set(true);
    assert_eq!(app.send(get(None), "").status, StatusCode::SERVICE_UNAVAILABLE);
    app.logs.fails.set(false);
    for id in ["x", "550e8400-e29b-41d4-a716-446655440000", "%2e%2e"] {
        let answer = app.send(::http::Request::builder().uri(format!("/api/run/{id}")), "");
        assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (404, Some("run_not_found")), "{id}");
    }
}
