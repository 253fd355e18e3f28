//! Sandboxes over HTTP: make, use, share with nobody, delete.

use crate::app::purge::purge;
use crate::domain::key::api_key::PUBLISHABLE_PREFIX;
use crate::tests::app::{Answer, TestApp, key};
use ::http::{Method, StatusCode};
use docle_api::limits::MAX_SANDBOXES_PER_PROJECT;
use serde_json::{Value, json};

const SANDBOXES: &str = "/api/v1/sandboxes";

/// A call with a key.
fn call_as(test: &mut TestApp, key: &str, method: Method, path: &str, body: Value) -> Answer {
    let request = test.visit(method, path).header("authorization", format!("Bearer {key}"));
    test.send(request, if body.is_null() { String::new() } else { body.to_string() })
}

fn call(test: &mut TestApp, method: Method, path: &str, body: Value) -> Answer {
    call_as(test, key(1).reveal(), method, path, body)
}

fn create(test: &mut TestApp, body: Value) -> Value {
    let answer = call(test, Method::POST, SANDBOXES, body);
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    answer.json()
}

/// The path of a new sandbox of `proj_1`.
fn new_sandbox(test: &mut TestApp) -> String {
    let made = create(test, json!({}));
    format!("{SANDBOXES}/{}", made["id"].as_str().unwrap())
}

fn exec(test: &mut TestApp, sandbox: &str, command: &str) -> Value {
    let answer = call(test, Method::POST, &format!("{sandbox}/exec"), json!({ "command": command }));
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

#[test]
fn a_sandbox_is_made_used_changed_and_deleted() {
    let mut test = TestApp::new();
    let made = create(
        &mut test,
        json!({ "name": "My Python Sandbox", "language": "python", "description": "Testing AI scripts", "env": { "A": "s" } }),
    );
    assert_eq!(
        (&made["name"], &made["project_id"], &made["language"]),
        (&json!("My Python Sandbox"), &json!("proj_1"), &json!("python"))
    );
    assert_eq!((&made["env_names"], &made["status"]), (&json!(["A"]), &json!("creating")));
    let path = format!("{SANDBOXES}/{}", made["id"].as_str().unwrap());
    assert_eq!(call(&mut test, Method::GET, &path, Value::Null).json()["status"], "running");

    let result = exec(&mut test, &path, "echo");
    let expected = json!({ "exitCode": 0, "stdout": "echo\n", "stderr": "", "success": true, "command": "echo", "timedOut": false });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&result[name], value, "{name}");
    }
    let changed = call(&mut test, Method::PATCH, &path, json!({ "name": "B", "runtime_config": { "sleepAfter": 30 } }));
    assert_eq!((&changed.json()["name"], &changed.json()["description"]), (&json!("B"), &json!("Testing AI scripts")));
    assert_eq!(changed.json()["runtime_config"]["sleepAfter"], 30);

    let listed = call(&mut test, Method::GET, &format!("{SANDBOXES}/"), Value::Null).json();
    assert_eq!((listed["sandboxes"].as_array().unwrap().len(), &listed["sandboxes"][0]["name"]), (1, &json!("B")));
    assert_eq!(call(&mut test, Method::DELETE, &path, Value::Null).status, StatusCode::NO_CONTENT);
    for (method, path) in [(Method::GET, path.clone()), (Method::DELETE, path)] {
        let gone = call(&mut test, method, &path, Value::Null);
        assert_eq!((gone.status, gone.json()["code"].clone()), (StatusCode::NOT_FOUND, json!("sandbox_not_found")));
    }
    assert_eq!((test.sandboxes.stored(), test.sandboxes.hosts.count()), (0, 0));
    assert!(test.sql.dump("sandboxes").is_empty());
}

#[test]
fn a_key_of_ones_own_stands_for_the_id() {
    let mut test = TestApp::new();
    let made = create(&mut test, json!({ "key": "my-sandbox" }));
    let again = call(&mut test, Method::POST, SANDBOXES, json!({ "key": "my-sandbox", "name": "other" }));
    assert_eq!((again.status, &again.json()["id"]), (StatusCode::OK, &made["id"]));
    for path in ["key:my-sandbox", "key%3Amy-sandbox"] {
        let path = format!("{SANDBOXES}/{path}");
        assert_eq!(exec(&mut test, &path, "echo")["stdout"], "echo\n");
    }
    let other = call_as(&mut test, key(2).reveal(), Method::GET, &format!("{SANDBOXES}/key:my-sandbox"), Value::Null);
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}

/// Every call of one sandbox.
fn every_call(path: &str) -> Vec<(Method, String, Value)> {
    let of = |method: Method, rest: &str, body: Value| (method, format!("{path}{rest}"), body);
    vec![
        of(Method::GET, "", Value::Null),
        of(Method::PATCH, "", json!({})),
        of(Method::DELETE, "", Value::Null),
        of(Method::POST, "/exec", json!({ "command": "echo" })),
        of(Method::POST, "/execute", json!({ "file_path": "a.py" })),
        of(Method::GET, "/executions", Value::Null),
        of(Method::POST, "/sleep", Value::Null),
        of(Method::POST, "/wake", Value::Null),
        of(Method::GET, "/files", Value::Null),
        of(Method::POST, "/files", json!({ "operation": "read", "file_path": "a" })),
        of(Method::DELETE, "/files?path=a", Value::Null),
        of(Method::GET, "/files/content?path=a", Value::Null),
        of(Method::PUT, "/files/content?path=a", json!("x")),
        of(Method::POST, "/files/mkdir", json!({ "path": "a" })),
        of(Method::POST, "/files/move", json!({ "from": "a", "to": "b" })),
        of(Method::POST, "/files/copy", json!({ "from": "a", "to": "b" })),
        of(Method::POST, "/files/chmod", json!({ "path": "a", "mode": "755" })),
    ]
}

#[test]
fn strangers_learn_nothing_and_change_nothing() {
    let mut test = TestApp::new();
    let path = new_sandbox(&mut test);
    let eve = test.sign_in("eve@example.com");
    let before = test.sql.dump("sandboxes");
    let made_up = format!("{SANDBOXES}/sbx_{}", "a".repeat(26));
    for (own, foreign) in every_call(&path).into_iter().zip(every_call(&made_up)) {
        let (method, path, body) = own;
        let other = call_as(&mut test, key(2).reveal(), method.clone(), &path, body.clone());
        let none = call(&mut test, method.clone(), &foreign.1, foreign.2);
        assert_eq!(other.status, StatusCode::NOT_FOUND, "{method} {path}: {}", other.text());
        let message = |answer: &Answer| answer.json()["message"].clone();
        assert_eq!((none.status, message(&none)), (StatusCode::NOT_FOUND, message(&other)), "{method} {path}");
        let revoked = call_as(&mut test, key(3).reveal(), method.clone(), &path, body.clone());
        assert_eq!(revoked.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        let own_page = test.visit(method.clone(), &path).header("cookie", &eve).header("origin", "http://localhost");
        let text = if body.is_null() { String::new() } else { body.to_string() };
        assert_eq!(test.send(own_page, text.clone()).status, StatusCode::NOT_FOUND, "{method} {path}");
        let nobody = test.visit(method.clone(), &path);
        assert_eq!(test.send(nobody, text).status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    assert!(test.sandboxes.hosts.executed.borrow().is_empty());
    assert_eq!(test.sql.dump("sandboxes"), before);
}

#[test]
fn tokens_and_publishable_keys_are_refused_with_a_sentence() {
    let mut test = TestApp::new();
    let request = test.request(Method::POST, "/api/tokens").header("content-type", "application/json");
    let token = test.send(request, "{}".to_owned()).json()["token"].as_str().unwrap().to_owned();
    let path = new_sandbox(&mut test);
    for (method, path, body) in every_call(&path) {
        let refused = call_as(&mut test, &token, method.clone(), &path, body);
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{method} {path}");
        assert_eq!(refused.json()["code"], "token_not_enough");
    }
    let publishable = crate::domain::key::api_key::ApiKey::from_random(
        crate::domain::key::api_key::Kind::Publishable,
        [9; 20],
        &crate::tests::app::secret(),
    );
    assert!(publishable.reveal().starts_with(PUBLISHABLE_PREFIX));
    let refused = call_as(&mut test, publishable.reveal(), Method::POST, SANDBOXES, json!({}));
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
}

#[test]
fn the_owner_uses_sandboxes_with_a_session_and_names_the_project() {
    let mut test = TestApp::new();
    let cookie = test.sign_in("ada@example.com");
    let project = test.call(&cookie, Method::POST, "/api/projects", json!({ "name": "p" })).json()["id"].clone();
    let missing = test.call(&cookie, Method::POST, SANDBOXES, json!({}));
    assert_eq!(missing.json()["errors"][0]["field"], "project_id");
    let foreign = test.call(&cookie, Method::POST, SANDBOXES, json!({ "project_id": "proj_1" }));
    assert_eq!(foreign.json()["code"], "project_not_found");
    let made = test.call(&cookie, Method::POST, SANDBOXES, json!({ "project_id": project, "key": "k" }));
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let path = format!("{SANDBOXES}/{id}/exec");
    assert_eq!(test.call(&cookie, Method::POST, &path, json!({ "command": "echo" })).status, StatusCode::OK);
    let project = project.as_str().unwrap();
    let by_key = test.call(&cookie, Method::GET, &format!("{SANDBOXES}/key:k?project_id={project}"), Value::Null);
    assert_eq!(by_key.json()["id"], id.as_str());
    let wrong = call(&mut test, Method::POST, SANDBOXES, json!({ "project_id": project }));
    assert_eq!(wrong.json()["errors"][0]["field"], "project_id", "a key is of one project");
    // The deletion of the project deletes its sandboxes.
    test.call(&cookie, Method::DELETE, &format!("/api/projects/{project}"), Value::Null);
    assert_eq!((test.sandboxes.stored(), test.sandboxes.hosts.count()), (0, 0));
    assert!(test.sql.dump("sandbox_orphans").is_empty());
}

#[test]
fn a_sandbox_that_could_not_be_deleted_with_its_project_is_left_to_its_alarm_and_the_purge() {
    let mut test = TestApp::new();
    let cookie = test.sign_in("ada@example.com");
    let project = test.call(&cookie, Method::POST, "/api/projects", json!({ "name": "p" })).json()["id"].clone();
    test.call(&cookie, Method::POST, SANDBOXES, json!({ "project_id": project }));
    test.sandboxes.hosts.is_away.set(true);
    test.call(&cookie, Method::DELETE, &format!("/api/projects/{}", project.as_str().unwrap()), Value::Null);
    assert_eq!(test.sql.dump("sandbox_orphans").len(), 1);
    test.sandboxes.hosts.is_away.set(false);
    let app = test.app.clone();
    test.pool.run_until(async move { purge(&app).await });
    assert_eq!((test.sandboxes.stored(), test.sql.dump("sandbox_orphans").len()), (0, 0));
}

#[test]
fn the_calls_of_the_seed_work_as_they_are_printed() {
    let mut test = TestApp::new();
    let path = new_sandbox(&mut test);
    let file = json!({ "operation": "create", "file_path": "script.py", "content": "print(\"Hello World\")" });
    let made = call(&mut test, Method::POST, &format!("{path}/files"), file.clone());
    assert_eq!(made.json()["success"], true, "{}", made.text());
    assert_eq!(
        (&made.json()["file"]["path"], &made.json()["file"]["size"]),
        (&json!("/workspace/script.py"), &json!(20))
    );
    let again = call(&mut test, Method::POST, &format!("{path}/files"), file);
    assert_eq!((again.status, again.json()["code"].clone()), (StatusCode::CONFLICT, json!("file_exists")));
    let run =
        call(&mut test, Method::POST, &format!("{path}/execute"), json!({ "file_path": "script.py", "timeout": 30 }));
    let run = run.json();
    assert_eq!(
        (&run["output"], &run["exit_code"], &run["ok"]),
        (&json!("python3 script.py\n"), &json!(0), &json!(true))
    );
    assert_eq!((&run["file_path"], &run["stdout"]), (&json!("script.py"), &run["output"]));
    let missing = call(&mut test, Method::POST, &format!("{path}/execute"), json!({ "file_path": "none.py" }));
    assert_eq!((missing.status, missing.json()["code"].clone()), (StatusCode::NOT_FOUND, json!("file_not_found")));
    let history = call(&mut test, Method::GET, &format!("{path}/executions"), Value::Null).json();
    assert_eq!(history["executions"][0]["file_path"], "script.py");
}

#[test]
fn a_command_that_meets_a_limit_is_a_result() {
    let mut test = TestApp::new();
    let path = new_sandbox(&mut test);
    let result = exec(&mut test, &path, "timeout");
    assert_eq!(
        (&result["timedOut"], &result["exitCode"], &result["stdout"]),
        (&json!(true), &json!(124), &json!("before"))
    );
    let result = exec(&mut test, &path, "memory");
    assert_eq!((&result["status"], &result["success"]), (&json!("memory"), &json!(false)));
}

#[test]
fn the_events_of_a_command_come_one_by_one() {
    let mut test = TestApp::new();
    let path = new_sandbox(&mut test);
    let request = test.request(Method::POST, &format!("{path}/exec"));
    let request = request.header("content-type", "application/json").header("accept", "text/event-stream");
    let answer = test.send(request, json!({ "command": "héllo" }).to_string());
    assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8");
    let text = answer.text();
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(names, ["start", "stdout", "complete"], "{text}");
    assert!(text.contains(r#""data":"héllo\n""#) && text.contains(r#""exitCode":0"#), "{text}");
}

#[test]
fn a_loss_is_told_in_the_result_and_in_a_header() {
    let mut test = TestApp::new();
    let path = new_sandbox(&mut test);
    exec(&mut test, &path, "write a");
    test.sandboxes.hosts.lose();
    let answer = call(&mut test, Method::POST, &format!("{path}/exec"), json!({ "command": "echo" }));
    assert_eq!(answer.json()["restoredFrom"], "1970-01-01T00:00:00.000Z");
    assert_eq!(answer.header("x-docle-restored-from"), "1970-01-01T00:00:00.000Z");
    assert_eq!(exec(&mut test, &path, "echo")["restoredFrom"], Value::Null);
}

#[test]
fn files_are_written_and_read_as_they_are() {
    let mut test = TestApp::new();
    let path = new_sandbox(&mut test);
    let content = format!("{path}/files/content?path=a%20b.bin");
    let request = test.request(Method::PUT, &content);
    let written = test.send_chunks(request, vec![vec![0xff, 0], vec![1, 2]]);
    assert_eq!(written.json()["size"], 4, "{}", written.text());
    let read = call(&mut test, Method::GET, &content, Value::Null);
    assert_eq!(
        (read.body.as_slice(), read.header("content-type")),
        ([0xff, 0, 1, 2].as_slice(), "application/octet-stream")
    );
    let request = test.request(Method::GET, &content).header("range", "bytes=0-1");
    let part = test.send(request, String::new());
    assert_eq!((part.status, part.header("content-range")), (StatusCode::PARTIAL_CONTENT, "bytes 0-1/4"));
    let read = json!({ "operation": "read", "file_path": "a b.bin" });
    let read = call(&mut test, Method::POST, &format!("{path}/files"), read).json();
    assert_eq!((&read["encoding"], &read["content"]), (&json!("base64"), &json!("/wABAg==")));
    let listed = call(&mut test, Method::GET, &format!("{path}/files"), Value::Null).json();
    assert_eq!((&listed["entry"]["type"], &listed["entries"][0]["name"]), (&json!("directory"), &json!("a b.bin")));
    let moved = json!({ "from": "a b.bin", "to": "c" });
    assert_eq!(call(&mut test, Method::POST, &format!("{path}/files/move"), moved).json()["path"], "/workspace/c");
    let gone = call(&mut test, Method::DELETE, &format!("{path}/files?path=c"), Value::Null);
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let gone = call(&mut test, Method::DELETE, &format!("{path}/files?path=c"), Value::Null);
    assert_eq!((gone.status, gone.json()["code"].clone()), (StatusCode::NOT_FOUND, json!("file_not_found")));
    let nothing = call(&mut test, Method::GET, &format!("{path}/files/content"), Value::Null);
    assert_eq!(nothing.json()["errors"][0]["field"], "path");
}

#[test]
fn fifty_sandboxes_work_side_by_side_and_no_more_are_awake() {
    let mut test = TestApp::new();
    let paths: Vec<String> = (0..51).map(|_| new_sandbox(&mut test)).collect();
    test.clock.pass_ms(61_000);
    for path in &paths[..50] {
        exec(&mut test, path, "write a");
    }
    assert_eq!(test.sandboxes.hosts.count(), 50);
    let refused = call(&mut test, Method::POST, &format!("{}/exec", paths[50]), json!({ "command": "echo" }));
    assert_eq!(
        (refused.status, refused.json()["quota"].clone()),
        (StatusCode::TOO_MANY_REQUESTS, json!("sandboxes_awake"))
    );
    let asleep = call(&mut test, Method::POST, &format!("{}/sleep", paths[0]), Value::Null).json();
    assert_eq!(asleep["status"], "sleeping");
    exec(&mut test, &paths[50], "echo");
    let page = call(&mut test, Method::GET, &format!("{SANDBOXES}?limit=50"), Value::Null).json();
    assert_eq!(page["sandboxes"].as_array().unwrap().len(), 50);
    let cursor = page["next_cursor"].as_str().unwrap();
    let page = call(&mut test, Method::GET, &format!("{SANDBOXES}?cursor={cursor}"), Value::Null).json();
    assert_eq!((page["sandboxes"].as_array().unwrap().len(), &page["next_cursor"]), (1, &Value::Null));
}

#[test]
fn a_project_has_an_end_of_sandboxes() {
    let mut test = TestApp::new();
    let rows = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MAX_SANDBOXES_PER_PROJECT}) \
         INSERT INTO sandboxes (id, project_id, language, status, created_at, updated_at) \
         SELECT 'sandbox ' || i, 'proj_1', 'python', 'sleeping', 0, 0 FROM n"
    );
    test.sql.run(&rows);
    let refused = call(&mut test, Method::POST, SANDBOXES, json!({}));
    assert_eq!((refused.status, refused.json()["code"].clone()), (StatusCode::CONFLICT, json!("too_many_sandboxes")));
}
