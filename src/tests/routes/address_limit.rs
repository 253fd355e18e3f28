//! The limit on requests without a valid key, by network.

use crate::ports::address_limiter::AddressLimiter;
use crate::tests::app::{TestApp, key, print_one};
use ::http::Method;
use async_trait::async_trait;
use std::cell::RefCell;
use std::rc::Rc;

/// Lets `rest` requests go on, and keeps the networks that it was asked about.
struct FakeLimiter {
    rest: RefCell<usize>,
    asked: RefCell<Vec<String>>,
}

#[async_trait(?Send)]
impl AddressLimiter for FakeLimiter {
    async fn allows(&self, network: &str) -> bool {
        self.asked.borrow_mut().push(network.to_owned());
        let mut rest = self.rest.borrow_mut();
        let allowed = *rest > 0;
        *rest = rest.saturating_sub(1);
        allowed
    }
}

fn limited(rest: usize) -> (TestApp, Rc<FakeLimiter>) {
    let mut app = TestApp::new();
    let limiter = Rc::new(FakeLimiter { rest: RefCell::new(rest), asked: RefCell::default() });
    app.app.address_limiter = Some(limiter.clone());
    (app, limiter)
}

#[test]
fn requests_without_a_key_were_never_refused() {
    let (mut app, limiter) = limited(2);
    let visit = |app: &TestApp, path: &str| app.visit(Method::GET, path).header("cf-connecting-ip", "2001:db8:1:2::5");
    for (path, status) in [("/api/run/550e8400-e29b-41d4-a716-446655440000", 404), ("/health", 200), ("/health", 429)] {
        let request = visit(&app, path);
        assert_eq!(app.send(request, "").status.as_u16(), status, "{path}");
    }
    let request = visit(&app, "/collab");
    let answer = app.send(request, "");
    let problem = answer.json();
    assert_eq!((answer.status.as_u16(), &problem["code"]), (429, &"too_many_requests".into()));
    assert_eq!((answer.header("retry-after"), &problem["retry_after"]), ("60", &60.into()));
    assert!(problem["detail"].as_str().unwrap().contains("Authorization"), "{problem}");
    assert_eq!(limiter.asked.borrow().as_slice(), ["2001:db8:1:2::/64"; 4]);
}

#[test]
fn a_key_of_this_deployment_is_not_counted_by_network() {
    let (mut app, limiter) = limited(0);
    let request = app.request(Method::POST, "/api/run").header("cf-connecting-ip", "192.0.2.1");
    assert_eq!(app.send(request, print_one().to_string()).status.as_u16(), 200);
    let offered = format!("docle, docle.key.{}", key(1).reveal());
    let request = app
        .visit(Method::GET, "/health")
        .header("cf-connecting-ip", "192.0.2.1")
        .header("sec-websocket-protocol", offered);
    assert_eq!(app.send(request, "").status.as_u16(), 200);
    assert!(limiter.asked.borrow().is_empty());

    // No gate is asked about a key there, so it may have been revoked.
    let request = app.request(Method::GET, "/api/artifacts/x/0-a").header("cf-connecting-ip", "192.0.2.1");
    assert_eq!(app.send(request, "").status.as_u16(), 429);
    let made_up = format!("Bearer sk_live_{}", "0".repeat(48));
    let request =
        app.visit(Method::POST, "/api/run").header("cf-connecting-ip", "192.0.2.1").header("authorization", made_up);
    assert_eq!(app.send(request, print_one().to_string()).status.as_u16(), 429);
}

#[test]
fn a_preflight_and_a_development_machine_itself_are_not_counted() {
    let (mut app, limiter) = limited(0);
    let request = app.visit(Method::OPTIONS, "/api/run").header("cf-connecting-ip", "192.0.2.1");
    assert_eq!(app.send(request, "").status.as_u16(), 204);
    app.app.config.environment = "development".to_owned();
    for address in ["127.0.0.1", "::1"] {
        let request = app.visit(Method::GET, "/health").header("cf-connecting-ip", address);
        assert_eq!(app.send(request, "").status.as_u16(), 200);
    }
    assert!(limiter.asked.borrow().is_empty());
    let request = app.visit(Method::GET, "/health").header("cf-connecting-ip", "192.0.2.1");
    assert_eq!(app.send(request, "").status.as_u16(), 429);
}

#[test]
fn a_made_up_id_or_key_asked_the_database() {
    let mut app = TestApp::new();
    let reads = app.sql.statements();
    for path in ["/api/run/550e8400-e29b-41d4-a716-446655440000", "/collab/room_abababababababababababab00000000/state"]
    {
        let request = app.visit(Method::GET, path);
        assert_eq!(app.send(request, "").status.as_u16(), 404, "{path}");
    }
    let made_up = format!("Bearer sk_live_{}", "0".repeat(48));
    let request = app.visit(Method::POST, "/api/run").header("authorization", made_up);
    assert_eq!(app.send(request, print_one().to_string()).status.as_u16(), 401);
    assert_eq!(app.sql.statements(), reads);
}

#[test]
fn guesses_of_chosen_tokens_are_counted_and_visits_are_not() {
    let (mut app, limiter) = limited(2);
    app.app.config.preview_host = Some("preview.example.net".into());
    let bearer = format!("Bearer {}", key(1).reveal());
    let mut call = |path: &str, body: &str| {
        let request = app.visit(Method::POST, path).header("authorization", &bearer);
        app.send(request, body).json()
    };
    let id = call("/api/v1/sandboxes", "{}")["id"].as_str().unwrap().to_owned();
    let ports = format!("/api/v1/sandboxes/{id}/ports");
    let mut url = |body: &str| call(&ports, body)["url"].as_str().unwrap().to_owned();
    let (chosen, made) = (url(r#"{ "port": 8000, "token": "mine" }"#), url(r#"{ "port": 8001 }"#));
    let mut visit = |url: &str| {
        let request = ::http::Request::builder().uri(url).header("cf-connecting-ip", "192.0.2.1");
        app.send(request, "").status.as_u16()
    };
    for _ in 0..5 {
        assert_eq!((visit(&chosen), visit(&made)), (200, 502), "only the first visit is counted");
    }
    assert_eq!((visit(&chosen.replace("mine", "a")), visit(&chosen.replace("mine", "b"))), (404, 429));
    assert_eq!(visit(&chosen.replace(&id["sbx_".len()..], &"a".repeat(26))), 404, "no object is asked");
    assert_eq!((visit(&chosen), visit(&made)), (200, 502));
    assert_eq!(limiter.asked.borrow().len(), 3);
}
