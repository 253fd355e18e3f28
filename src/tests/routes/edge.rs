//! What every request meets at the edge: sizes, keys, bodies, methods, headers, the log.

use crate::tests::app::{TestApp, key, print_one};
use ::http::{Method, StatusCode};
use docle_protocol::RunnerHealth;
use docle_protocol::limits::MAX_BODY_BYTES;
use serde_json::{Value, json};

#[test]
fn callers_without_a_valid_key_learn_nothing_else() {
    let mut app = TestApp::new();
    let not_json = "{";
    let required = json!({
        "error": "API key required", "message": "Sign in and create a project to get your API key", "signup_url": "/login",
    });
    let revoked = format!("Bearer {}", key(3).reveal());
    let unknown = format!("Bearer {}", key(9).reveal());
    for (authorization, code) in [
        (None, "api_key_required"),
        (Some("Basic x"), "api_key_required"),
        (Some("Bearer"), "api_key_required"),
        (Some("Bearer "), "invalid_api_key"),
        (Some("Bearer sk_live_1"), "invalid_api_key"),
        (Some(unknown.as_str()), "invalid_api_key"),
        (Some(revoked.as_str()), "invalid_api_key"),
    ] {
        let mut request = ::http::Request::builder().method(Method::POST).uri("/api/run");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let answer = app.send(request, not_json);
        let problem = answer.json();
        assert_eq!(
            (answer.status, problem["code"].as_str()),
            (StatusCode::UNAUTHORIZED, Some(code)),
            "{authorization:?}"
        );
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        if code == "api_key_required" {
            for field in ["error", "message", "signup_url"] {
                assert_eq!(problem[field], required[field]);
            }
        }
    }
    assert!(app.run_pools.jobs.borrow().is_empty());
}

#[test]
fn the_scheme_of_a_key_is_read_in_any_case() {
    let mut app = TestApp::new();
    let request = ::http::Request::builder()
        .method(Method::POST)
        .uri("/api/run")
        .header("authorization", format!("bEARER {}", key(2).reveal()));
    assert_eq!(app.send(request, print_one().to_string()).status, StatusCode::OK);
    assert_eq!(app.run_pools.calls.borrow()[0].0, "proj_2");
}

#[test]
fn a_bad_body_is_refused_with_a_problem_that_names_the_fault() {
    let mut app = TestApp::new();
    let request = |app: &TestApp| app.request(Method::POST, "/api/run").header("x-request-id", "my-id_1");
    for (body, code, message) in [
        (&b""[..], "invalid_json", "The body is not JSON: EOF while parsing a value at line 1 column 0."),
        (b"{\"code\":", "invalid_json", "The body is not JSON: EOF while parsing a value at line 1 column 8."),
        (
            b"{\"policy\":{\"timeoutMs\":NaN}}",
            "invalid_json",
            "The body is not JSON: expected value at line 1 column 24.",
        ),
        (b"{\"code\":\"\xff\"}", "invalid_json", "The body is not UTF-8: byte 9 begins no character."),
        (b"[1]", "invalid_request", "The body must be an object, got an array."),
        (b"{\"code\":\"\"}", "invalid_request", "lang is required: \"python\" or \"node\"."),
        (b"{}", "invalid_request", "lang is required: \"python\" or \"node\". There is one more problem in `errors`."),
    ] {
        let r = request(&app);
        let answer = app.send(r, body);
        let problem = answer.json();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{problem}");
        assert_eq!((problem["code"].as_str(), problem["message"].as_str()), (Some(code), Some(message)));
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let r = request(&app);
    let body = json!({ "code": "", "lang": "python", "policy": { "timeoutMs": 99 } });
    let problem = app.send(r, body.to_string()).json();
    let expected = json!({
        "type": "/docs/errors#invalid_request",
        "title": "Invalid request",
        "status": 400,
        "detail": "policy.timeoutMs must be an integer from 100 to 300000, got 99.",
        "instance": "/api/run",
        "error": "Invalid request",
        "message": "policy.timeoutMs must be an integer from 100 to 300000, got 99.",
        "code": "invalid_request",
        "requestId": "my-id_1",
        "errors": [{ "field": "policy.timeoutMs", "message": "must be an integer from 100 to 300000, got 99" }],
    });
    assert_eq!(problem, expected);
    assert!(app.run_pools.jobs.borrow().is_empty());
    assert!(app.recorded().is_empty());
}

#[test]
fn a_body_that_is_too_large_is_refused_whether_it_says_so_or_not() {
    let mut app = TestApp::new();
    let declared = app.request(Method::POST, "/api/run").header("content-length", MAX_BODY_BYTES + 1);
    let chunked = app.request(Method::POST, "/api/run");
    let chunks = vec![vec![b' '; 1_000_000]; 30];
    for answer in [app.send(declared, ""), app.send_chunks(chunked, chunks)] {
        assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (413, Some("body_too_large")));
    }
    let fits = app.request(Method::POST, "/api/run");
    let mut body = print_one().to_string().into_bytes();
    body.resize(MAX_BODY_BYTES, b' ');
    assert_eq!(app.send(fits, body).status, StatusCode::OK);
}

#[test]
fn every_request_leaves_one_line_in_the_log_without_secrets() {
    let mut app = TestApp::new();
    app.run(&print_one());
    app.stream(&print_one());
    app.send(::http::Request::builder().uri("/nothing"), "");
    let log = app.log.0.borrow();
    let routes: Vec<_> =
        log.iter().map(|(_, line)| (line["http.route"].as_str().unwrap(), &line["http.status"])).collect();
    assert_eq!(routes, [("/api/run", &json!(200)), ("/api/run", &json!(200)), ("none", &json!(404))]);
    assert_eq!(log[0].1["project.id"], "proj_1");
    assert!(log[0].1["run.id"].is_string() && log[0].1["duration_ms"].is_number());
    let all = format!("{log:?}");
    for secret in ["print(1)", "secret", "sk_live", "stdout"] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[test]
fn paths_and_methods_are_told_apart() {
    let mut app = TestApp::new();
    for (method, path, status, allow) in [
        (Method::GET, "/", 200, ""),
        (Method::HEAD, "/", 200, ""),
        (Method::GET, "/health", 200, ""),
        (Method::HEAD, "/health", 200, ""),
        (Method::POST, "/health", 405, "GET, HEAD"),
        (Method::DELETE, "/", 405, "GET, HEAD"),
        (Method::GET, "/api/run", 405, "POST, OPTIONS"),
        (Method::PUT, "/api/run", 405, "POST, GET, HEAD, OPTIONS"),
        (Method::PUT, "/api/run/x", 405, "GET, HEAD, OPTIONS"),
        (Method::OPTIONS, "/health", 405, "GET, HEAD"),
        (Method::GET, "/health/", 404, ""),
        (Method::GET, "/api/runs", 404, ""),
        (Method::GET, "/api/run/x/y", 404, ""),
        (Method::GET, "//", 404, ""),
    ] {
        let answer = app.send(::http::Request::builder().method(&method).uri(path), "");
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (status, allow), "{method} {path}");
        assert_eq!(answer.body.is_empty(), method == Method::HEAD);
        assert_eq!(answer.header("x-request-id").len(), 36);
    }
}

#[test]
fn a_browser_of_any_origin_may_call_without_cookies() {
    let mut app = TestApp::new();
    for path in ["/api/run", "/api/run/x"] {
        let answer = app.send(::http::Request::builder().method(Method::OPTIONS).uri(path), "");
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        assert_eq!(answer.header("access-control-allow-headers"), "authorization, content-type, idempotency-key");
        assert_eq!(answer.header("access-control-max-age"), "86400");
        assert!(answer.header("access-control-allow-methods").contains("OPTIONS"));
        assert!(answer.header("access-control-expose-headers").contains("x-request-id"));
    }
    let health = app.send(::http::Request::builder().uri("/health"), "");
    assert_eq!(health.header("access-control-allow-origin"), "");
}

#[test]
fn a_request_id_is_taken_over_only_where_it_is_harmless() {
    let mut app = TestApp::new();
    let long = "x".repeat(65);
    for (sent, kept) in [("abc-1_Z", true), ("a b", false), ("a\"b", false), (long.as_str(), false), ("", false)] {
        let answer = app.send(::http::Request::builder().uri("/").header("x-request-id", sent), "");
        assert_eq!(answer.header("x-request-id") == sent, kept, "{sent}");
    }
}

#[test]
fn health_says_whether_the_runner_answers() {
    let mut app = TestApp::new();
    let health = |app: &mut TestApp| app.send(::http::Request::builder().uri("/health"), "").json();
    let degraded = health(&mut app);
    assert_eq!((&degraded["status"], &degraded["backend"]["reachable"]), (&json!("degraded"), &json!(false)));
    assert_eq!(degraded["backend"]["runner"], Value::Null);
    let runner = RunnerHealth {
        version: "1".into(),
        protocol: 1,
        instance: "0f".into(),
        tier: "root".into(),
        properties: [].into(),
        languages: [].into(),
        running: 0,
        slots: 4,
        waiting: [].into(),
        ready: [].into(),
        waiting_mb: None,
        forked: 0,
    };
    *app.run_pools.health.borrow_mut() = Some(runner);
    let ok = health(&mut app);
    assert_eq!((&ok["status"], &ok["backend"]["runner"]["slots"]), (&json!("ok"), &json!(4)));
    assert_eq!(
        (&ok["environment"], &ok["protocol"], &ok["backend"]["kind"]),
        (&json!("test"), &json!(docle_protocol::VERSION), &json!("url"))
    );
}
