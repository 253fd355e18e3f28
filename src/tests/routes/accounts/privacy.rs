//! Export, deletion and the audit log from the outside.

use crate::domain::run::finished::FinishedRun;
use crate::domain::run::id::RunId;
use crate::domain::usage_log::name::{LogId, LogName};
use crate::ports::UsageLogs;
use crate::tests::app::{TestApp, key, secret};
use ::http::{Method, StatusCode};
use serde_json::{Value, json};
use std::rc::Rc;

/// A user with a project, in which a run was made for each of these end users.
fn own(app: &mut TestApp, end_users: &[&str]) -> (String, String, String) {
    let cookie = app.sign_in("ada@example.com");
    let created = app.call(&cookie, Method::POST, "/api/projects", json!({ "name": "Shop" })).json();
    let project = created["id"].as_str().unwrap().to_owned();
    let created = app.call(&cookie, Method::POST, &format!("/api/projects/{project}/keys"), json!({})).json();
    let key = created["key"].as_str().unwrap().to_owned();
    for end_user in end_users {
        app.clock.pass_ms(1);
        let request = ::http::Request::builder()
            .method(Method::POST)
            .uri("/api/run")
            .header("authorization", format!("Bearer {key}"));
        let body = json!({ "code": "print(1)", "lang": "python", "userContext": { "id": end_user } });
        assert_eq!(app.send(request, body.to_string()).status, StatusCode::OK);
    }
    (cookie, project, key)
}

#[test]
fn one_end_user_is_exported_and_forgotten() {
    let mut app = TestApp::new();
    let (cookie, project, _) = own(&mut app, &["u/1 é", "u2", "u/1 é"]);
    let path = format!("/api/projects/{project}/end-users?id=u%2F1+%C3%A9");
    let page = app.call(&cookie, Method::GET, &format!("{path}&limit=1"), Value::Null).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = app.call(&cookie, Method::GET, &format!("{path}&cursor={cursor}"), Value::Null).json();
    assert_eq!(page["history"][0]["user_context"]["id"], "u/1 é");
    assert_eq!((rest["history"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &Value::Null));

    let done = app.call(&cookie, Method::DELETE, &path, Value::Null).json();
    assert_eq!(done, json!({ "deleted_runs": 2, "complete": true }));
    assert_eq!(app.call(&cookie, Method::GET, &path, Value::Null).json()["history"], json!([]));
    assert_eq!(app.recorded().len(), 1, "the results went, too");
    let usage = app.call(&cookie, Method::GET, &format!("/api/projects/{project}/usage"), Value::Null).json();
    let end_users = usage["end_users"].as_array().unwrap();
    assert_eq!((end_users.len(), &end_users[0]["id"]), (1, &json!("u2")));
    assert_eq!(
        app.sql.texts("SELECT json_array_length(runs) || '' FROM usage_recent"),
        ["1"],
        "the copy names no other"
    );
    assert_eq!(usage["total_runs"], 3, "counts name nobody");
    let nameless = app.call(&cookie, Method::DELETE, &format!("/api/projects/{project}/end-users"), Value::Null);
    assert_eq!((nameless.status.as_u16(), &nameless.json()["errors"][0]["field"]), (400, &json!("id")));
}

#[test]
fn an_account_is_exported_and_forgotten() {
    let mut app = TestApp::new();
    let (cookie, project, key) = own(&mut app, &["u1"]);
    let made = app.call(&cookie, Method::POST, "/api/v1/sandboxes", json!({ "project_id": project, "name": "box" }));
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let path = format!("/api/projects/{project}/judges");
    let judge = json!({ "name": "Sums", "tests": [{ "expected": "hidden" }] });
    assert_eq!(app.call(&cookie, Method::POST, &path, judge).status, StatusCode::CREATED);
    let path = format!("/api/projects/{project}/webhook-secret");
    let webhook_secret = app.call(&cookie, Method::POST, &path, Value::Null).json()["secret"].clone();
    let export = app.call(&cookie, Method::GET, "/auth/export", Value::Null);
    assert!(!export.text().contains(webhook_secret.as_str().unwrap()));
    assert!(!export.text().contains(&key) && !export.text().contains(&cookie["docle_session=".len()..]));
    let export = export.json();
    assert_eq!(export["account"]["email"], "ada@example.com");
    assert_eq!(export["projects"][0]["project"]["id"], project.as_str());
    assert_eq!(export["projects"][0]["apiKeys"][0]["key_prefix"], &key[..12]);
    assert_eq!(export["projects"][0]["sandboxes"][0]["name"], "box");
    assert_eq!(
        (&export["projects"][0]["judges"][0]["name"], export.to_string().contains("hidden")),
        (&json!("Sums"), false)
    );
    assert_eq!((export["sessions"].as_array().unwrap().len(), export["events"].as_array().unwrap().len()), (1, 4));
    let typed: docle_api::accounts::AccountExport = serde_json::from_value(export).unwrap();
    assert_eq!((typed.projects[0].history.len(), typed.projects[0].next_cursor.as_deref()), (1, None));

    let gone = app.call(&cookie, Method::DELETE, "/auth/me", Value::Null);
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert!(gone.header("set-cookie").starts_with("docle_session=;"));
    assert_eq!(app.call(&cookie, Method::GET, "/auth/me", Value::Null).status, StatusCode::UNAUTHORIZED);
    futures::executor::block_on(crate::app::purge::purge(&app.app));
    for table in [
        "users",
        "sessions",
        "login_links",
        "audit_events",
        "usage_hours",
        "usage_recent",
        "usage_orphans",
        "sandboxes",
        "judges",
        "sandbox_orphans",
        "webhook_secrets",
    ] {
        assert!(app.sql.dump(table).is_empty(), "{table}");
    }
    assert!(app.recorded().is_empty() && app.logs.are_empty());
    assert!(!app.sql.texts("SELECT subject FROM attempts").iter().any(|subject| subject.contains("ada")));
    app.sign_in("ada@example.com");
}

#[test]
fn an_export_held_the_whole_account_in_memory() {
    let mut app = TestApp::new();
    let (cookie, project, _) = own(&mut app, &[]);
    let log = app.sql.texts(&format!("SELECT log_id FROM projects WHERE id = '{project}'")).remove(0);
    let log = LogName::of_project(LogId::parse(&log).unwrap());
    let run = |number: u32| {
        let mut bytes = [0; 16];
        bytes[8..12].copy_from_slice(&number.to_be_bytes());
        let id = RunId::in_log(log, bytes, &secret());
        let usage = json!({
            "runId": id, "projectId": project, "keyId": "key", "createdAt": number, "tier": "run", "language": "python",
            "snippet": "x", "status": "success", "exitCode": 0, "durationMs": 1, "endUserId": format!("u{number}"),
            "userContext": { "id": format!("u{number}") }, "ip": null,
        });
        FinishedRun { id, usage: usage.to_string(), record: Some("{}".to_owned()) }
    };
    let (logs, all) = (Rc::clone(&app.logs), (0..250).map(run).collect::<Vec<_>>());
    app.pool.run_until(async move { logs.submit_all(log, &all).await }).unwrap();
    for number in 0..250 {
        app.sql.run(&format!(
            "INSERT INTO audit_events (id, user_id, action, subject, at) SELECT 'evt_{number}', id, 'signed_in', 's', {number} FROM users"
        ));
    }
    let request = app.visit(Method::GET, "/auth/export").header("cookie", &cookie);
    let chunks = app.chunks_of(request);
    let largest = chunks.iter().map(Vec::len).max().unwrap();
    let whole: Value = serde_json::from_slice(&chunks.concat()).unwrap();
    assert_eq!(whole["events"].as_array().unwrap().len(), 253);
    let history = whole["projects"][0]["history"].as_array().unwrap();
    assert_eq!((history.len(), &history[249]["user_context"]["id"]), (250, &json!("u0")));
    assert!(largest < chunks.concat().len() / 2, "{largest}");
}

#[test]
fn an_export_that_failed_half_way_is_no_json() {
    let mut app = TestApp::new();
    let (cookie, ..) = own(&mut app, &[]);
    app.logs.fails.set(true);
    let request = app.visit(Method::GET, "/auth/export").header("cookie", &cookie);
    let text = app.chunks_of(request).concat();
    assert!(text.starts_with(b"{\"account\"") && serde_json::from_slice::<Value>(&text).is_err());
}

#[test]
fn what_was_done_is_told_with_who_when_and_from_where() {
    let mut app = TestApp::new();
    let (cookie, project, _) = own(&mut app, &[]);
    let request = app
        .visit(Method::PATCH, &format!("/api/projects/{project}"))
        .header("cookie", &cookie)
        .header("cf-connecting-ip", "2001:db8::1");
    app.send(request, r#"{"name":"x"}"#);
    let request = app
        .visit(Method::POST, &format!("/api/projects/{project}/keys"))
        .header("cookie", &cookie)
        .header("user-agent", "a".repeat(300))
        .header("cf-connecting-ip", "2001:db8::1");
    app.clock.pass_ms(1);
    app.send(request, "{}");
    let page = app.call(&cookie, Method::GET, &format!("/api/projects/{project}/audit?limit=1"), Value::Null).json();
    let event = &page["events"][0];
    assert_eq!((&event["action"], &event["ip_address"]), (&json!("key_created"), &json!("2001:db8::1")));
    assert_eq!(event["user_agent"].as_str().unwrap().len(), 200);
    assert_eq!(event["created_at"], "1970-01-01T00:00:00.001Z");
    let all = app.call(&cookie, Method::GET, "/auth/audit", Value::Null).json();
    let actions: Vec<_> =
        all["events"].as_array().unwrap().iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert_eq!((actions.len(), actions[0]), (4, "key_created"));
}

#[test]
fn a_result_is_read_by_whom_the_project_lets() {
    let mut app = TestApp::new();
    let (cookie, project, own_key) = own(&mut app, &["u"]);
    let stranger = app.sign_in("eve@example.com");
    let run = app.recorded().remove(0);
    let path = format!("/api/run/{run}");
    let other_key = key(2).reveal().to_owned();
    // The status for a reader, and whether the input is there.
    let read = |app: &mut TestApp, name: &'static str, value: &str| {
        let answer = app.send(app.visit(Method::GET, &path).header(name, value), "");
        (answer.status.as_u16(), answer.status == StatusCode::OK && answer.json()["input"]["code"] == "print(1)")
    };
    let bearer = |key: &str| format!("Bearer {key}");
    for (private, others) in [(false, (200, false)), (true, (404, false)), (false, (200, false))] {
        let settings = json!({ "privateResults": private });
        let changed = app.call(&cookie, Method::PATCH, &format!("/api/projects/{project}"), settings).json();
        assert_eq!(changed["private_results"], private);
        assert_eq!(read(&mut app, "authorization", &bearer(&own_key)), (200, true));
        assert_eq!(read(&mut app, "cookie", &cookie), (200, true));
        assert_eq!(read(&mut app, "authorization", &bearer(&other_key)), others);
        assert_eq!(read(&mut app, "cookie", &stranger), others);
        assert_eq!(read(&mut app, "cookie", "docle_session=0"), others);
        assert_eq!(read(&mut app, "x-nothing", ""), others);
    }
    app.call(&cookie, Method::DELETE, &format!("/api/projects/{project}"), Value::Null);
    assert_eq!(read(&mut app, "x-nothing", ""), (404, false), "results of a project that is gone are not read, either");
}

#[test]
fn an_account_is_exported_with_its_runs() {
    let mut app = TestApp::new();
    let (cookie, ..) = own(&mut app, &["u1", "u2"]);
    let export = app.call(&cookie, Method::GET, "/auth/export", Value::Null).json();
    let runs = export["projects"][0]["history"].as_array().unwrap();
    assert_eq!(
        (runs.len(), &runs[0]["user_context"]["id"], &runs[0]["code_snippet"]),
        (2, &json!("u2"), &json!("print(1)"))
    );
    assert_eq!(export["projects"][0]["next_cursor"], Value::Null);
}
