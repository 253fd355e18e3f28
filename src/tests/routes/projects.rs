//! Projects, keys, limits and usage from the outside: what their owners can do, and what nobody else can.

use crate::http::table::{Caller, ROUTES, Verb};
use crate::tests::app::{Answer, TestApp, print_one};
use ::http::{Method, StatusCode};
use serde_json::{Value, json};

const ADA: &str = "ada@example.com";

/// A project and a key in it.
struct Own {
    cookie: String,
    project: String,
    key_id: String,
    key: String,
}

fn own(app: &mut TestApp, email: &str, settings: Value) -> Own {
    let cookie = app.sign_in(email);
    let project = app.call(&cookie, Method::POST, "/api/projects", json!({ "name": "Shop" }));
    assert_eq!(project.status, StatusCode::CREATED, "{}", project.text());
    let project = text(&project.json()["id"]);
    let created = app.call(&cookie, Method::POST, &format!("/api/projects/{project}/keys"), settings);
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text());
    let created = created.json();
    Own { cookie, project, key_id: text(&created["id"]), key: text(&created["key"]) }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn run_with(app: &mut TestApp, key: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let mut request = ::http::Request::builder()
        .method(Method::POST)
        .uri("/api/run")
        .header("authorization", format!("Bearer {key}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.send(request, body.to_string())
}

fn run(app: &mut TestApp, key: &str) -> Answer {
    run_with(app, key, &[], &print_one())
}

#[test]
fn a_stranger_becomes_the_holder_of_a_key_that_runs() {
    let mut app = TestApp::new();
    let settings = json!({ "name": "Production API", "rateLimitPerMinute": 300 });
    let own = own(&mut app, ADA, settings);
    assert!(own.key.starts_with("sk_live_") && own.key.len() == 56);
    let answer = run(&mut app, &own.key);
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("x-ratelimit-limit"), "300");
    assert_eq!(app.run_pools.calls.borrow()[0].0, own.project);

    // The time of the last use reaches the database within a minute.
    app.clock.pass_ms(60_000);
    app.call(&own.cookie, Method::GET, "/auth/me", Value::Null);
    let keys = app.call(&own.cookie, Method::GET, &format!("/api/projects/{}/keys", own.project), Value::Null).json();
    let expected = json!({
        "id": own.key_id, "name": "Production API", "type": "secret", "key": null, "limits": null, "key_prefix": &own.key[..12], "allowed_domains": [],
        "allow_in_url": false,
        "rate_limit_per_minute": 300, "last_used_at": "1970-01-01T00:00:00.000Z", "is_active": 1, "expires_at": null,
        "revoked_at": null, "successor_id": null, "created_at": "1970-01-01T00:00:00.000Z",
    });
    assert_eq!(keys, json!({ "apiKeys": [expected], "next_cursor": null }));
    assert!(!keys.to_string().contains(&own.key[12..]));
    let stored = app.sql.texts("SELECT key_hash || key_prefix || name FROM api_keys");
    assert!(stored.iter().all(|row| !row.contains(&own.key)));
    assert_eq!(
        app.sql.texts("SELECT action FROM audit_events ORDER BY rowid"),
        ["signed_in", "project_created", "key_created"]
    );
}

#[test]
fn projects_are_named_renamed_listed_and_deleted() {
    let mut app = TestApp::new();
    let own = own(&mut app, ADA, json!({}));
    for name in ["Two", "Three"] {
        app.clock.pass_ms(1);
        app.call(&own.cookie, Method::POST, "/api/projects", json!({ "name": name }));
    }
    let page = app.call(&own.cookie, Method::GET, "/api/projects?limit=2", Value::Null).json();
    let names =
        |page: &Value| page["projects"].as_array().unwrap().iter().map(|one| text(&one["name"])).collect::<Vec<_>>();
    assert_eq!(names(&page), ["Three", "Two"]);
    let path = format!("/api/projects?limit=2&cursor={}", text(&page["next_cursor"]));
    assert_eq!(names(&app.call(&own.cookie, Method::GET, &path, Value::Null).json()), ["Shop"]);

    let path = format!("/api/projects/{}", own.project);
    let changed = app.call(&own.cookie, Method::PATCH, &path, json!({ "name": "Market" })).json();
    assert_eq!((&changed["name"], &changed["store_ip"]), (&json!("Market"), &json!(false)));
    assert_eq!(app.call(&own.cookie, Method::GET, &path, Value::Null).json(), changed);
    for (body, field) in [(json!({ "name": " " }), "name"), (json!({ "user_id": "x" }), "user_id"), (json!([]), "")] {
        let problem = app.call(&own.cookie, Method::PATCH, &path, body).json();
        assert_eq!(problem["errors"][0]["field"], field);
    }

    run(&mut app, &own.key);
    assert_eq!(app.call(&own.cookie, Method::DELETE, &path, Value::Null).status, StatusCode::NO_CONTENT);
    assert_eq!(app.call(&own.cookie, Method::DELETE, &path, Value::Null).status, StatusCode::NOT_FOUND);
    assert_eq!(run(&mut app, &own.key).status, StatusCode::UNAUTHORIZED);
    assert_eq!(*app.run_pools.deleted.borrow(), std::slice::from_ref(&own.project), "its programs were ended");
    assert_eq!(app.gates.refreshed.borrow().len(), 3, "when the key was made, the project changed, and it was deleted");
    futures::executor::block_on(crate::app::purge::purge(&app.app));
    for table in ["usage_hours", "usage_recent", "usage_orphans"] {
        assert!(app.sql.texts(&format!("SELECT 'x' FROM {table}")).is_empty(), "{table}");
    }
    assert!(app.logs.are_empty());
    assert_eq!(app.sql.texts("SELECT action FROM audit_events ORDER BY rowid DESC LIMIT 1"), ["project_deleted"]);
}

#[test]
fn a_key_is_changed_rotated_and_revoked() {
    let mut app = TestApp::new();
    let own = own(&mut app, ADA, json!({ "rateLimitPerMinute": 2 }));
    let path = format!("/api/keys/{}", own.key_id);
    let changed = app.call(&own.cookie, Method::PATCH, &path, json!({ "rateLimitPerMinute": 5, "name": "New" })).json();
    assert_eq!((&changed["rate_limit_per_minute"], &changed["name"]), (&json!(5), &json!("New")));
    assert_eq!(run(&mut app, &own.key).header("x-ratelimit-limit"), "5");

    let rotated =
        app.call(&own.cookie, Method::POST, &format!("{path}/rotate"), json!({ "overlapSeconds": 60 })).json();
    let successor = text(&rotated["key"]);
    assert_eq!(rotated["previous"], json!({ "id": own.key_id, "expires_at": "1970-01-01T00:01:00.050Z" }));
    assert_eq!(run(&mut app, &successor).header("x-ratelimit-limit"), "5");
    assert_eq!(run(&mut app, &own.key).status, StatusCode::OK, "both work for a while");
    app.clock.pass_ms(60_000);
    assert_eq!(run(&mut app, &own.key).status, StatusCode::UNAUTHORIZED);

    let path = format!("/api/keys/{}", text(&rotated["id"]));
    for _ in 0..2 {
        assert_eq!(app.call(&own.cookie, Method::DELETE, &path, Value::Null).status, StatusCode::NO_CONTENT);
    }
    let revocations = app.sql.texts("SELECT subject FROM audit_events WHERE action = 'key_revoked'");
    assert_eq!(revocations, [text(&rotated["id"])], "it was revoked once");
    assert_eq!(run(&mut app, &successor).json()["code"], "invalid_api_key");
    let problem = app.call(&own.cookie, Method::PATCH, &path, json!({ "name": "x" }));
    assert_eq!((problem.status.as_u16(), &problem.json()["code"]), (409, &json!("key_revoked")));
    assert_eq!(app.gates.refreshed.borrow().len(), 5, "made, changed, rotated, revoked twice");
}

#[test]
fn a_rotation_that_was_repeated_made_a_key_that_ended_with_the_old_one() {
    let mut app = TestApp::new();
    let own = own(&mut app, ADA, json!({ "expiresAt": "1970-01-01T02:00:00Z" }));
    let path = format!("/api/keys/{}/rotate", own.key_id);
    let rotated = app.call(&own.cookie, Method::POST, &path, json!({ "overlapSeconds": 60 })).json();
    assert_eq!(rotated["expires_at"], "1970-01-01T02:00:00.000Z", "the successor has the end that the old key had");
    for at_once in 0..2 {
        let again = app.call(&own.cookie, Method::POST, &path, Value::Null);
        let problem = again.json();
        assert_eq!((again.status.as_u16(), &problem["code"]), (409, &json!("key_rotated")), "{at_once}");
        assert_eq!(problem["successor_id"], rotated["id"]);
    }
    let keys = app.call(&own.cookie, Method::GET, &format!("/api/projects/{}/keys", own.project), Value::Null).json();
    let keys = keys["apiKeys"].as_array().unwrap();
    let successors: Vec<&Value> = keys.iter().map(|key| &key["successor_id"]).collect();
    assert_eq!(
        (successors.len(), successors.contains(&&rotated["id"]), successors.contains(&&Value::Null)),
        (2, true, true)
    );
    assert_eq!(app.sql.texts("SELECT action FROM audit_events WHERE action = 'key_rotated'").len(), 1);
    assert_eq!(run(&mut app, &text(&rotated["key"])).status, StatusCode::OK);
}

#[test]
fn an_expired_key_was_rotated_to_a_dead_one_and_called_revoked() {
    let mut app = TestApp::new();
    let own = own(&mut app, ADA, json!({ "expiresAt": "1970-01-01T00:00:10Z" }));
    app.clock.pass_ms(10_000);
    let refused = run(&mut app, &own.key).json();
    assert_eq!(refused["code"], "invalid_api_key");
    let message = refused["message"].as_str().unwrap();
    assert!(message.starts_with("This API key expired at 1970-01-01T00:00:10.000Z."), "{message}");
    let rotated = app.call(&own.cookie, Method::POST, &format!("/api/keys/{}/rotate", own.key_id), Value::Null);
    assert_eq!((rotated.status.as_u16(), &rotated.json()["code"]), (409, &json!("key_expired")));
}

#[test]
fn the_cookie_of_a_session_in_use_ended_after_thirty_days() {
    let mut app = TestApp::new();
    let cookie = app.sign_in(ADA);
    for (method, path) in
        [(Method::GET, "/api/projects"), (Method::GET, "/auth/sessions"), (Method::GET, "/api/projects/x")]
    {
        app.clock.pass_ms(86_400_000);
        let answer = app.call(&cookie, method.clone(), path, Value::Null);
        assert!(answer.header("set-cookie").starts_with(&cookie), "{method} {path}: {:?}", answer.headers);
        let next = app.call(&cookie, method, path, Value::Null);
        assert_eq!(next.header("set-cookie"), "", "once a day");
    }
}

#[test]
fn a_body_without_required_fields_had_to_be_sent() {
    let mut app = TestApp::new();
    let own = own(&mut app, ADA, json!({}));
    let mut post = |path: &str| {
        let request = ::http::Request::builder().method(Method::POST).uri(path).header("cookie", &own.cookie);
        app.send(request, "")
    };
    assert_eq!(post(&format!("/api/projects/{}/keys", own.project)).status, StatusCode::CREATED);
    assert_eq!(post(&format!("/api/keys/{}/rotate", own.key_id)).status, StatusCode::CREATED);
    let unnamed = post("/api/projects");
    assert_eq!(unnamed.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(unnamed.json()["message"].as_str().unwrap().contains("this request has no Content-Type"));
    assert_eq!(post("/auth/logout").status, StatusCode::OK);
}

#[test]
fn a_key_expires() {
    let mut app = TestApp::new();
    let own = own(&mut app, ADA, json!({ "expiresAt": "1970-01-01T00:00:10Z" }));
    assert_eq!(run(&mut app, &own.key).status, StatusCode::OK);
    app.clock.pass_ms(10_000);
    assert_eq!(run(&mut app, &own.key).status, StatusCode::UNAUTHORIZED);
    let keys = app.call(&own.cookie, Method::GET, &format!("/api/projects/{}/keys", own.project), Value::Null).json();
    assert_eq!(keys["apiKeys"][0]["is_active"], 0);
}

#[test]
fn a_limit_is_told_in_every_answer_and_refused_calls_are_not_counted() {
    let mut app = TestApp::new();
    let own = own(&mut app, ADA, json!({ "rateLimitPerMinute": 2 }));
    let first = run(&mut app, &own.key);
    let headers = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit-policy", "ratelimit"];
    let told = |answer: &Answer| headers.map(|name| answer.header(name).to_owned()).join(" ");
    assert_eq!(told(&first), "2 1 60000 \"key\";q=2;w=60 \"key\";r=1;t=60");
    app.clock.pass_ms(30_000);
    let invalid = run_with(&mut app, &own.key, &[], &json!({}));
    assert_eq!(invalid.status, StatusCode::BAD_REQUEST);
    assert_eq!(told(&invalid), "2 0 60000 \"key\";q=2;w=60 \"key\";r=0;t=30");
    for _ in 0..3 {
        let refused = run_with(&mut app, &own.key, &[], &json!({}));
        let problem = refused.json();
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "30"));
        assert_eq!(told(&refused), told(&invalid));
        let expected = json!({
            "error": "Rate limit exceeded",
            "message": "You have exceeded your rate limit of 2 requests per minute. Please try again in 30 seconds.",
            "limit": 2, "remaining": 0, "reset_at": 60_000,
        });
        for (member, value) in expected.as_object().unwrap() {
            assert_eq!(problem[member], *value);
        }
    }
    app.clock.pass_ms(30_000);
    assert_eq!(run(&mut app, &own.key).status, StatusCode::OK);
    app.gates.fails.set(true);
    let closed = run(&mut app, &own.key);
    assert_eq!((closed.status.as_u16(), closed.header("retry-after")), (503, "1"), "it fails closed");
}

#[test]
fn a_key_works_from_its_own_pages_only() {
    let mut app = TestApp::new();
    let own = own(&mut app, ADA, json!({ "allowedDomains": ["app.docle.co", "*.docle.co", "localhost"] }));
    for (headers, status) in [
        (vec![("origin", "https://app.docle.co")], 200),
        (vec![("origin", "https://Dashboard.docle.co:8443")], 200),
        (vec![("referer", "http://localhost:3000/page?x=1")], 200),
        (vec![("origin", "https://evil.com"), ("referer", "https://app.docle.co/")], 403),
        (vec![("origin", "https://app.docle.co.evil.com")], 403),
        (vec![("origin", "null")], 403),
        (vec![("origin", "https://docle.co")], 403),
        (vec![], 403),
    ] {
        let answer = run_with(&mut app, &own.key, &headers, &print_one());
        assert_eq!(answer.status.as_u16(), status, "{headers:?}");
        if status == 403 {
            let message = text(&answer.json()["message"]);
            let seen = match headers.first() {
                None => "it has no Origin header",
                Some((_, "null")) => "names no host",
                Some((_, origin)) => &origin["https://".len()..],
            };
            assert!(message.contains(seen), "{message}");
            assert!(!message.contains("*.docle.co"), "the list is the owner's: {message}");
        }
        assert_eq!(answer.header("access-control-allow-origin"), "*", "the page may read why");
    }
}

#[test]
fn usage_is_told_in_the_published_shape_and_more() {
    let mut app = TestApp::new();
    let own = own(&mut app, ADA, json!({ "name": "k" }));
    app.clock.pass_ms(7_200_000);
    let context = json!({ "id": "u1", "tier": "pro" });
    let body = json!({ "code": "print('Hello')", "lang": "python", "userContext": context });
    let id = run_with(&mut app, &own.key, &[("cf-connecting-ip", "10.0.0.9")], &body).json()["id"].clone();
    let path = format!("/api/projects/{}/usage", own.project);
    let usage = app.call(&own.cookie, Method::GET, &path, Value::Null).json();
    let expected = json!({
        "total_runs": 1, "python_runs": 1, "nodejs_runs": 0, "success_rate": 100.0,
        "history": [{
            "id": id, "language": "python", "code_snippet": "print('Hello')", "status": "success", "exit_code": 0,
            "execution_time_ms": 3, "created_at": "1970-01-01T02:00:00.000Z", "api_key_id": own.key_id,
            "user_context": context, "ip_address": null,
        }],
        "next_cursor": null, "languages": { "python": 1 }, "statuses": { "success": 1 },
        "duration_ms": { "p50": 3, "p95": 3 }, "interval": "day",
        "series": [{ "start": "1970-01-01T00:00:00.000Z", "runs": 1, "successes": 1 }],
        "api_keys": [{ "id": own.key_id, "name": "k", "runs": 1 }],
        "end_users": [{ "id": "u1", "runs": 1, "last_run_at": "1970-01-01T02:00:00.000Z" }],
    });
    assert_eq!(usage, expected);
    let hourly = app.call(&own.cookie, Method::GET, &format!("{path}?interval=hour"), Value::Null).json();
    assert_eq!(hourly["series"][0]["start"], "1970-01-01T02:00:00.000Z");
    assert_eq!(app.call(&own.cookie, Method::GET, &format!("{path}?interval=x"), Value::Null).status.as_u16(), 400);

    app.call(&own.cookie, Method::PATCH, &format!("/api/projects/{}", own.project), json!({ "storeIp": true }));
    run_with(&mut app, &own.key, &[("cf-connecting-ip", "10.0.0.9")], &body);
    let usage = app.call(&own.cookie, Method::GET, &path, Value::Null).json();
    assert_eq!((&usage["total_runs"], &usage["history"][0]["ip_address"]), (&json!(2), &json!("10.0.0.9")));
}

/// Every route with an id, called by another signed-in user: nothing is found, nothing changes.
#[test]
fn nobody_reaches_what_belongs_to_another_user() {
    let mut app = TestApp::new();
    let own = own(&mut app, ADA, json!({ "name": "k" }));
    run(&mut app, &own.key);
    let session = text(&app.call(&own.cookie, Method::GET, "/auth/me", Value::Null).json()["session_id"]);
    let judges = format!("/api/projects/{}/judges", own.project);
    let judge = text(&app.call(&own.cookie, Method::POST, &judges, json!({ "tests": [{}] })).json()["id"]);
    let eve = app.sign_in("eve@example.com");
    let everything = |app: &TestApp| {
        let tables =
            ["users", "sessions", "projects", "api_keys", "usage_hours", "usage_recent", "audit_events", "judges"];
        (tables.map(|table| app.sql.dump(table)), app.logs.runs())
    };
    let before = everything(&app);
    let mut walked = 0;
    for route in ROUTES
        .iter()
        .filter(|route| matches!(route.caller, Caller::SignedIn | Caller::Manager) && route.path.contains(':'))
    {
        let id = match route.path {
            path if path.starts_with("/api/projects/") => &own.project,
            path if path.starts_with("/api/keys/") => &own.key_id,
            path if path.starts_with("/auth/sessions/") => &session,
            path if path.starts_with("/api/judges/") => &judge,
            path => panic!("{path} needs an id of another user here"),
        };
        let path = route.path.replace(":id", id);
        let (method, body) = match route.verb {
            Verb::Get => (Method::GET, Value::Null),
            Verb::Post => (Method::POST, json!({ "name": "mine" })),
            Verb::Patch => (Method::PATCH, json!({ "name": "mine" })),
            Verb::Put => (Method::PUT, json!({})),
            Verb::Delete => (Method::DELETE, Value::Null),
        };
        let answer = app.call(&eve, method.clone(), &path, body.clone());
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}: {}", answer.text());
        let stranger = app.call("", method.clone(), &path, body);
        assert_eq!(stranger.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        walked += 1;
    }
    assert!(walked >= 10, "{walked}");
    assert_eq!(everything(&app), before);
    assert_eq!(app.call(&eve, Method::GET, "/api/projects", Value::Null).json()["projects"], json!([]));
}
