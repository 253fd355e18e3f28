//! Ports of sandboxes over HTTP: exposed by those who may, reached at their hosts, and nothing else there.

use crate::tests::app::{Answer, TestApp, key};
use ::http::{Method, StatusCode};
use docle_api::limits::MAX_PORTS_PER_SANDBOX;
use serde_json::{Value, json};

const PREVIEW_HOST: &str = "preview.example.net";

fn call_as(test: &mut TestApp, key: &str, method: Method, path: &str, body: &Value) -> Answer {
    let request = test.visit(method, path).header("authorization", format!("Bearer {key}"));
    test.send(request, if body.is_null() { String::new() } else { body.to_string() })
}

fn call(test: &mut TestApp, method: Method, path: &str, body: &Value) -> Answer {
    call_as(test, key(1).reveal(), method, path, body)
}

/// A service with a preview host, and the path of a sandbox.
fn with_sandbox() -> (TestApp, String) {
    let mut test = TestApp::new();
    test.app.config.preview_host = Some(PREVIEW_HOST.into());
    let made = call(&mut test, Method::POST, "/api/v1/sandboxes", &json!({}));
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    (test, format!("/api/v1/sandboxes/{id}"))
}

fn expose(test: &mut TestApp, sandbox: &str, body: &Value) -> Value {
    let answer = call(test, Method::POST, &format!("{sandbox}/ports"), body);
    assert!(answer.status.is_success(), "{}", answer.text());
    answer.json()
}

/// What a visitor gets at a URL.
fn visit(test: &mut TestApp, url: &str) -> Answer {
    let request = ::http::Request::builder().method(Method::GET).uri(url);
    test.send(request, "")
}

fn code(answer: &Answer) -> String {
    answer.json()["code"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_port_is_exposed_reached_rotated_and_unexposed() {
    let (mut test, sandbox) = with_sandbox();
    let port = expose(&mut test, &sandbox, &json!({ "port": 8000, "name": "web" }));
    let (url, token) = (port["url"].as_str().unwrap().to_owned(), port["token"].as_str().unwrap().to_owned());
    let digits = &sandbox["/api/v1/sandboxes/sbx_".len()..];
    assert_eq!(url, format!("https://8000-{digits}-{token}.{PREVIEW_HOST}/"));
    assert_eq!(token.len(), 16);
    let answer = visit(&mut test, &format!("{url}a?b"));
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, "from the program".into()));
    assert_eq!(answer.header("x-original-url"), format!("{url}a?b"));
    assert_eq!(answer.header("x-robots-tag"), "noindex");
    assert_eq!(answer.header("x-request-id"), "", "nothing of this service is among the headers");

    let again = call(&mut test, Method::POST, &format!("{sandbox}/ports"), &json!({ "port": 8000 }));
    assert_eq!((again.status, again.json()), (StatusCode::OK, port.clone()), "it keeps its token and its name");
    assert_eq!(call(&mut test, Method::GET, &format!("{sandbox}/ports/8000"), &Value::Null).json(), port);
    let rotated = call(&mut test, Method::POST, &format!("{sandbox}/ports/8000/rotate"), &Value::Null).json();
    assert_eq!(code(&visit(&mut test, &url)), "preview_not_found");
    assert_eq!(visit(&mut test, rotated["url"].as_str().unwrap()).status, StatusCode::OK);

    let list = call(&mut test, Method::GET, &format!("{sandbox}/ports"), &Value::Null).json();
    assert_eq!(list, json!({ "ports": [rotated] }));
    for _ in 0..2 {
        let gone = call(&mut test, Method::DELETE, &format!("{sandbox}/ports/8000"), &Value::Null);
        assert_eq!(gone.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(visit(&mut test, rotated["url"].as_str().unwrap()).status, StatusCode::NOT_FOUND);
    let missing = call(&mut test, Method::GET, &format!("{sandbox}/ports/8000"), &Value::Null);
    assert_eq!((missing.status, code(&missing)), (StatusCode::NOT_FOUND, "port_not_found".into()));
}

#[test]
fn a_wrong_url_and_one_that_never_was_are_the_same() {
    let (mut test, sandbox) = with_sandbox();
    let port = expose(&mut test, &sandbox, &json!({ "port": 8000 }));
    let (url, token) = (port["url"].as_str().unwrap().to_owned(), port["token"].as_str().unwrap().to_owned());
    let other = if token.starts_with('a') { "b" } else { "a" };
    let made_up = "https://8000-aaaaaaaaaaaaaaaaaaaaaaaaaa.preview.example.net/".to_owned();
    let known = visit(&mut test, &made_up);
    let mut expected = known.json();
    for wrong in [
        url.replace("8000-", "8001-"),
        url.replace(&format!("-{token}"), ""),
        url.replace(&token, &format!("{other}{}", &token[1..])),
        url.replace(&token, "x"),
        format!("https://{PREVIEW_HOST}/api/run"),
        format!("https://api.{PREVIEW_HOST}/health"),
        format!("https://0-x.{PREVIEW_HOST}/"),
    ] {
        let answer = visit(&mut test, &wrong);
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{wrong}");
        expected["requestId"] = answer.json()["requestId"].clone();
        assert_eq!(answer.json(), expected, "{wrong}");
    }
    call(&mut test, Method::DELETE, &sandbox, &Value::Null);
    assert_eq!(visit(&mut test, &url).status, StatusCode::NOT_FOUND, "it was deleted");
}

#[test]
fn a_request_at_the_preview_host_reached_the_api() {
    let (mut test, sandbox) = with_sandbox();
    let url = expose(&mut test, &sandbox, &json!({ "port": 8000, "public": true }))["url"].as_str().unwrap().to_owned();
    for path in ["api/v1/sandboxes", "health", "auth/me", "embed", "openapi.json", "k/a/api/run"] {
        let bearer = format!("Bearer {}", key(1).reveal());
        let request = ::http::Request::builder().method(Method::GET).uri(format!("{url}{path}"));
        let answer = test.send(request.header("authorization", &bearer).header("cookie", "docle_session=a"), "");
        assert_eq!(answer.text(), "from the program", "{path}");
        assert_eq!(answer.header("cookie"), "", "the session stays here");
        assert_eq!(answer.header("authorization"), bearer, "programs have authorization of their own");
    }
}

#[test]
fn a_program_that_does_not_listen_is_said_to_browsers_and_to_programs() {
    let (mut test, sandbox) = with_sandbox();
    let url = expose(&mut test, &sandbox, &json!({ "port": 9000 }))["url"].as_str().unwrap().to_owned();
    let answer = visit(&mut test, &url);
    assert_eq!((answer.status, code(&answer)), (StatusCode::BAD_GATEWAY, "port_not_listening".into()));
    let request = ::http::Request::builder().uri(&url).header("accept", "text/html,*/*");
    let page = test.send(request, "");
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    assert!(page.text().contains("Nothing listens") && page.header("content-security-policy").contains("'none'"));
}

#[test]
fn a_sandbox_that_sleeps_is_woken_by_a_page_and_not_by_a_socket() {
    let (mut test, sandbox) = with_sandbox();
    let url = expose(&mut test, &sandbox, &json!({ "port": 8000 }))["url"].as_str().unwrap().to_owned();
    assert_eq!(call(&mut test, Method::POST, &format!("{sandbox}/sleep"), &Value::Null).status, StatusCode::OK);
    let status = |test: &mut TestApp| call(test, Method::GET, &sandbox, &Value::Null).json()["status"].clone();
    let socket = ::http::Request::builder().uri(&url).header("upgrade", "websocket");
    assert_eq!(test.send(socket, "").status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(status(&mut test), "sleeping");
    assert_eq!(visit(&mut test, &url.replace('-', "--")).status, StatusCode::NOT_FOUND);
    assert_eq!(status(&mut test), "sleeping", "a wrong URL wakes nothing");
    let answer = visit(&mut test, &url);
    assert_eq!((answer.status, code(&answer)), (StatusCode::SERVICE_UNAVAILABLE, "preview_starting".into()));
    assert_eq!(answer.header("retry-after"), "2");
    assert_eq!(status(&mut test), "running");
    assert_eq!(visit(&mut test, &url).status, StatusCode::OK);
}

#[test]
fn a_chosen_token_is_one_ports_and_a_port_keeps_what_nobody_changes() {
    let (mut test, sandbox) = with_sandbox();
    let ports = format!("{sandbox}/ports");
    let port = expose(&mut test, &sandbox, &json!({ "port": 8000, "token": "mine_1" }));
    assert_eq!(visit(&mut test, port["url"].as_str().unwrap()).status, StatusCode::OK);
    let taken = call(&mut test, Method::POST, &ports, &json!({ "port": 8001, "token": "mine_1" }));
    assert_eq!((taken.status, taken.json()["errors"][0]["field"].clone()), (StatusCode::BAD_REQUEST, json!("token")));
    assert_eq!(expose(&mut test, &sandbox, &json!({ "port": 8000 }))["token"], "mine_1");
    assert_eq!(expose(&mut test, &sandbox, &json!({ "port": 8000, "public": true }))["token"], Value::Null);
    let made = expose(&mut test, &sandbox, &json!({ "port": 8000 }))["token"].as_str().unwrap().to_owned();
    assert_eq!(made.len(), 16, "one that is public no more has a token that nobody guesses");
    for wrong in [0, 65_536] {
        let answer = call(&mut test, Method::POST, &ports, &json!({ "port": wrong }));
        assert_eq!(
            (answer.status, answer.json()["errors"][0]["field"].clone()),
            (StatusCode::BAD_REQUEST, json!("port"))
        );
        let path = format!("{ports}/{wrong}");
        assert_eq!(call(&mut test, Method::DELETE, &path, &Value::Null).status, StatusCode::BAD_REQUEST);
    }
    for port in 1..MAX_PORTS_PER_SANDBOX {
        expose(&mut test, &sandbox, &json!({ "port": port }));
    }
    let full = call(&mut test, Method::POST, &ports, &json!({ "port": 9999 }));
    assert_eq!((full.status, code(&full)), (StatusCode::CONFLICT, "too_many_ports".into()));
}

#[test]
fn another_project_and_a_deployment_without_a_host_expose_nothing() {
    let (mut test, sandbox) = with_sandbox();
    let ports = format!("{sandbox}/ports");
    let foreign = call_as(&mut test, key(2).reveal(), Method::POST, &ports, &json!({ "port": 8000 }));
    assert_eq!((foreign.status, code(&foreign)), (StatusCode::NOT_FOUND, "sandbox_not_found".into()));
    test.app.config.preview_host = None;
    let none = call(&mut test, Method::POST, &ports, &json!({ "port": 8000 }));
    assert_eq!((none.status, code(&none)), (StatusCode::NOT_IMPLEMENTED, "previews_unavailable".into()));
    assert!(none.text().contains("PREVIEW_HOST"));
}
