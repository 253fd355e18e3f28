//! `DELETE /api/run/:id`: who may cancel a run, and what the answer is.

use crate::domain::run::id::RunId;
use crate::tests::app::{Answer, TestApp, key, print_one};
use ::http::Method;
use serde_json::json;

fn cancel(app: &mut TestApp, credentials: Option<&str>, id: &str) -> (u16, String) {
    let mut request = app.visit(Method::DELETE, &format!("/api/run/{id}"));
    if let Some(credentials) = credentials {
        request = request.header("authorization", format!("Bearer {credentials}"));
    }
    problem(&app.send(request, ""))
}

fn problem(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

fn token(app: &mut TestApp) -> String {
    let answer = app.send(app.request(Method::POST, "/api/tokens").header("content-type", "application/json"), "{}");
    answer.json()["token"].as_str().unwrap().to_owned()
}

/// The id of a run that has ended.
fn ended(app: &mut TestApp, credentials: &str) -> String {
    let request = app.visit(Method::POST, "/api/run").header("authorization", format!("Bearer {credentials}"));
    app.send(request, print_one().to_string()).json()["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_run_that_has_ended_is_not_cancelled_any_more() {
    let mut app = TestApp::new();
    let own = key(1).reveal().to_owned();
    let id = ended(&mut app, &own);
    assert_eq!(cancel(&mut app, Some(&own), &id), (409, "run_ended".into()));
}

#[test]
fn a_run_of_another_caller_is_not_found_as_an_id_that_does_not_exist() {
    let mut app = TestApp::new();
    let (own, other) = (key(1).reveal().to_owned(), key(2).reveal().to_owned());
    let [first, second] = [token(&mut app), token(&mut app)];
    let (of_key, of_token) = (ended(&mut app, &own), ended(&mut app, &first));
    let not_found = (404, "run_not_found".to_owned());
    for id in [of_key.as_str(), "x", "550e8400-e29b-41d4-a716-446655440000"] {
        assert_eq!(cancel(&mut app, Some(&other), id), not_found, "{id}");
        assert_eq!(cancel(&mut app, Some(&first), id), not_found, "{id}");
    }
    assert_eq!(cancel(&mut app, Some(&second), &of_token), not_found);
    assert_eq!(cancel(&mut app, Some(&first), &of_token).0, 409);
    assert_eq!(cancel(&mut app, Some(&own), &of_token).0, 409, "the key is the project's");
    assert_eq!(cancel(&mut app, None, &of_key), (401, "session_required".into()));
    assert_eq!(cancel(&mut app, Some(key(3).reveal()), &of_key).0, 401);
    let cookie = app.sign_in("stranger@example.com");
    let answer = app.call(&cookie, Method::DELETE, &format!("/api/run/{of_key}"), json!(null));
    assert_eq!(problem(&answer), not_found);
}

#[test]
fn a_token_reads_its_own_run_with_its_input() {
    let mut app = TestApp::new();
    let [first, second] = [token(&mut app), token(&mut app)];
    let id = ended(&mut app, &first);
    assert!(RunId::parse(&id).is_some());
    let read = |app: &mut TestApp, token: &str| {
        let request = app.visit(Method::GET, &format!("/api/run/{id}"));
        app.send(request.header("authorization", format!("Bearer {token}")), "").json()
    };
    assert_eq!(read(&mut app, &first)["input"]["code"], "print(1)");
    assert!(read(&mut app, &second).get("input").is_none());
}
