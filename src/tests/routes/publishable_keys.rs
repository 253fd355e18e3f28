//! Publishable keys from the outside: they run programs from their pages, and do nothing else.

use crate::http::table::{Caller, ROUTES};
use crate::tests::app::{Answer, TestApp, print_one};
use ::http::{Method, StatusCode};
use serde_json::{Value, json};

/// A publishable key for the pages of app.example.com, its id, and the session of its owner.
struct Fixture {
    app: TestApp,
    cookie: String,
    project: String,
    key: String,
    id: String,
}

const PAGE: (&str, &str) = ("origin", "https://app.example.com");

fn fixture(settings: Value) -> Fixture {
    let mut app = TestApp::new();
    let cookie = app.sign_in("ada@example.com");
    let project = app.call(&cookie, Method::POST, "/api/projects", json!({ "name": "Shop" })).json()["id"].clone();
    let project = project.as_str().unwrap().to_owned();
    let mut body = json!({ "type": "publishable", "allowedDomains": ["app.example.com"] });
    body.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let made = app.call(&cookie, Method::POST, &format!("/api/projects/{project}/keys"), body);
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let made = made.json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let (key, id) = (text("key"), text("id"));
    Fixture { app, cookie, project, key, id }
}

impl Fixture {
    fn call(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let mut request = self.app.visit(method, path).header("authorization", format!("Bearer {}", self.key));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.app.send(request, body.to_string())
    }

    fn run(&mut self, headers: &[(&str, &str)], body: &Value) -> Answer {
        self.call(Method::POST, "/api/run", headers, body)
    }

    fn owner(&mut self, method: Method, path: &str, body: Value) -> Answer {
        self.app.call(&self.cookie.clone(), method, path, body)
    }
}

fn problem(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_publishable_key_runs_from_its_pages_within_its_limits() {
    let mut with = fixture(json!({ "limits": { "timeoutMs": 2_000 } }));
    let answer = with.run(&[PAGE], &json!({ "lang": "python", "code": "", "policy": { "memoryMB": 512 } }));
    assert_eq!((answer.status, answer.header("x-ratelimit-remaining")), (StatusCode::OK, "29"), "{}", answer.text());
    let limits = with.app.run_pools.jobs.borrow()[0].limits;
    assert_eq!((limits.timeout_ms, limits.memory_mb), (2_000, 256));
    for body in [
        json!({ "lang": "python", "code": "", "packages": ["a"] }),
        json!({ "lang": "python", "code": "", "policy": { "allowNetwork": true } }),
    ] {
        assert_eq!(problem(&with.run(&[PAGE], &body)), (400, "invalid_request".to_owned()));
    }
}

#[test]
fn a_publishable_key_fetches_no_repository_whatever_its_limits_are() {
    let body = json!({ "lang": "python", "repo": { "url": "https://github.com/owner/name" } });
    for settings in [json!({}), json!({ "limits": { "allowPackages": true } })] {
        let answer = fixture(settings).run(&[PAGE], &body);
        assert_eq!(problem(&answer), (403, "token_not_enough".to_owned()), "{}", answer.text());
        assert!(answer.text().contains("leave `repo` out"));
    }
}

#[test]
fn a_publishable_key_works_on_no_other_page_and_on_no_server() {
    let mut with = fixture(json!({}));
    for headers in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("referer", "https://app.example.com/")],
        &[],
    ] {
        assert_eq!(problem(&with.run(headers, &print_one())), (403, "domain_not_allowed".to_owned()), "{headers:?}");
    }
    assert!(with.app.run_pools.jobs.borrow().is_empty());
}

#[test]
fn a_publishable_key_opens_no_other_route() {
    let mut with = fixture(json!({ "rateLimitPerMinute": 1_000 }));
    let opens = [
        "create_run",
        "run_cell",
        "interactive_run",
        "get_run",
        "execute_script",
        "validate_script",
        "create_frame_token",
        "execute_piston",
        "run_dify",
        "run_code_of_fusion",
        "exec_codapi",
        "authenticate_judge0",
        "get_submissions",
    ];
    for route in
        ROUTES.iter().filter(|route| matches!(route.caller, Caller::ApiClient | Caller::SignedIn | Caller::Manager))
    {
        if opens.contains(&route.name) {
            continue;
        }
        let method = Method::from_bytes(route.verb.name().as_bytes()).unwrap();
        let answer = with.call(method, &route.path.replace(":id", "x"), &[PAGE], &json!({}));
        assert!(
            matches!(answer.status.as_u16(), 401 | 403 | 404),
            "{} answers {}: {}",
            route.name,
            answer.status,
            answer.text()
        );
        let is_told = route.path.starts_with("/api/tokens") || matches!(route.name, "batch_runs" | "judge_run");
        if is_told || route.path == "/executions" {
            assert_eq!(problem(&answer), (403, "token_not_enough".to_owned()), "{}", route.name);
        }
    }
}

#[test]
fn a_visitor_of_a_page_read_and_cancelled_the_runs_of_others() {
    let mut with = fixture(json!({}));
    let id = with.run(&[PAGE], &print_one()).json()["id"].as_str().unwrap().to_owned();
    let read = with.call(Method::GET, &format!("/api/run/{id}"), &[PAGE], &Value::Null);
    assert_eq!((read.status, read.json()["input"].clone()), (StatusCode::OK, Value::Null));
    let cancelled = with.call(Method::DELETE, &format!("/api/run/{id}"), &[PAGE], &Value::Null);
    assert_eq!(problem(&cancelled), (404, "run_not_found".to_owned()));
}

#[test]
fn a_publishable_key_is_shown_any_time_and_ends_when_it_is_revoked() {
    let mut with = fixture(json!({}));
    let path = format!("/api/projects/{}/keys", with.project);
    let shown = with.owner(Method::GET, &path, Value::Null).json()["apiKeys"][0].clone();
    assert_eq!((shown["key"].clone(), shown["type"].clone()), (json!(with.key), json!("publishable")));
    assert_eq!(shown["limits"]["networkRateLimitPerMinute"], 10);
    assert!(with.key.starts_with(shown["key_prefix"].as_str().unwrap()));
    let secret = with.owner(Method::POST, &path, json!({}));
    assert_eq!(secret.status, StatusCode::CREATED);
    let shown = with.owner(Method::GET, &path, Value::Null).json()["apiKeys"][0].clone();
    assert_eq!((shown["key"].clone(), shown["limits"].clone()), (Value::Null, Value::Null), "a secret key is not");

    let key_path = format!("/api/keys/{}", with.id);
    let rotated = with.owner(Method::POST, &format!("{key_path}/rotate"), json!({})).json();
    assert!(rotated["key"].as_str().unwrap().starts_with("pk_live_"), "{rotated}");
    assert_eq!(with.run(&[PAGE], &print_one()).status, StatusCode::OK, "the old one works for a while");
    assert_eq!(with.owner(Method::DELETE, &key_path, Value::Null).status, StatusCode::NO_CONTENT);
    assert_eq!(problem(&with.run(&[PAGE], &print_one())), (401, "invalid_api_key".to_owned()));
    with.key = rotated["key"].as_str().unwrap().to_owned();
    assert_eq!(with.run(&[PAGE], &print_one()).status, StatusCode::OK);
}

#[test]
fn one_network_does_not_use_up_a_publishable_key() {
    let mut with = fixture(json!({ "limits": { "networkRateLimitPerMinute": 1 } }));
    let from = |with: &mut Fixture, ip| with.run(&[PAGE, ("cf-connecting-ip", ip)], &print_one());
    assert_eq!(from(&mut with, "10.0.0.1").status, StatusCode::OK);
    let refused = from(&mut with, "10.0.0.1");
    assert_eq!(problem(&refused), (429, "rate_limit_exceeded".to_owned()));
    assert!(refused.json()["message"].as_str().unwrap().contains("networkRateLimitPerMinute"));
    assert_eq!(from(&mut with, "10.0.0.2").status, StatusCode::OK);
}

#[test]
fn a_change_of_a_publishable_key_holds_for_the_next_call() {
    let mut with = fixture(json!({}));
    assert_eq!(with.run(&[PAGE], &print_one()).status, StatusCode::OK);
    let path = format!("/api/keys/{}", with.id);
    let body = json!({ "allowedDomains": ["other.example.com"], "limits": { "timeoutMs": 500 } });
    let changed = with.owner(Method::PATCH, &path, body);
    assert_eq!(changed.json()["limits"]["timeoutMs"], 500, "{}", changed.text());
    assert_eq!(problem(&with.run(&[PAGE], &print_one())).0, 403);
    let refused = with.owner(Method::PATCH, &path, json!({ "allowedDomains": [] }));
    assert_eq!(refused.json()["errors"][0]["field"], "allowedDomains");
}
