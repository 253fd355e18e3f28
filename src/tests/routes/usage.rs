//! The usage of all projects of an account together.

use crate::tests::app::{TestApp, print_one};
use ::http::Method;
use serde_json::{Value, json};

/// A new project with a key: their ids, and the key itself.
fn project(app: &mut TestApp, cookie: &str, name: &str) -> (String, String) {
    let project = app.call(cookie, Method::POST, "/api/projects", json!({ "name": name })).json();
    let id = project["id"].as_str().unwrap().to_owned();
    let key = app.call(cookie, Method::POST, &format!("/api/projects/{id}/keys"), json!({})).json();
    (id, key["key"].as_str().unwrap().to_owned())
}

fn run(app: &mut TestApp, key: &str) {
    let request = app.visit(Method::POST, "/api/run").header("authorization", format!("Bearer {key}"));
    assert_eq!(app.send(request, print_one().to_string()).status.as_u16(), 200);
}

#[test]
fn the_runs_of_all_projects_are_one_sum_with_common_percentiles_and_nobody_elses() {
    let mut app = TestApp::new();
    let (ada, bob) = (app.sign_in("ada@example.com"), app.sign_in("bob@example.com"));
    let total = |app: &mut TestApp, cookie: &str, query: &str| {
        app.call(cookie, Method::GET, &format!("/api/usage{query}"), Value::Null)
    };
    let none = total(&mut app, &ada, "").json();
    assert_eq!(
        (&none["total_runs"], &none["duration_ms"]["p50"], &none["projects"]),
        (&json!(0), &Value::Null, &json!([]))
    );

    let (quiet, quiet_key) = project(&mut app, &ada, "Quiet");
    let (busy, busy_key) = project(&mut app, &ada, "Busy");
    let (_, others_key) = project(&mut app, &bob, "Bob's");
    app.clock.pass_ms(7_200_000);
    for key in [&quiet_key, &busy_key, &busy_key, &others_key] {
        run(&mut app, key);
    }
    let expected = json!({
        "total_runs": 3, "success_rate": 100.0, "languages": { "python": 3 }, "statuses": { "success": 3 },
        "duration_ms": { "p50": 3, "p95": 3 }, "interval": "hour",
        "series": [{ "start": "1970-01-01T02:00:00.000Z", "runs": 3, "successes": 3 }],
        "projects": [{ "id": busy, "name": "Busy", "runs": 2 }, { "id": quiet, "name": "Quiet", "runs": 1 }],
        "unavailable": [],
    });
    assert_eq!(total(&mut app, &ada, "?interval=hour").json(), expected);
    assert_eq!(total(&mut app, &ada, "?interval=year").json()["errors"][0]["field"], "interval");
    assert_eq!(app.send(app.visit(Method::GET, "/api/usage"), "").status.as_u16(), 401);
}
