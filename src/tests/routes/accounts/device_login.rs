//! Programs that sign in with a code which their user types into a page.

use crate::tests::app::{Answer, TestApp};
use ::http::{Method, StatusCode};
use serde_json::{Value, json};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// A user with a project, and a program that has begun a login.
struct Fixture {
    app: TestApp,
    cookie: String,
    project: String,
    device: String,
    user: String,
}

impl Fixture {
    fn new() -> Self {
        let mut app = TestApp::new();
        let cookie = app.sign_in("ada@example.com");
        let made = app.call(&cookie, Method::POST, "/api/projects", json!({ "name": "A <b>shop</b>" }));
        let project = text(&made.json()["id"]);
        let request = app.visit(Method::POST, "/auth/device").header("cf-connecting-ip", "203.0.113.7");
        let begun = app.send(request, json!({ "client_id": "docle-cli on \"<i>\"" }).to_string());
        assert_eq!((begun.status, begun.header("cache-control")), (StatusCode::OK, "no-store"), "{}", begun.text());
        let codes = begun.json();
        assert_eq!(codes["verification_uri"], "http://localhost/device");
        assert_eq!((&codes["expires_in"], &codes["interval"]), (&json!(600), &json!(5)));
        let (device, user) = (text(&codes["device_code"]), text(&codes["user_code"]));
        Self { app, cookie, project, device, user }
    }

    /// Sends the form of the page.
    fn form(&mut self, cookie: &str, fields: &[(&str, &str)]) -> Answer {
        let request = ::http::Request::builder()
            .method(Method::POST)
            .uri("/device")
            .header("origin", "http://localhost")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", cookie);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.app.send(request, body)
    }

    fn decide(&mut self, decision: &str) -> Answer {
        let (cookie, code, project) = (self.cookie.clone(), self.user.clone(), self.project.clone());
        self.form(&cookie, &[("code", &code), ("project", &project), ("decision", decision)])
    }

    /// Asks for the token; the status and the code of the answer.
    fn poll(&mut self) -> (u16, String, Value) {
        let request = self.app.visit(Method::POST, "/auth/device/token");
        let answer = self.app.send(request, json!({ "grant_type": GRANT, "device_code": self.device }).to_string());
        let body = answer.json();
        assert_eq!(body.get("code"), body.get("error"), "RFC 8628 has the code as `error`");
        (answer.status.as_u16(), body["code"].as_str().unwrap_or_default().to_owned(), body)
    }

    fn poll_later(&mut self) -> (u16, String, Value) {
        self.app.clock.pass_ms(5_000);
        self.poll()
    }
}

#[test]
fn a_program_signs_in() {
    let mut one = Fixture::new();
    assert_eq!(one.poll_later().1, "authorization_pending");
    assert_eq!(one.poll().1, "slow_down");

    let page = one.app.send(::http::Request::builder().uri("/device"), "");
    assert_eq!((page.status, page.header("location")), (StatusCode::SEE_OTHER, "/login?next=/device"));
    let page = one.app.send(::http::Request::builder().uri("/device").header("cookie", one.cookie.clone()), "");
    assert!(page.status == StatusCode::OK && page.text().contains("name=\"code\""), "{}", page.text());
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));

    let typed = one.user.to_lowercase().replace('-', " ");
    let cookie = one.cookie.clone();
    let shown = one.form(&cookie, &[("code", &typed)]).text();
    for part in
        ["docle-cli on &quot;&lt;i&gt;&quot;", "203.0.113.7", "A &lt;b&gt;shop&lt;/b&gt;", "less than a minute ago"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!(one.poll_later().1, "authorization_pending", "the code alone lets nobody in");
    assert!(one.decide("allow").text().contains("signed in"));

    let (status, _, body) = one.poll_later();
    assert_eq!(status, 200, "{body}");
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(90 * 86_400)));
    assert_eq!(body["project_id"], one.project.as_str());
    let token = text(&body["access_token"]);
    assert!(token.starts_with("mt_"), "{token}");
    let path = format!("/api/projects/{}/keys", one.project);
    let request = one.app.visit(Method::GET, &path).header("authorization", format!("Bearer {token}"));
    let keys = one.app.send(request, "");
    assert_eq!(keys.status, StatusCode::OK, "{}", keys.text());
    let keys = keys.json();
    assert_eq!((&keys["apiKeys"][0]["id"], &keys["apiKeys"][0]["name"]), (&body["id"], &json!("Command line")));

    assert_eq!(one.poll_later().1, "expired_token", "a login gives one token");
    assert!(one.app.sql.texts("SELECT user_code FROM device_logins").is_empty());
    let actions = one.app.sql.texts("SELECT action FROM audit_events ORDER BY at DESC LIMIT 1");
    assert_eq!(actions, ["key_created"]);
}

#[test]
fn a_user_refuses_a_program() {
    let mut one = Fixture::new();
    assert!(one.decide("deny").text().contains("Refused"));
    assert_eq!(one.poll().1, "access_denied");
    assert_eq!(one.poll_later().1, "expired_token");
    assert_eq!(one.decide("allow").status, StatusCode::NOT_FOUND, "what was decided is decided");
}

#[test]
fn codes_expire() {
    let mut one = Fixture::new();
    one.app.clock.pass_ms(600_000);
    assert_eq!(one.decide("allow").status, StatusCode::NOT_FOUND);
    assert_eq!(one.poll().1, "expired_token");
    let mut late = Fixture::new();
    late.decide("allow");
    late.app.clock.pass_ms(600_000);
    assert_eq!(late.poll().1, "expired_token", "also one that was allowed");
}

#[test]
fn a_login_is_for_a_project_of_the_one_who_types_the_code() {
    let mut one = Fixture::new();
    let eve = one.app.sign_in("eve@example.com");
    let (code, project) = (one.user.clone(), one.project.clone());
    let refused = one.form(&eve, &[("code", &code), ("project", &project), ("decision", "allow")]);
    assert_eq!(refused.status, StatusCode::NOT_FOUND, "another's project");
    assert!(one.form(&eve, &[("code", &code)]).text().contains("No project yet"));
    assert_eq!(one.poll_later().1, "authorization_pending");
    let stranger = one.form("", &[("code", &code), ("project", &project), ("decision", "allow")]);
    assert_eq!((stranger.status, stranger.header("location")), (StatusCode::SEE_OTHER, "/login?next=/device"));
}

#[test]
fn a_page_of_another_site_let_a_program_in() {
    let mut one = Fixture::new();
    let request = ::http::Request::builder()
        .method(Method::POST)
        .uri("/device")
        .header("origin", "https://evil.example")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("cookie", one.cookie.clone());
    let body = format!("code={}&project={}&decision=allow", one.user, one.project);
    assert_eq!(one.app.send(request, body).status, StatusCode::FORBIDDEN);
    assert_eq!(one.poll_later().1, "authorization_pending");
}

#[test]
fn a_project_that_was_deleted_gives_no_token() {
    let mut one = Fixture::new();
    one.decide("allow");
    let (cookie, path) = (one.cookie.clone(), format!("/api/projects/{}", one.project));
    assert_eq!(one.app.call(&cookie, Method::DELETE, &path, Value::Null).status, StatusCode::NO_CONTENT);
    assert_eq!(one.poll_later().1, "expired_token");
}

#[test]
fn codes_are_guessed_twenty_times_at_most() {
    let mut one = Fixture::new();
    let cookie = one.cookie.clone();
    for _ in 0..20 {
        assert_eq!(one.form(&cookie, &[("code", "BCDF-GHJK")]).status, StatusCode::NOT_FOUND);
    }
    let code = one.user.clone();
    assert_eq!(one.form(&cookie, &[("code", &code)]).status, StatusCode::TOO_MANY_REQUESTS, "also for a right one");
    one.app.clock.pass_ms(10 * 60_000 - 1);
    assert_eq!(one.form(&cookie, &[("code", &code)]).status, StatusCode::TOO_MANY_REQUESTS);
}

#[test]
fn a_network_begins_ten_logins() {
    let mut app = TestApp::new();
    let mut begin = |ip: &str| {
        let request = app.visit(Method::POST, "/auth/device").header("cf-connecting-ip", ip);
        app.send(request, json!({ "client_id": "x" }).to_string())
    };
    for _ in 0..10 {
        assert_eq!(begin("203.0.113.7").status, StatusCode::OK);
    }
    let refused = begin("203.0.113.7");
    assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "901"));
    assert_eq!(begin("203.0.113.8").status, StatusCode::OK);
}

#[test]
fn a_program_may_send_forms_as_the_standard_has_them() {
    let mut one = Fixture::new();
    let form = |path: &str| {
        let request = ::http::Request::builder().method(Method::POST).uri(path);
        request.header("content-type", "application/x-www-form-urlencoded")
    };
    one.app.clock.pass_ms(5_000);
    let begun = one.app.send(form("/auth/device"), "client_id=docle-cli");
    assert_eq!(begun.status, StatusCode::OK, "{}", begun.text());
    let body = format!("grant_type={}&device_code={}&client_id=docle-cli", GRANT.replace(':', "%3A"), one.device);
    assert_eq!(one.app.send(form("/auth/device/token"), body).json()["error"], "authorization_pending");
    for (path, body, field) in [
        ("/auth/device", "", "client_id"),
        ("/auth/device", "client_id=", "client_id"),
        ("/auth/device", "client_id=a%0Ab", "client_id"),
        ("/auth/device", "client_id=x&scope=all", "scope"),
        ("/auth/device/token", "device_code=x", "grant_type"),
        ("/auth/device/token", "grant_type=password&device_code=x", "grant_type"),
        ("/auth/device/token", "grant_type=urn:ietf:params:oauth:grant-type:device_code", "device_code"),
    ] {
        let refused = one.app.send(form(path), body);
        assert_eq!(refused.json()["errors"][0]["field"], field, "{path} {body}: {}", refused.text());
    }
    let made_up = format!("grant_type={GRANT}&device_code={}", "0f".repeat(64));
    assert_eq!(one.app.send(form("/auth/device/token"), made_up).json()["code"], "expired_token");
}
