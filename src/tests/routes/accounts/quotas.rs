//! Quotas from the outside: what an account may make, what it is told, and what becomes of a suspended one.

use crate::domain::account::quota::Quota;
use crate::tests::app::TestApp;
use ::http::{Method, StatusCode};
use serde_json::{Value, json};

const ADA: &str = "ada@example.com";

fn make_project(app: &mut TestApp, cookie: &str) -> crate::tests::app::Answer {
    app.call(cookie, Method::POST, "/api/projects", json!({ "name": "Shop" }))
}

fn quota(usage: &Value, name: &str) -> Value {
    let quotas = usage["quotas"].as_array().unwrap();
    quotas.iter().find(|one| one["quota"] == name).unwrap_or_else(|| panic!("no {name} in {usage}")).clone()
}

/// A project of the account, and a key in it.
fn project_with_key(app: &mut TestApp, cookie: &str) -> (String, String) {
    let project = make_project(app, cookie).json()["id"].as_str().unwrap().to_owned();
    let key = app.call(cookie, Method::POST, &format!("/api/projects/{project}/keys"), json!({}));
    (project, key.json()["key"].as_str().unwrap().to_owned())
}

#[test]
fn one_account_made_projects_without_end() {
    let mut app = TestApp::new();
    app.app.config.quotas = app.app.config.quotas.with(Quota::Projects, Some(5));
    let cookie = app.sign_in(ADA);
    let eve = app.sign_in("eve@example.com");
    for made in 1..=5 {
        let answer = make_project(&mut app, &cookie);
        let header = if made >= 4 { format!("projects;used={made};limit=5") } else { String::new() };
        assert_eq!((answer.status, answer.header("x-docle-quota")), (StatusCode::CREATED, header.as_str()));
    }
    let refused = make_project(&mut app, &cookie);
    let problem = refused.json();
    assert_eq!((refused.status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("quota_full")));
    assert_eq!(
        (&problem["quota"], &problem["limit"], &problem["reset_at"]),
        (&json!("projects"), &json!(5), &Value::Null)
    );
    assert!(problem["message"].as_str().unwrap().contains("GET /api/account/usage"), "{problem}");
    assert_eq!(make_project(&mut app, &eve).status, StatusCode::CREATED, "another account");
    let events = "SELECT action FROM audit_events WHERE action = 'project_created'";
    assert_eq!(app.sql.texts(events).len(), 6, "a project that was not made is not in the log");

    let projects = app.call(&cookie, Method::GET, "/api/projects", Value::Null).json();
    let path = format!("/api/projects/{}", projects["projects"][0]["id"].as_str().unwrap());
    assert_eq!(app.call(&cookie, Method::DELETE, &path, Value::Null).status, StatusCode::NO_CONTENT);
    assert_eq!(make_project(&mut app, &cookie).status, StatusCode::CREATED);

    app.sql.run("UPDATE users SET trusted = 1 WHERE email = 'ada@example.com'");
    assert_eq!(make_project(&mut app, &cookie).status, StatusCode::CREATED, "a trusted account");
}

#[test]
fn keys_that_were_revoked_made_room_for_keys_without_end() {
    let mut app = TestApp::new();
    app.app.config.quotas = app.app.config.quotas.with(Quota::Keys, Some(3));
    let cookie = app.sign_in(ADA);
    let projects = [0, 1].map(|_| make_project(&mut app, &cookie).json()["id"].as_str().unwrap().to_owned());
    let make = |app: &mut TestApp, project: usize| {
        app.call(&cookie, Method::POST, &format!("/api/projects/{}/keys", projects[project]), json!({}))
    };
    let keys = [0, 1, 0].map(|project| make(&mut app, project).json()["id"].as_str().unwrap().to_owned());
    let refused = make(&mut app, 1);
    assert_eq!((refused.status, refused.json()["quota"].clone()), (StatusCode::FORBIDDEN, json!("keys")));
    let path = format!("/api/keys/{}", keys[0]);
    assert_eq!(app.call(&cookie, Method::DELETE, &path, Value::Null).status, StatusCode::NO_CONTENT);
    assert_eq!(make(&mut app, 1).status, StatusCode::FORBIDDEN, "it counts for a day");
    app.clock.pass_ms(86_400_001);
    assert_eq!(make(&mut app, 1).status, StatusCode::CREATED);
}

#[test]
fn the_rooms_of_all_projects_of_an_account_count_together() {
    let mut app = TestApp::new();
    app.app.config.quotas = app.app.config.quotas.with(Quota::Rooms, Some(2));
    let cookie = app.sign_in(ADA);
    let keys = [0, 1].map(|_| project_with_key(&mut app, &cookie).1);
    let make = |app: &mut TestApp, key: usize| {
        let request = app.visit(Method::POST, "/api/rooms").header("authorization", format!("Bearer {}", keys[key]));
        app.send(request, "{}")
    };
    assert_eq!([make(&mut app, 0).status, make(&mut app, 1).status], [StatusCode::CREATED; 2]);
    let refused = make(&mut app, 0);
    assert_eq!((refused.status, refused.json()["quota"].clone()), (StatusCode::FORBIDDEN, json!("rooms")));
    let usage = app.call(&cookie, Method::GET, "/api/account/usage", Value::Null).json();
    assert_eq!(quota(&usage, "rooms"), json!({ "quota": "rooms", "used": 2.0, "limit": 2, "resets_at": null }));
}

#[test]
fn an_account_reads_every_quota() {
    let mut app = TestApp::new();
    let cookie = app.sign_in(ADA);
    project_with_key(&mut app, &cookie);
    let usage = app.call(&cookie, Method::GET, "/api/account/usage", Value::Null);
    assert_eq!(usage.status, StatusCode::OK, "{}", usage.text());
    let usage = usage.json();
    let names: Vec<&str> = usage["quotas"].as_array().unwrap().iter().filter_map(|one| one["quota"].as_str()).collect();
    assert_eq!(names, Quota::ALL.map(Quota::name));
    assert_eq!(quota(&usage, "projects")["used"], 1.0);
    let reset = "1970-01-02T00:00:00.000Z";
    let cpu = json!({ "quota": "cpu_seconds", "used": 0.0, "limit": 3_600, "resets_at": reset });
    assert_eq!((quota(&usage, "cpu_seconds"), &usage["trusted"]), (cpu, &json!(false)));

    app.sql.run("UPDATE users SET trusted = 1");
    app.clock.pass_ms(60_000);
    let usage = app.call(&cookie, Method::GET, "/api/account/usage", Value::Null).json();
    assert_eq!((quota(&usage, "cpu_seconds")["limit"].clone(), &usage["trusted"]), (Value::Null, &json!(true)));
    assert_eq!(quota(&usage, "ai_calls")["limit"], 100);
    app.accounts.fails.set(true);
    let silent = app.call(&cookie, Method::GET, "/api/account/usage", Value::Null);
    assert_eq!(silent.json()["code"], "service_unavailable");
}

#[test]
fn a_suspended_account_went_on() {
    let mut app = TestApp::new();
    let cookie = app.sign_in(ADA);
    let (_, key) = project_with_key(&mut app, &cookie);
    let run = |app: &mut TestApp| {
        let request = app.visit(Method::POST, "/api/run").header("authorization", format!("Bearer {key}"));
        let answer = app.send(request, crate::tests::app::print_one().to_string());
        (answer.status.as_u16(), answer.json()["code"].clone())
    };
    assert_eq!(run(&mut app).0, 200);
    app.sql.run("UPDATE users SET suspended_at = 1 WHERE email = 'ada@example.com'");
    app.clock.pass_ms(30_000);
    assert_eq!(run(&mut app), (403, json!("account_suspended")));
    let me = app.call(&cookie, Method::GET, "/auth/me", Value::Null);
    assert_eq!((me.status.as_u16(), me.json()["code"].clone()), (403, json!("account_suspended")));
    let again = app.sign_in(ADA);
    assert_eq!(app.call(&again, Method::GET, "/api/projects", Value::Null).status, StatusCode::FORBIDDEN);

    app.sql.run("UPDATE users SET suspended_at = NULL");
    app.clock.pass_ms(30_000);
    assert_eq!(run(&mut app).0, 200);
    assert_eq!(app.call(&cookie, Method::GET, "/auth/me", Value::Null).status, StatusCode::OK);
}

/// Whether a person gets an account with an address from a network.
fn signs_up(app: &mut TestApp, email: &str, ip: &str) -> bool {
    let request = app.visit(Method::POST, "/auth/request").header("cf-connecting-ip", ip);
    if app.send(request, json!({ "email": email }).to_string()).status != StatusCode::OK {
        return false;
    }
    let before = app.sql.texts("SELECT id FROM users").len();
    let body = json!({ "token": app.mailed_token() });
    let request = app.visit(Method::POST, "/auth/verify").header("cf-connecting-ip", ip);
    let answer = app.send(request, body.to_string());
    let has_account = app.sql.texts("SELECT id FROM users").len() > before;
    assert_eq!(has_account, answer.status == StatusCode::OK, "{}", answer.text());
    if !has_account {
        assert_eq!(answer.json()["code"], "too_many_requests");
        assert!(!answer.header("retry-after").is_empty());
    }
    has_account
}

#[test]
fn one_person_had_five_hundred_accounts() {
    let mut app = TestApp::new();
    let made = |app: &mut TestApp, email: &dyn Fn(u32) -> String, ip: &dyn Fn(u32) -> String| {
        (0..500).filter(|n| signs_up(app, &email(*n), &ip(*n))).count()
    };
    // Addresses of one network, each of which may ask for some links.
    let network = |n| format!("203.0.113.{}", n % 250);
    assert_eq!(made(&mut app, &|n| format!("a{n}@domain{n}.example"), &network), 20);
    // A domain of one's own, from networks all over the world.
    let anywhere = |n: u32| format!("10.{}.{}.1", n / 250, n % 250);
    assert_eq!(made(&mut app, &|n| format!("b{n}@own.example"), &anywhere), 50);
    // One mailbox at a provider.
    let anywhere = |n: u32| format!("11.{}.{}.1", n / 250, n % 250);
    assert_eq!(made(&mut app, &|n| format!("c.d+{n}@gmail.com"), &anywhere), 3);
    // A person who has an account signs in all the same.
    assert!(!signs_up(&mut app, "b600@own.example", "12.0.0.1"));
    let request = app.visit(Method::POST, "/auth/request").header("cf-connecting-ip", "12.0.1.1");
    app.send(request, json!({ "email": "b0@own.example" }).to_string());
    let body = json!({ "token": app.mailed_token() });
    let request = app.visit(Method::POST, "/auth/verify");
    assert_eq!(app.send(request, body.to_string()).status, StatusCode::OK);
    // The next day there is room again.
    app.clock.pass_ms(86_400_001);
    assert!(signs_up(&mut app, "b700@own.example", "203.0.113.9"));
}
