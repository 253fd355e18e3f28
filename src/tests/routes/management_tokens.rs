//! Management tokens from the outside: what a server manages with them, and what stays its owner's.

use crate::http::table::{Caller, ROUTES};
use crate::tests::app::{Answer, TestApp, print_one};
use ::http::{Method, StatusCode};
use serde_json::{Value, json};

/// A project with a management token, and another one of the same owner.
struct Fixture {
    app: TestApp,
    cookie: String,
    project: String,
    other: String,
    id: String,
    token: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn problem(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

impl Fixture {
    fn new(settings: Value) -> Self {
        let mut app = TestApp::new();
        let cookie = app.sign_in("ada@example.com");
        let mut project =
            || text(&app.call(&cookie, Method::POST, "/api/projects", json!({ "name": "Shop" })).json()["id"]);
        let (project, other) = (project(), project());
        let mut body = json!({ "type": "management" });
        body.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let made = app.call(&cookie, Method::POST, &format!("/api/projects/{project}/keys"), body);
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        let (id, token) = (text(&made.json()["id"]), text(&made.json()["key"]));
        Self { app, cookie, project, other, id, token }
    }

    fn call_with(&mut self, headers: &[(&str, &str)], method: Method, path: &str, body: &Value) -> Answer {
        let mut request = self.app.visit(method, path).header("authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if body.is_null() {
            return self.app.send(request, "");
        }
        self.app.send(request.header("content-type", "application/json"), body.to_string())
    }

    fn call(&mut self, method: Method, path: &str, body: Value) -> Answer {
        self.call_with(&[], method, path, &body)
    }

    fn owner(&mut self, method: Method, path: &str, body: Value) -> Answer {
        let cookie = self.cookie.clone();
        self.app.call(&cookie, method, path, body)
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/projects/{}{rest}", self.project)
    }
}

#[test]
fn a_server_manages_keys_settings_tokens_and_end_users_of_its_project() {
    let mut with = Fixture::new(json!({}));
    assert!(with.token.starts_with("mt_live_") && with.token.len() == 56);
    let path = with.path("/keys");
    let made = with.call(Method::POST, &path, json!({ "name": "for a customer", "rateLimitPerMinute": 5 }));
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let (id, key) = (text(&made.json()["id"]), text(&made.json()["key"]));
    let request = with.app.visit(Method::POST, "/api/run").header("authorization", format!("Bearer {key}"));
    assert_eq!(with.app.send(request, print_one().to_string()).status, StatusCode::OK);
    let changed = with.call(Method::PATCH, &format!("/api/keys/{id}"), json!({ "name": "renamed" }));
    assert_eq!(changed.json()["name"], "renamed");
    let rotated = with.call(Method::POST, &format!("/api/keys/{id}/rotate"), Value::Null);
    assert_eq!(rotated.status, StatusCode::CREATED);
    let successor = text(&rotated.json()["id"]);
    assert_eq!(with.call(Method::DELETE, &format!("/api/keys/{successor}"), Value::Null).status.as_u16(), 204);
    for rest in ["", "/usage", "/audit", "/keys", "/end-users?id=u"] {
        let answer = with.call(Method::GET, &with.path(rest), Value::Null);
        assert_eq!(answer.status, StatusCode::OK, "{rest}: {}", answer.text());
        assert!(answer.header("set-cookie").is_empty());
    }
    let log = with.path("/audit");
    with.app.sql.run("UPDATE audit_events SET ip = '192.0.2.1'");
    let [own, server] = [with.owner(Method::GET, &log, Value::Null), with.call(Method::GET, &log, Value::Null)];
    assert!(!own.json()["events"][0]["ip_address"].is_null(), "{}", own.text());
    assert!(server.json()["events"].as_array().unwrap().iter().all(|event| event["ip_address"].is_null()));
    let project = with.path("");
    assert_eq!(with.call(Method::PATCH, &project, json!({ "privateResults": true })).status, StatusCode::OK);
    assert_eq!(with.call(Method::DELETE, &with.path("/end-users?id=u"), Value::Null).status, StatusCode::OK);
    assert_eq!(with.call(Method::POST, &with.path("/tokens"), Value::Null).status, StatusCode::CREATED);
    assert_eq!(with.call(Method::POST, &with.path("/rooms"), Value::Null).status, StatusCode::CREATED);
    let keys = with.owner(Method::GET, &path, Value::Null).json()["apiKeys"].clone();
    let listed = keys.as_array().unwrap().iter().find(|key| key["id"] == json!(with.id)).unwrap();
    assert_eq!((&listed["type"], &listed["key"]), (&json!("management"), &Value::Null));
    let actions = with.app.sql.texts("SELECT action FROM audit_events ORDER BY rowid");
    assert_eq!(
        actions[actions.len() - 5..],
        ["key_created", "key_changed", "key_rotated", "key_revoked", "key_created"]
    );
}

#[test]
fn what_stays_the_owners_is_refused() {
    let mut with = Fixture::new(json!({ "rateLimitPerMinute": 10_000 }));
    let (keys, own, project) = (with.path("/keys"), format!("/api/keys/{}", with.id), with.path(""));
    for (method, path, body) in [
        (Method::POST, keys.as_str(), json!({ "type": "management" })),
        (Method::PATCH, own.as_str(), json!({ "expiresAt": "1970-12-01T00:00:00Z" })),
        (Method::POST, &format!("{own}/rotate"), json!({})),
        (Method::DELETE, project.as_str(), Value::Null),
        (Method::GET, "/api/projects", Value::Null),
        (Method::DELETE, "/auth/me", Value::Null),
        (Method::POST, "/api/run", print_one()),
    ] {
        let answer = with.call(method.clone(), path, body);
        assert_eq!(problem(&answer), (403, "token_not_enough".into()), "{method} {path}: {}", answer.text());
    }
    for route in ROUTES.iter().filter(|route| !matches!(route.caller, Caller::Anyone | Caller::Manager)) {
        let method = Method::from_bytes(route.verb.name().as_bytes()).unwrap();
        let answer = with.call(method, &route.path.replace(":id", "x"), json!({}));
        // Pages on the way to a session ask for nothing, and the protocol of Dify has its errors in the body.
        let is_open = route.caller == Caller::Visitor || route.name == "run_dify";
        assert!(answer.status.is_client_error() || is_open, "{} answers {}", route.name, answer.status);
    }
    assert!(with.app.run_pools.jobs.borrow().is_empty());
    assert_eq!(with.owner(Method::GET, &project, Value::Null).status, StatusCode::OK, "the project is there");
}

#[test]
fn a_program_that_signs_out_revokes_its_own_token_and_no_other() {
    let mut with = Fixture::new(json!({}));
    let path = with.path("/keys");
    let made = with.owner(Method::POST, &path, json!({ "type": "management" })).json();
    let other = format!("/api/keys/{}", text(&made["id"]));
    assert_eq!(problem(&with.call(Method::DELETE, &other, Value::Null)), (403, "token_not_enough".into()));
    let own = format!("/api/keys/{}", with.id);
    assert_eq!(with.call(Method::DELETE, &own, Value::Null).status, StatusCode::NO_CONTENT);
    assert_eq!(problem(&with.call(Method::GET, &path, Value::Null)), (401, "invalid_api_key".into()));
}

#[test]
fn a_management_token_is_for_one_project() {
    let mut with = Fixture::new(json!({}));
    let made = with.owner(Method::POST, &format!("/api/projects/{}/keys", with.other), json!({}));
    let foreign = text(&made.json()["id"]);
    let others = format!("/api/projects/{}", with.other);
    for (method, path) in [
        (Method::GET, others.clone()),
        (Method::GET, format!("{others}/usage")),
        (Method::POST, format!("{others}/keys")),
        (Method::POST, format!("{others}/tokens")),
        (Method::DELETE, format!("{others}/end-users?id=u")),
        (Method::DELETE, format!("/api/keys/{foreign}")),
    ] {
        let answer = with.call(method.clone(), &path, Value::Null);
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}: {}", answer.text());
    }
}

#[test]
fn a_browser_sends_no_management_token() {
    let mut with = Fixture::new(json!({}));
    let path = with.path("/usage");
    for header in [("origin", "https://a.example"), ("origin", "https://docle.test"), ("sec-fetch-site", "same-origin")]
    {
        let answer = with.call_with(&[header], Method::GET, &path, &Value::Null);
        assert_eq!(problem(&answer), (403, "token_not_enough".into()), "{header:?}");
        assert!(answer.json()["message"].as_str().unwrap().contains("browser"));
    }
}

#[test]
fn a_management_token_has_a_rate_an_end_and_is_revoked_at_once() {
    let mut with = Fixture::new(json!({ "rateLimitPerMinute": 2, "expiresAt": "1970-01-02T00:00:00Z" }));
    let path = with.path("/usage");
    let mut statuses = || [(); 3].map(|()| with.call(Method::GET, &path, Value::Null).status.as_u16());
    assert_eq!(statuses(), [200, 200, 429]);
    with.app.clock.pass_ms(60_000);
    with.app.sql.run("UPDATE users SET suspended_at = 1");
    with.app.clock.pass_ms(60_000);
    assert_eq!(problem(&with.call(Method::GET, &path, Value::Null)), (403, "account_suspended".into()));
    with.app.sql.run("UPDATE users SET suspended_at = NULL");
    with.app.clock.pass_ms(60_000);
    assert_eq!(with.call(Method::GET, &path, Value::Null).status, StatusCode::OK);
    let own = format!("/api/keys/{}", with.id);
    assert_eq!(with.owner(Method::DELETE, &own, Value::Null).status.as_u16(), 204);
    assert_eq!(problem(&with.call(Method::GET, &path, Value::Null)), (401, "invalid_api_key".into()));

    let mut with = Fixture::new(json!({ "expiresAt": "1970-01-02T00:00:00Z" }));
    with.app.clock.pass_ms(24 * 60 * 60 * 1_000);
    assert_eq!(problem(&with.call(Method::GET, &with.path("/usage"), Value::Null)), (401, "invalid_api_key".into()));
}
