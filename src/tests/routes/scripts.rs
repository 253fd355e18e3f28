//! Scripts from the edge to the ports: what is asked of the isolate tier, and what is made of its answers.

use crate::ports::{PoolFailureCode, PortError};
use crate::tests::app::{Answer, TestApp, key};
use crate::tests::fake_run_pools::Script;
use ::http::Method;
use docle_protocol::isolate::RuntimeApi;
use serde_json::{Value, json};

fn report(status: &str, result: Value) -> Value {
    let success = status == "success";
    json!({
        "status": status, "exitCode": i32::from(!success), "signal": null, "stdout": "a\n", "stderr": "",
        "truncated": { "stdout": false, "stderr": false },
        "usage": {
            "cpuMs": null, "memMB": null, "durationMs": 1.5, "queueMs": 0.0, "installMs": 0.0, "blockedConnections": 0,
        },
        "success": success, "result": result, "logs": [{ "level": "log", "message": "a", "timeMs": 0.5 }],
        "error": null, "executionTime": 1.5,
    })
}

fn app() -> TestApp {
    let app = TestApp::new();
    *app.isolates.report.borrow_mut() = Some(Ok(report("success", json!(2))));
    app
}

fn post(app: &mut TestApp, path: &str, body: &Value) -> Answer {
    app.send(app.request(Method::POST, path), body.to_string())
}

fn get(app: &mut TestApp, path: &str) -> Answer {
    app.send(app.request(Method::GET, path), "")
}

#[test]
fn a_script_is_run_counted_and_kept() {
    let mut app = app();
    let body = json!({ "code": "return 1 + 1", "context": { "user": "john" }, "userContext": { "id": "u" } });
    let answer = post(&mut app, "/execute", &body);
    assert_eq!((answer.status.as_u16(), answer.header("x-ratelimit-remaining")), (200, "59"));
    let result = answer.json();
    for (field, value) in [
        ("success", json!(true)),
        ("ok", json!(true)),
        ("result", json!(2)),
        ("executionTime", json!(1.5)),
        ("stdout", json!("a\n")),
        ("error", Value::Null),
    ] {
        assert_eq!(result[field], value, "{field}");
    }
    let job = app.isolates.jobs.borrow()[0].clone();
    assert_eq!((job.project_id.as_str(), job.context.get(), job.timeout_ms), ("proj_1", r#"{"user":"john"}"#, 30_000));
    assert_eq!((job.apis.len(), job.allowed_domains.len(), job.database), (4, 0, None));
    assert_eq!(job.id, result["id"].as_str().unwrap());

    let id = result["id"].as_str().unwrap();
    let kept = get(&mut app, &format!("/executions/{id}")).json();
    assert_eq!(kept["result"], json!(2));
    assert_eq!(
        kept["input"],
        json!({
            "tier": "isolate", "code": "return 1 + 1", "language": "javascript", "context": { "user": "john" },
            "config": { "timeout": 30_000, "allowedAPIs": ["console", "api", "db", "ai"], "allowedDomains": null },
            "truncated": false,
        })
    );
    let listed = get(&mut app, "/executions").json();
    assert_eq!(listed["next_cursor"], Value::Null);
    assert_eq!(
        listed["executions"],
        json!([{
            "id": id, "language": "javascript", "status": "success", "success": true, "executionTime": 2,
            "snippet": "return 1 + 1", "createdAt": kept["createdAt"],
        }])
    );
    let runs = app.logs.runs();
    let context: Value = serde_json::from_str(runs[0].user_context.as_ref().unwrap()).unwrap();
    assert_eq!((runs.len(), runs[0].language.as_str(), &context["id"]), (1, "javascript", &json!("u")));
}

#[test]
fn a_run_in_an_isolate_gives_the_same_result() {
    let mut app = app();
    let body = json!({ "tier": "isolate", "lang": "typescript", "code": "return 2", "allowedAPIs": ["console"] });
    let answer = post(&mut app, "/api/run", &body).json();
    assert_eq!((&answer["success"], &answer["result"], &answer["stdout"]), (&json!(true), &json!(2), &json!("a\n")));
    assert_eq!(app.isolates.jobs.borrow()[0].apis, [RuntimeApi::Console]);
    assert!(app.run_pools.jobs.borrow().is_empty());

    let stream = app.request(Method::POST, "/api/run").header("accept", "text/event-stream");
    let events = app.send(stream, body.to_string()).text();
    let names: Vec<&str> = events.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(names, ["start", "stdout", "complete"]);
    assert!(events.contains(r#""executionTime":1.5"#), "{events}");

    for (body, field, word) in [
        (json!({ "lang": "typescript", "code": "" }), "lang", "tier \"isolate\""),
        (json!({ "tier": "vm", "lang": "python", "code": "" }), "tier", "must be"),
        (json!({ "tier": "isolate", "lang": "javascript", "code": "", "files": [] }), "files", ""),
    ] {
        let problem = post(&mut app, "/api/run", &body).json();
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        assert!(problem["errors"][0]["message"].as_str().unwrap().contains(word), "{problem}");
    }
    let run = post(&mut app, "/api/run", &json!({ "tier": "run", "lang": "python", "code": "print(1)" })).json();
    assert_eq!(run["stdout"], "1\n");
}

#[test]
fn what_the_project_decides_comes_with_the_key() {
    let mut app = app();
    app.sql
        .run(r#"UPDATE projects SET isolates = '{"allowedDomains":["a.com"],"database":"wiki"}' WHERE id = 'proj_1'"#);
    post(&mut app, "/execute", &json!({ "code": "", "config": { "allowedDomains": ["b.com"] } }));
    let job = app.isolates.jobs.borrow()[0].clone();
    assert_eq!(job.allowed_domains, [["b.com"], ["a.com"]]);
    assert_eq!(job.database.as_deref(), Some("wiki"));
}

#[test]
fn a_tier_that_does_not_answer_is_a_result() {
    for report in [Some(Err(PortError("gone".into()))), Some(Ok(json!([]))), None] {
        let mut app = app();
        *app.isolates.report.borrow_mut() = report;
        let result = post(&mut app, "/execute", &json!({ "code": "" })).json();
        assert_eq!((&result["status"], &result["success"]), (&json!("system"), &json!(false)), "{result}");
        assert_eq!(result["error"]["name"], "SystemError");
        let id = result["id"].as_str().unwrap();
        assert_eq!(get(&mut app, &format!("/executions/{id}")).json()["status"], "system");
        let log = format!("{:?}", app.log.0.borrow());
        assert!(log.contains("A script could not be run."), "{log}");
    }
}

#[test]
fn a_deployment_without_isolates_says_so() {
    let mut app = app();
    app.app.isolates = None;
    for path in ["/execute", "/validate"] {
        let answer = post(&mut app, path, &json!({ "code": "" }));
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (503, &json!("isolates_unavailable")));
    }
}

#[test]
fn only_keys_open_and_only_their_own() {
    let mut app = app();
    let id = post(&mut app, "/execute", &json!({ "code": "" })).json()["id"].as_str().unwrap().to_owned();
    for path in ["/executions".to_owned(), format!("/executions/{id}")] {
        let stranger = ::http::Request::builder().uri(&path);
        assert_eq!(app.send(stranger, "").status.as_u16(), 401, "{path}");
    }
    let other = |path: &str| {
        let authorization = format!("Bearer {}", key(2).reveal());
        ::http::Request::builder().uri(path).header("authorization", authorization)
    };
    assert_eq!(app.send(other(&format!("/executions/{id}")), "").status.as_u16(), 404);
    assert_eq!(app.send(other("/executions"), "").json()["executions"], json!([]));

    let run = post(&mut app, "/api/run", &json!({ "lang": "python", "code": "print(1)" })).json();
    let path = format!("/executions/{}", run["id"].as_str().unwrap());
    assert_eq!(get(&mut app, &path).status.as_u16(), 404, "a run of another tier is none of these");
    assert_eq!(get(&mut app, "/executions").json()["executions"].as_array().unwrap().len(), 1);
}

#[test]
fn executions_are_listed_in_pages() {
    let mut app = app();
    for number in 0..5 {
        app.clock.pass_ms(10);
        post(&mut app, "/execute", &json!({ "code": format!("return {number}") }));
    }
    let snippets = |answer: &Value| -> Vec<String> {
        let executions = answer["executions"].as_array().unwrap();
        executions.iter().map(|one| one["snippet"].as_str().unwrap().replace("return ", "")).collect()
    };
    let first = get(&mut app, "/executions?limit=2").json();
    assert_eq!(snippets(&first), ["4", "3"]);
    let next = get(&mut app, &format!("/executions?limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).json();
    assert_eq!(snippets(&next), ["2", "1"]);
    assert_eq!(snippets(&get(&mut app, "/executions?limit=2&offset=3").json()), ["1", "0"]);
    for (query, field) in
        [("offset=-1", "offset"), ("offset=10001", "offset"), ("limit=0", "limit"), ("cursor=x", "cursor")]
    {
        let problem = get(&mut app, &format!("/executions?{query}")).json();
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
}

#[test]
fn a_script_is_validated_without_being_run() {
    let mut app = app();
    let good = post(&mut app, "/validate", &json!({ "code": "return 42" })).json();
    assert_eq!(good, json!({ "valid": true, "errors": [] }));
    let bad = post(&mut app, "/validate", &json!({ "code": "eval(1)", "language": "typescript" })).json();
    assert_eq!((&bad["valid"], &bad["errors"][0]["rule"]), (&json!(false), &json!("eval")));
    assert!(app.isolates.jobs.borrow().is_empty());
}

#[test]
fn idempotency_is_refused_rather_than_ignored() {
    let mut app = app();
    let request = app.request(Method::POST, "/execute").header("idempotency-key", "a");
    let answer = app.send(request, json!({ "code": "" }).to_string());
    assert_eq!((answer.status.as_u16(), &answer.json()["errors"][0]["field"]), (400, &json!("Idempotency-Key")));
    assert!(app.isolates.jobs.borrow().is_empty());
}

#[test]
fn languages_and_docs_are_for_everybody() {
    let mut app = app();
    let languages = app.send(::http::Request::builder().uri("/languages"), "").json();
    let ids: Vec<&str> =
        languages["languages"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["python", "node", "typescript"]);
    let docs = app.send(::http::Request::builder().uri("/docs"), "").json();
    assert_eq!(docs["runtimeApis"][2]["name"], "api");
    let page = app.send(::http::Request::builder().uri("/docs").header("accept", "text/html,*/*;q=0.8"), "");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.text().contains("await db({ select"), "{}", page.text());
}

#[test]
fn interpreters_are_asked_once_whether_or_not_they_answer() {
    let cut = Script::Chunks(vec![b"{\"type\":\"start\"}\n".to_vec()]);
    let refused = Script::Refuse(PoolFailureCode::Unavailable.with_message("No."));
    for (script, jobs, versions, ttl_seconds) in [
        (None, 2, json!({ "cpython": "1" }), 86_400),
        (Some(refused), 1, json!({}), 60),
        (Some(Script::Hang), 1, json!({}), 60),
        (Some(cut), 1, json!({}), 60),
    ] {
        let mut app = app();
        if let Some(script) = script {
            app.script(script);
        }
        for _ in 0..2 {
            let languages = app.send(::http::Request::builder().uri("/languages"), "").json();
            assert_eq!(languages["languages"][0]["versions"], versions, "{languages}");
            assert_eq!(app.run_pools.jobs.borrow().len(), jobs);
        }
        assert_eq!(app.kv.values.borrow()["languages"].1, ttl_seconds);
    }
}

#[test]
fn a_script_that_nobody_waited_for_was_not_recorded() {
    let mut app = TestApp::new();
    let body = json!({ "code": "await new Promise(() => {})", "config": { "timeout": 60_000 } });
    let request = app.request(Method::POST, "/execute").header("accept", "text/event-stream");
    let begun = app.app.clock.now().0;
    let answer = app.send_and_read(request, vec![body.to_string().into_bytes()], 1);
    assert!(answer.text().contains("start"), "{}", answer.text());
    let stored = app.record();
    assert_eq!((&stored["result"]["status"], &stored["result"]["exitCode"]), (&json!("cancelled"), &json!(137)));
    assert_eq!(stored["result"]["error"]["name"], "CancelledError");
    let waited = app.app.clock.now().0 - begun;
    assert!((20_000..30_000).contains(&waited), "{waited}");
}
