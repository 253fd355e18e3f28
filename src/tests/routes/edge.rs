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
    let revoked = format!("Bearer {}", key(3).reveal());
    let unknown = format!("Bearer {}", key(9).reveal());
    for (authorization, code) in [
        (None, "api_key_required"),
        (Some("Basic x"), "api_key_required"),
        (Some("Bearer"), "api_key_required"),
        (Some(""), "api_key_required"),
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
            assert_eq!(
                (&problem["error"], &problem["signup_url"]),
                (&json!("API key required"), &json!("http://localhost/login"))
            );
            assert!(
                problem["message"].as_str().unwrap().starts_with("Sign in and create a project to get your API key")
            );
        }
    }
    assert!(app.run_pools.jobs.borrow().is_empty());
}

#[test]
fn a_key_that_was_sent_in_a_wrong_way_was_answered_by_the_address_of_a_page() {
    let mut app = TestApp::new();
    app.app.config.app_url = Some("https://app.example.com".into());
    let own = key(1).reveal().to_owned();
    let cut = &own[..50];
    for (header, value, query, words) in [
        ("x-api-key", cut, "", "misspelt or cut off"),
        ("accept", "*/*", "?key=sk_live_1", "a key in its URL, which the server does not read"),
        ("accept", "*/*", "?access_token=sk_live_1", "a key in its URL, which the server does not read"),
        ("authorization", "Basic dTpw", "", "a user name and a password (`Basic`)"),
        ("authorization", own.as_str(), "", "without the word `Bearer` before it"),
        ("authorization", "Bearer", "", "is the variable with the key set?"),
        ("authorization", "Bearer undefined", "", "is the variable with the key set?"),
        ("authorization", "Bearer $DOCLE_KEY", "", "is the variable with the key set?"),
        ("authorization", "Token x", "", "an Authorization header of another scheme"),
        ("authorization", &format!("Bearer {cut}"), "", "misspelt or cut off"),
        ("authorization", "Bearer abc", "", "a key begins with `sk_live_`"),
    ] {
        let path = format!("/api/run{query}");
        let answer = app.send(::http::Request::builder().method(Method::POST).uri(path).header(header, value), "");
        let problem = answer.json();
        let message = problem["message"].as_str().unwrap();
        assert!(message.contains(words), "{header}: {value}: {message}");
        assert_eq!((answer.status.as_u16(), answer.header("www-authenticate")), (401, "Bearer"));
        assert!(!answer.text().contains(cut), "no part of a key is in an answer");
        if problem["code"] == "api_key_required" {
            assert!(message.contains("`Authorization: Bearer sk_live_…`"), "{message}");
            assert_eq!(problem["signup_url"], "https://app.example.com/login");
        }
    }
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
        (
            &b""[..],
            "invalid_json",
            "The body is empty; send a JSON object, such as {\"lang\": \"python\", \"code\": \"print(1)\"} for a run.",
        ),
        (b"{\"code\":", "invalid_json", "The body is not JSON: EOF while parsing a value at line 1 column 8."),
        (
            b"{\"policy\":{\"timeoutMs\":NaN}}",
            "invalid_json",
            "The body is not JSON: expected value at line 1 column 24.",
        ),
        (b"{\"code\":\"\xff\"}", "invalid_json", "The body is not UTF-8: byte 9 begins no character."),
        (b"[1]", "invalid_request", "The body must be an object, got an array."),
        (
            b"{\"code\":\"\"}",
            "invalid_request",
            "lang is required: \"python\", \"node\", \"bash\", \"perl\", \"lua\", \"php\", \"ruby\", \"c\", \"cpp\", \"go\", \"java\" or \"rust\".",
        ),
        (
            b"{}",
            "invalid_request",
            "lang is required: \"python\", \"node\", \"bash\", \"perl\", \"lua\", \"php\", \"ruby\", \"c\", \"cpp\", \"go\", \"java\" or \"rust\". code is required, unless files are sent.",
        ),
        (
            b"{\"timeout\":1,\"a\":1,\"b\":1}",
            "invalid_request",
            "timeout is not a field; did you mean \"policy.timeoutMs\"? lang is required: \"python\", \"node\", \"bash\", \"perl\", \"lua\", \"php\", \"ruby\", \"c\", \"cpp\", \"go\", \"java\" or \"rust\". code is \
             required, unless files are sent. There are 2 more problems in `errors`.",
        ),
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
fn a_body_that_is_no_json_was_described_by_its_first_byte() {
    let mut app = TestApp::new();
    let body = print_one().to_string();
    for (header, value, body, message) in [
        ("content-type", "multipart/form-data", "--x\r\n", "The body is a form (multipart/form-data); send a JSON"),
        ("content-type", "application/x-www-form-urlencoded", "lang=python", "The body is a form (application/x-www"),
        ("content-encoding", "gzip", "\u{1f}x", "The body is compressed; send it uncompressed"),
        ("content-type", "application/json", " \n", "The body is empty; send a JSON"),
        ("content-type", "text/plain", "lang", "The body is not JSON: "),
    ] {
        let request = app.request(Method::POST, "/api/run").header(header, value);
        let answer = app.send(request, body);
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.json()["message"].as_str().unwrap().starts_with(message), "{}", answer.text());
    }
    let request = app.request(Method::POST, "/api/run");
    assert!(
        app.send(request, [0x1f, 0x8b, 8, 0]).json()["message"].as_str().unwrap().starts_with("The body is compressed")
    );
    // This is what `curl -d` sends.
    let request = app.request(Method::POST, "/api/run").header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(app.send(request, body).status, StatusCode::OK);
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
        (Method::POST, "/health", 405, "GET, HEAD, OPTIONS"),
        (Method::DELETE, "/", 405, "GET, HEAD, OPTIONS"),
        (Method::GET, "/api/run", 426, ""),
        (Method::PUT, "/api/run", 405, "GET, HEAD, POST, OPTIONS"),
        (Method::PUT, "/api/run/x", 405, "GET, HEAD, DELETE, OPTIONS"),
        (Method::OPTIONS, "/health", 204, "GET, HEAD, OPTIONS"),
        (Method::GET, "/health/", 200, ""),
        (Method::PUT, "/api/run/", 405, "GET, HEAD, POST, OPTIONS"),
        (Method::GET, "/api/runsx", 404, ""),
        (Method::GET, "/api/run/x/y", 404, ""),
        (Method::GET, "//", 404, ""),
    ] {
        let answer = app.send(::http::Request::builder().method(&method).uri(path), "");
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (status, allow), "{method} {path}");
        assert_eq!(answer.body.is_empty(), method == Method::HEAD || method == Method::OPTIONS);
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
        assert_eq!(
            answer.header("access-control-allow-headers"),
            "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, MCP-Protocol-Version, Mcp-Method, Mcp-Name, X-API-Key, \
             X-Request-Id"
        );
        assert_eq!(answer.header("access-control-max-age"), "86400");
        assert!(answer.header("access-control-allow-methods").contains("OPTIONS"));
        assert!(answer.header("access-control-expose-headers").contains("x-request-id"));
    }
    // A menu of languages, and a description that a tool elsewhere shows.
    for path in ["/health", "/languages", "/openapi.json", "/docs", "/nothing"] {
        let answer = app.send(::http::Request::builder().uri(path).header("origin", "https://shop.example"), "");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{path}");
    }
}

#[test]
fn the_website_could_not_read_the_result_of_its_user() {
    let mut app = TestApp::new();
    app.app.config.app_url = Some("https://app.example.com".into());
    let mut read = |origin: &str| {
        let request = ::http::Request::builder().uri("/api/run/x").header("origin", origin);
        let answer = app.send(request, "");
        ["access-control-allow-origin", "access-control-allow-credentials", "vary"]
            .map(|name| answer.header(name).to_owned())
    };
    for own in ["https://app.example.com", "http://localhost"] {
        assert_eq!(read(own), [own, "true", "origin"]);
    }
    assert_eq!(read("https://evil.example"), ["*", "", "origin"]);
}

#[test]
fn mails_of_a_development_machine_could_be_read_by_any_page() {
    let mut app = TestApp::new();
    app.app.config.environment = "development".into();
    let mut read = |host: &str, origin: &str| {
        let request = ::http::Request::builder().uri(format!("{host}/auth/outbox")).header("origin", origin);
        let answer = app.send(request, "");
        (answer.status.as_u16(), answer.header("access-control-allow-origin").to_owned())
    };
    assert_eq!(read("http://localhost:8787", "https://evil.example"), (200, String::new()));
    assert_eq!(read("http://127.0.0.1:8787", "http://127.0.0.1:8787"), (200, "http://127.0.0.1:8787".into()));
    // A name of another site that leads to this machine.
    for host in ["http://evil.example:8787", "https://docle.example.workers.dev", "http://localhost.evil.example"] {
        assert_eq!(read(host, host).0, 404, "{host}");
    }
}

#[test]
fn languages_and_the_description_were_never_cached() {
    let mut app = TestApp::new();
    let mut get = |path: &str, tag: &str| {
        let request = ::http::Request::builder().uri(path).header("if-none-match", tag);
        let answer = app.send(request, "");
        (answer.status.as_u16(), answer.header("cache-control").to_owned(), answer.header("etag").to_owned())
    };
    let (status, cache, tag) = get("/openapi.json", "\"other\"");
    assert_eq!((status, cache.as_str(), tag.len()), (200, "public, max-age=300", 34));
    assert_eq!(get("/openapi.json", &format!("\"x\", W/{tag}")), (304, cache, tag));
    for path in ["/health", "/", "/nothing", "/auth/me"] {
        assert_eq!(get(path, "*").1, "no-store", "{path}");
    }
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
