//! Detached runs from the outside: who starts one, who sees it, and who lists which runs.

use crate::domain::run::draft::{Asked, RunDraft};
use crate::domain::run::id::RunId;
use crate::domain::run::phase::Phase;
use crate::domain::run::record::Owner;
use crate::domain::run::request::parse;
use crate::domain::timestamp::Timestamp;
use crate::domain::usage_log::name::{LogId, LogName};
use crate::objects::run_pool::in_flight::InFlightRun;
use crate::objects::run_pool::partial_output::PartialOutput;
use crate::ports::PoolFailureCode;
use crate::tests::app::{Answer, TestApp, key, print_one, secret};
use crate::tests::fake_run_pools::Script;
use ::http::Method;
use docle_protocol::{Stage, Stream};
use serde_json::{Value, json};

fn problem(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

fn detached() -> Value {
    let mut body = print_one();
    body["detach"] = json!(true);
    body
}

fn token(app: &mut TestApp) -> String {
    let answer = app.send(app.request(Method::POST, "/api/tokens").header("content-type", "application/json"), "{}");
    answer.json()["token"].as_str().unwrap().to_owned()
}

fn get(app: &mut TestApp, credentials: Option<&str>, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = app.visit(Method::GET, path);
    if let Some(credentials) = credentials {
        request = request.header("authorization", format!("Bearer {credentials}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.send(request, "")
}

/// A run of `proj_1` that goes on until the value is dropped.
fn in_flight(app: &TestApp, token: Option<&str>) -> (RunId, InFlightRun) {
    let log_id = LogId::parse("0000000001").unwrap();
    let id = RunId::in_log(LogName::of_project(log_id), [7; 16], &secret());
    let owner = Owner { project_id: "proj_1".into(), log_id, key_id: "key_1".into() };
    let asked = Asked {
        id,
        created_at: Timestamp(0),
        owner,
        ip: None,
        token: token.map(str::to_owned),
        base_url: String::new(),
    };
    let (draft, _) = RunDraft::new(asked, &parse(print_one(), id, 300_000).unwrap());
    (id, app.run_pools.in_flight.begin(&draft, PartialOutput::with_output()))
}

#[test]
fn a_detached_call_answers_with_the_place_of_its_run_which_is_recorded() {
    let mut app = TestApp::new();
    let answer = app.run(&detached());
    let run = answer.json();
    let id = run["id"].as_str().unwrap();
    assert_eq!((answer.status.as_u16(), answer.header("location")), (202, format!("/api/run/{id}").as_str()));
    assert_eq!((answer.header("x-docle-run-id"), answer.header("x-ratelimit-limit")), (id, "60"));
    assert_eq!(run, json!({ "id": id, "status": "queued", "createdAt": run["createdAt"] }));
    assert_eq!((&app.record()["result"]["stdout"], &app.record()["result"]["id"]), (&json!("1\n"), &json!(id)));
    assert!(!answer.text().contains("secret") && !app.record().to_string().contains("secret"));
    let waits = app.run(&print_one());
    assert_eq!(waits.header("x-docle-run-id"), waits.json()["id"]);
}

#[test]
fn what_cannot_be_detached_is_refused_with_its_field() {
    let mut app = TestApp::new();
    let stream = app.stream(&detached());
    let mut inline = detached();
    inline["artifacts"] = json!(["*.png"]);
    inline["artifactsInline"] = json!(true);
    let inline = app.run(&inline);
    let script = app.run(&json!({ "tier": "isolate", "lang": "javascript", "code": "1", "detach": true }));
    let wrong = app.run(&json!({ "lang": "python", "code": "1", "detach": "yes" }));
    for (answer, field) in [(stream, "detach"), (inline, "artifactsInline"), (script, "detach"), (wrong, "detach")] {
        assert_eq!((answer.status.as_u16(), &answer.json()["errors"][0]["field"]), (400, &json!(field)));
    }
    assert!(app.run_pools.jobs.borrow().is_empty());
}

#[test]
fn a_run_whose_call_to_the_pool_was_lost_is_named_in_the_error() {
    let mut app = TestApp::new();
    app.script(Script::Refuse(PoolFailureCode::Lost.with_message("gone")));
    let answer = app.run(&detached());
    assert_eq!(problem(&answer), (503, "runner_unavailable".into()));
    assert!(answer.json()["detail"].as_str().unwrap().contains("GET /api/run/"), "{}", answer.text());
    app.script(Script::Refuse(PoolFailureCode::QueueFull.with_message("full")));
    assert_eq!(problem(&app.run(&detached())), (429, "queue_full".into()));
}

#[test]
fn a_publishable_key_and_its_tokens_detach_nothing_and_list_nothing() {
    let mut app = TestApp::new();
    let cookie = app.sign_in("ada@example.com");
    let project = app.call(&cookie, Method::POST, "/api/projects", json!({ "name": "Shop" })).json()["id"].clone();
    let settings = json!({ "type": "publishable", "allowedDomains": ["app.example.com"] });
    let path = format!("/api/projects/{}/keys", project.as_str().unwrap());
    let key = app.call(&cookie, Method::POST, &path, settings).json()["key"].as_str().unwrap().to_owned();
    let page = ("origin", "https://app.example.com");
    let request = app.visit(Method::POST, "/api/run").header("authorization", format!("Bearer {key}"));
    let answer = app.send(request.header(page.0, page.1), detached().to_string());
    assert_eq!(problem(&answer), (403, "token_not_enough".into()));
    assert!(answer.json()["detail"].as_str().unwrap().contains("detached"), "{}", answer.text());
    assert_eq!(problem(&get(&mut app, Some(&key), "/api/runs", &[page])), (403, "token_not_enough".into()));
    assert!(app.run_pools.jobs.borrow().is_empty());
    let token = token(&mut app);
    let request = app.visit(Method::POST, "/api/run").header("authorization", format!("Bearer {token}"));
    assert_eq!(app.send(request, detached().to_string()).status.as_u16(), 202, "that of a secret key may");
}

#[test]
fn the_state_of_a_run_is_as_private_as_its_result() {
    let mut app = TestApp::new();
    let (id, run) = in_flight(&app, None);
    let path = format!("/api/run/{id}");
    let [own, other] = [1, 2].map(|of| key(of).reveal().to_owned());
    let stranger = token(&mut app);
    let state = json!({ "id": id, "status": "queued", "createdAt": "1970-01-01T00:00:00.000Z" });
    for reader in [None, Some(&own), Some(&other), Some(&stranger)] {
        assert_eq!(get(&mut app, reader.map(String::as_str), &path, &[]).json(), state);
    }
    app.sql.run("UPDATE projects SET private_results = 1");
    assert_eq!(get(&mut app, Some(&own), &path, &[]).json(), state);
    let made_up = "/api/run/550e8400-e29b-41d4-a716-446655440000";
    for reader in [None, Some(&other), Some(&stranger)] {
        let reader = reader.map(String::as_str);
        let [hidden, unknown] = [path.as_str(), made_up].map(|path| get(&mut app, reader, path, &[]));
        let without_ids = |answer: &Answer| (answer.status, answer.json()["detail"].clone());
        assert_eq!(without_ids(&hidden), without_ids(&unknown));
        let stream = get(&mut app, reader, &path, &[("accept", "text/event-stream")]);
        assert_eq!(problem(&stream), (404, "run_not_found".into()));
    }
    run.partial_output.enter(Stage::Install);
    run.partial_output.push(Stream::Stderr, "so far\n");
    let state = get(&mut app, Some(&own), &path, &[]).json();
    let output = json!({ "stdout": "", "stderr": "so far\n", "stdoutOmittedBytes": 0, "stderrOmittedBytes": 0 });
    assert_eq!((&state["status"], &state["output"]), (&json!("installing"), &output));
    drop(run);
    assert_eq!(problem(&get(&mut app, Some(&own), &path, &[])), (404, "run_not_found".into()));
}

#[test]
fn a_run_that_has_ended_is_replayed_after_the_last_event_that_a_client_has() {
    let mut app = TestApp::new();
    let id = app.run(&print_one()).json()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/run/{id}");
    let mut follow = |last: Option<&str>| {
        let mut headers = vec![("accept", "text/event-stream")];
        headers.extend(last.map(|last| ("last-event-id", last)));
        get(&mut app, None, &path, &headers)
    };
    let ids = |answer: &Answer| -> Vec<String> {
        answer.text().lines().filter_map(|line| Some(line.strip_prefix("id: ")?.to_owned())).collect()
    };
    assert_eq!(ids(&follow(None)), ["0-0", "2-0", "2-0-end"]);
    let rest = follow(Some("1-0"));
    assert_eq!(ids(&rest), ["2-0", "2-0-end"]);
    assert!(rest.text().contains(r#""data":"\n""#) && rest.text().contains(r#""stdout":"1\n""#), "{}", rest.text());
    assert_eq!(ids(&follow(Some("2-0"))), ["2-0-end"]);
    assert_eq!(ids(&follow(Some("99-99"))), ["2-0-end"], "an id from nowhere repeats nothing");
    assert_eq!(follow(Some("2-0-end")).status.as_u16(), 204);
    for wrong in ["x", "2", "-1-0"] {
        let answer = follow(Some(wrong));
        assert_eq!((answer.status.as_u16(), &answer.json()["errors"][0]["field"]), (400, &json!("Last-Event-ID")));
    }
}

#[test]
fn a_script_that_has_ended_is_replayed_too() {
    let mut app = TestApp::new();
    let script = json!({ "tier": "isolate", "lang": "javascript", "code": "return 1" });
    let answer = app.run(&script);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let replay = get(&mut app, None, &format!("/api/run/{id}"), &[("accept", "text/event-stream")]);
    assert_eq!(replay.status.as_u16(), 200);
    assert!(replay.text().contains("event: complete") && replay.text().contains(&id), "{}", replay.text());
}

#[test]
fn a_key_lists_the_runs_of_its_project_and_a_token_its_own() {
    let mut app = TestApp::new();
    let [own, other] = [1, 2].map(|of| key(of).reveal().to_owned());
    let [first, second] = [token(&mut app), token(&mut app)];
    let mut ids = Vec::new();
    for (credentials, lang, user) in [(&own, "python", "ada"), (&first, "node", "ada"), (&own, "python", "bob")] {
        let body = json!({ "code": "1", "lang": lang, "userContext": { "id": user } });
        let request = app.visit(Method::POST, "/api/run").header("authorization", format!("Bearer {credentials}"));
        app.clock.pass_ms(10);
        ids.push(app.send(request, body.to_string()).json()["id"].as_str().unwrap().to_owned());
    }
    let [a, b, c] = &ids[..] else { panic!("three runs") };
    let mut list = |credentials: &str, query: &str| -> (Vec<String>, Value) {
        let answer = get(&mut app, Some(credentials), &format!("/api/runs{query}"), &[]);
        assert_eq!(answer.status.as_u16(), 200, "{query} {}", answer.text());
        let page = answer.json();
        let runs = page["history"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned());
        (runs.collect(), page["next_cursor"].clone())
    };
    let created = |app: &TestApp, id: &str| {
        let record: Value = serde_json::from_str(&app.logs.records()[id]).unwrap();
        record["createdAt"].as_str().unwrap().to_owned()
    };
    for (query, expected) in [
        ("", vec![c, b, a]),
        ("?status=success", vec![c, b, a]),
        ("?status=timeout", vec![]),
        ("?language=nodejs", vec![b]),
        ("?user=ada", vec![b, a]),
        ("?user=ada&language=py", vec![a]),
        ("?to=0", vec![]),
        ("?from=0", vec![c, b, a]),
        ("?from=2026-01-31T12:00:00Z", vec![]),
    ] {
        assert_eq!(list(&own, query).0, expected.into_iter().cloned().collect::<Vec<_>>(), "{query}");
    }
    assert_eq!((list(&first, "").0, list(&first, "?language=python").0), (vec![b.clone()], vec![]));
    assert_eq!((list(&second, "").0, list(&other, "").0), (vec![], vec![]));
    let (page, next) = list(&own, "?limit=2");
    let (rest, end) = list(&own, &format!("?limit=2&cursor={}", next.as_str().unwrap()));
    assert_eq!(([page, rest].concat(), end), (vec![c.clone(), b.clone(), a.clone()], Value::Null));
    let (from, to) = (created(&app, b), created(&app, c));
    let answer = get(&mut app, Some(&own), &format!("/api/runs?from={from}&to={to}"), &[]);
    assert_eq!(answer.json()["history"][0]["id"], *b);
    assert_eq!(answer.json()["history"].as_array().unwrap().len(), 1);
    for (query, field) in [
        ("?status=waiting", "status"),
        ("?language=cobol", "language"),
        ("?user=", "user"),
        ("?from=yesterday", "from"),
        ("?to=-1", "to"),
        ("?limit=101", "limit"),
        ("?cursor=x", "cursor"),
    ] {
        let answer = get(&mut app, Some(&own), &format!("/api/runs{query}"), &[]);
        assert_eq!((answer.status.as_u16(), &answer.json()["errors"][0]["field"]), (400, &json!(field)), "{query}");
    }
    assert_eq!(problem(&get(&mut app, None, "/api/runs", &[])), (401, "api_key_required".into()));
}

#[test]
fn runs_that_have_not_ended_were_missing_in_the_list() {
    let mut app = TestApp::new();
    let [own, other] = [1, 2].map(|of| key(of).reveal().to_owned());
    app.clock.pass_ms(10);
    let ended = app.run(&print_one()).json()["id"].clone();
    let (id, run) = in_flight(&app, Some("tok_1"));
    let list = |app: &mut TestApp, key: &str, query: &str| {
        let answer = get(app, Some(key), &format!("/api/runs{query}"), &[]);
        assert_eq!(answer.status.as_u16(), 200, "{query} {}", answer.text());
        answer.json()
    };
    let page = list(&mut app, &own, "");
    let expected = json!([{
        "id": id.to_string(),
        "language": "python",
        "code_snippet": "print(1)",
        "status": "queued",
        "created_at": "1970-01-01T00:00:00.000Z",
        "api_key_id": "key_1",
        "user_context": null,
    }]);
    assert_eq!((&page["pending"], &page["history"][0]["id"]), (&expected, &ended));
    run.partial_output.reach(Phase::Running);
    for (query, pending, history) in [
        ("?status=running", 1, 0),
        ("?status=queued", 0, 0),
        ("?status=success", 0, 1),
        ("?language=node", 0, 0),
        ("?language=python", 1, 1),
        ("?user=ada", 0, 0),
        ("?key=key_1", 1, 1),
        ("?key=key_2", 0, 0),
        ("?from=1", 0, 1),
        ("?to=1", 1, 0),
        ("?to=0", 0, 0),
    ] {
        let page = list(&mut app, &own, query);
        let found = ["pending", "history"].map(|part| page[part].as_array().unwrap().len());
        assert_eq!(found, [pending, history], "{query}");
    }
    let stranger = token(&mut app);
    assert_eq!(list(&mut app, &stranger, "")["pending"], json!([]));
    assert_eq!(list(&mut app, &other, "")["history"], json!([]));

    app.run_pools.lists_nothing.set(true);
    let page = list(&mut app, &own, "");
    assert_eq!((&page["pending"], &page["history"][0]["id"]), (&Value::Null, &ended));
    app.run_pools.lists_nothing.set(false);
    drop(run);
    assert_eq!(list(&mut app, &own, "")["pending"], json!([]));
}

#[test]
fn a_session_lists_the_runs_of_one_of_its_projects_and_of_no_other() {
    let mut app = TestApp::new();
    let [owner, stranger] = ["ada@example.com", "bob@example.com"].map(|email| app.sign_in(email));
    let project = app.call(&owner, Method::POST, "/api/projects", json!({ "name": "Lessons" })).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let keys = format!("/api/projects/{project}/keys");
    let made = [(); 2].map(|()| app.call(&owner, Method::POST, &keys, json!({})).json());
    let [first, second] = [0, 1].map(|at| {
        let (key, id) = (made[at]["key"].as_str().unwrap(), made[at]["id"].as_str().unwrap());
        let run = app.visit(Method::POST, "/api/run").header("authorization", format!("Bearer {key}"));
        let code = if at == 0 { "1" } else { "2" };
        app.clock.pass_ms(10);
        let run = app.send(run, json!({ "code": code, "lang": "python" }).to_string());
        (id.to_owned(), run.json()["id"].as_str().unwrap().to_owned(), key.to_owned())
    });
    let list = |app: &mut TestApp, cookie: &str, query: &str| -> Vec<String> {
        let answer = app.call(cookie, Method::GET, &format!("/api/runs?project={project}{query}"), Value::Null);
        assert_eq!(answer.status.as_u16(), 200, "{query} {}", answer.text());
        let page = answer.json();
        page["history"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(list(&mut app, &owner, ""), [second.1.clone(), first.1.clone()]);
    assert_eq!(list(&mut app, &owner, &format!("&key={}", first.0)), std::slice::from_ref(&first.1));
    assert_eq!(list(&mut app, &owner, "&key=key_0"), Vec::<String>::new());

    let path = format!("/api/runs?project={project}");
    assert_eq!(problem(&app.call(&stranger, Method::GET, &path, Value::Null)), (404, "project_not_found".into()));
    let none = app.call(&owner, Method::GET, "/api/runs", Value::Null);
    assert_eq!((none.status.as_u16(), &none.json()["errors"][0]["field"]), (400, &json!("project")));
    let wrong = app.call(&owner, Method::GET, &format!("{path}&key=sk_live_1"), Value::Null);
    assert_eq!((wrong.status.as_u16(), &wrong.json()["errors"][0]["field"]), (400, &json!("key")));
    let stranger = get(&mut app, None, "/api/runs?status=queued", &[]);
    assert_eq!(problem(&stranger), (401, "api_key_required".into()), "who asks is known before what for");
    // A key names no project but its own.
    assert_eq!(get(&mut app, Some(&first.2), &path, &[]).status.as_u16(), 200);
    let other = get(&mut app, Some(&first.2), "/api/runs?project=proj_of_somebody", &[]);
    assert_eq!(problem(&other), (404, "project_not_found".into()));
}
