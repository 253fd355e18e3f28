//! Snapshots over HTTP: make, list, compare, restore, branch, delete.

use crate::tests::app::{Answer, TestApp, key};
use ::http::{Method, StatusCode};
use serde_json::{Value, json};

const SANDBOXES: &str = "/api/v1/sandboxes";

fn call_as(test: &mut TestApp, key: &str, method: Method, path: &str, body: Value) -> Answer {
    let request = test.visit(method, path).header("authorization", format!("Bearer {key}"));
    test.send(request, if body.is_null() { String::new() } else { body.to_string() })
}

fn call(test: &mut TestApp, method: Method, path: &str, body: Value) -> Answer {
    call_as(test, key(1).reveal(), method, path, body)
}

/// A call that succeeds with this status.
fn done(test: &mut TestApp, method: Method, path: &str, body: Value, status: u16) -> Value {
    let answer = call(test, method, path, body);
    assert_eq!(answer.status.as_u16(), status, "{path} {}", answer.text());
    if status == 204 { Value::Null } else { answer.json() }
}

fn new_sandbox(test: &mut TestApp) -> String {
    let made = done(test, Method::POST, SANDBOXES, json!({ "env": { "A": "secret" } }), 201);
    format!("{SANDBOXES}/{}", made["id"].as_str().unwrap())
}

fn write(test: &mut TestApp, sandbox: &str, name: &str) {
    let body = json!({ "operation": "update", "file_path": name, "content": format!("content of {name}\n") });
    done(test, Method::POST, &format!("{sandbox}/files"), body, 200);
}

fn files(test: &mut TestApp, sandbox: &str) -> Vec<String> {
    let listed = done(test, Method::GET, &format!("{sandbox}/files"), Value::Null, 200);
    let entries = listed["entries"].as_array().unwrap().iter();
    entries.map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
}

fn snapshot(test: &mut TestApp, sandbox: &str, name: &str) -> String {
    let made = done(test, Method::POST, &format!("{sandbox}/snapshots"), json!({ "name": name }), 201);
    assert_eq!(made["name"], name);
    format!("{sandbox}/snapshots/{}", made["id"].as_str().unwrap())
}

#[test]
fn a_snapshot_is_made_listed_compared_restored_and_deleted() {
    let mut test = TestApp::new();
    let sandbox = new_sandbox(&mut test);
    write(&mut test, &sandbox, "a");
    let first = snapshot(&mut test, &sandbox, "first");
    write(&mut test, &sandbox, "b");
    let second = snapshot(&mut test, &sandbox, "second");
    let listed = done(&mut test, Method::GET, &format!("{sandbox}/snapshots?limit=1"), Value::Null, 200);
    assert_eq!(listed["snapshots"].as_array().unwrap().len(), 1);
    let cursor = listed["next_cursor"].as_str().unwrap().to_owned();
    let rest = done(&mut test, Method::GET, &format!("{sandbox}/snapshots?cursor={cursor}"), Value::Null, 200);
    assert_eq!(rest["snapshots"].as_array().unwrap().len(), 1);
    let shown = done(&mut test, Method::GET, &first, Value::Null, 200);
    assert_eq!((&shown["entries"], &shown["bytes"]), (&json!(2), &json!("content of a\n".len())));

    let to = second.rsplit('/').next().unwrap().to_owned();
    let diff = done(&mut test, Method::GET, &format!("{first}/diff?to={to}"), Value::Null, 200);
    let expected = json!([{
        "path": "/workspace/b", "change": "added", "before": null, "binary": false,
        "after": { "type": "file", "size": 13, "mode": "0644" }, "diff": "@@ -0,0 +1 @@\n+content of b\n",
    }]);
    assert_eq!((&diff["changes"], &diff["more"]), (&expected, &json!(false)));
    let none = done(&mut test, Method::GET, &format!("{second}/diff"), Value::Null, 200);
    assert_eq!(none["changes"], json!([]));

    done(&mut test, Method::POST, &format!("{first}/restore"), Value::Null, 200);
    assert_eq!(files(&mut test, &sandbox), ["a"]);
    done(&mut test, Method::POST, &format!("{second}/restore"), json!({ "paths": ["b"] }), 200);
    assert_eq!(files(&mut test, &sandbox), ["a", "b"]);
    let missing = call(&mut test, Method::POST, &format!("{first}/restore"), json!({ "paths": ["b"] }));
    assert_eq!(missing.json()["code"], "file_not_found");

    done(&mut test, Method::DELETE, &first, Value::Null, 204);
    for (method, path) in
        [(Method::GET, first.clone()), (Method::DELETE, first.clone()), (Method::GET, format!("{first}/diff"))]
    {
        assert_eq!(call(&mut test, method, &path, Value::Null).json()["code"], "snapshot_not_found");
    }
    done(&mut test, Method::POST, &format!("{second}/restore"), Value::Null, 200);
    assert_eq!(files(&mut test, &sandbox), ["a", "b"]);
}

#[test]
fn the_call_of_the_first_guide_makes_a_version() {
    let mut test = TestApp::new();
    let sandbox = new_sandbox(&mut test);
    let made = done(&mut test, Method::POST, &format!("{sandbox}/snapshot"), Value::Null, 201);
    assert_eq!((&made["name"], made["sandbox_id"].as_str()), (&Value::Null, sandbox.rsplit('/').next()));
}

#[test]
fn a_branch_has_the_files_and_settings_and_shares_nothing_afterwards() {
    let mut test = TestApp::new();
    let sandbox = new_sandbox(&mut test);
    write(&mut test, &sandbox, "a");
    let first = snapshot(&mut test, &sandbox, "first");
    write(&mut test, &sandbox, "b");
    let id = first.rsplit('/').next().unwrap();
    let of_snapshot = json!({ "snapshot": id, "name": "experiment" });
    let made = done(&mut test, Method::POST, &format!("{sandbox}/branch"), of_snapshot, 201);
    assert_eq!(
        (&made["name"], &made["env_names"], &made["status"]),
        (&json!("experiment"), &json!(["A"]), &json!("sleeping"))
    );
    let branch = format!("{SANDBOXES}/{}", made["id"].as_str().unwrap());
    let now = done(&mut test, Method::POST, &format!("{sandbox}/branch"), json!({ "key": "now" }), 201);
    let again = done(&mut test, Method::POST, &format!("{sandbox}/branch"), json!({ "key": "now" }), 200);
    assert_eq!(now["id"], again["id"]);
    done(&mut test, Method::DELETE, &sandbox, Value::Null, 204);
    assert_eq!(files(&mut test, &branch), ["a"]);
    assert_eq!(files(&mut test, &format!("{SANDBOXES}/key:now")), ["a", "b"]);
    write(&mut test, &branch, "c");
    assert_eq!(files(&mut test, &format!("{SANDBOXES}/key:now")), ["a", "b"]);
}

fn put(test: &mut TestApp, sandbox: &str, name: &str, content: &str) {
    let body = json!({ "operation": "update", "file_path": name, "content": content });
    done(test, Method::POST, &format!("{sandbox}/files"), body, 200);
}

/// A sandbox with the file `a`, and its branch.
fn with_branch(test: &mut TestApp) -> (String, String) {
    let sandbox = new_sandbox(test);
    write(test, &sandbox, "a");
    let made = done(test, Method::POST, &format!("{sandbox}/branch"), json!({ "key": "branch" }), 201);
    (sandbox, format!("{SANDBOXES}/{}", made["id"].as_str().unwrap()))
}

#[test]
fn a_branch_is_merged_and_its_snapshot_is_gone_afterwards() {
    let mut test = TestApp::new();
    let (sandbox, branch) = with_branch(&mut test);
    write(&mut test, &sandbox, "own");
    write(&mut test, &branch, "b");
    let id = |sandbox: &str| json!({ "from": sandbox.rsplit('/').next() });
    let result = done(&mut test, Method::POST, &format!("{sandbox}/merge"), json!({ "from": "key:branch" }), 200);
    let change = json!({
        "path": "/workspace/b", "change": "added", "before": null,
        "after": { "type": "file", "size": 13, "mode": "0644" },
    });
    assert_eq!(result, json!({ "merged": true, "changes": [change], "conflicts": [], "more": false }));
    assert_eq!(files(&mut test, &sandbox), ["a", "b", "own"]);
    let back = done(&mut test, Method::POST, &format!("{branch}/merge"), id(&sandbox), 200);
    assert_eq!(back["changes"][0]["path"], "/workspace/own");
    assert_eq!(files(&mut test, &branch), ["a", "b", "own"]);
    for side in [&sandbox, &branch] {
        let listed = done(&mut test, Method::GET, &format!("{side}/snapshots"), Value::Null, 200);
        assert_eq!(listed["snapshots"], json!([]));
    }
}

#[test]
fn conflicts_are_listed_and_nothing_is_written() {
    let mut test = TestApp::new();
    let (sandbox, branch) = with_branch(&mut test);
    put(&mut test, &sandbox, "a", "ours");
    put(&mut test, &branch, "a", "their own");
    write(&mut test, &branch, "b");
    let result = done(&mut test, Method::POST, &format!("{sandbox}/merge"), json!({ "from": "key:branch" }), 200);
    let state = |size: u32| json!({ "type": "file", "size": size, "mode": "0644" });
    let conflict = json!({ "path": "/workspace/a", "base": state(13), "ours": state(4), "theirs": state(9) });
    assert_eq!(result, json!({ "merged": false, "changes": [], "conflicts": [conflict], "more": false }));
    assert_eq!(files(&mut test, &sandbox), ["a"]);
    // With the branch's content there is nothing left to disagree about.
    put(&mut test, &sandbox, "a", "their own");
    let result = done(&mut test, Method::POST, &format!("{sandbox}/merge"), json!({ "from": "key:branch" }), 200);
    assert_eq!((&result["merged"], &result["changes"][0]["path"]), (&json!(true), &json!("/workspace/b")));
}

#[test]
fn what_is_no_branch_is_not_merged() {
    let mut test = TestApp::new();
    let (sandbox, branch) = with_branch(&mut test);
    let other = new_sandbox(&mut test);
    let id = other.rsplit('/').next().unwrap().to_owned();
    for side in [&sandbox, &branch] {
        let refused = call(&mut test, Method::POST, &format!("{side}/merge"), json!({ "from": id }));
        assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (409, &json!("not_a_branch")));
    }
    let own = call(&mut test, Method::POST, &format!("{other}/merge"), json!({ "from": id }));
    assert_eq!(own.json()["errors"][0]["field"], "from");
    for unknown in ["sbx_none", "key:none"] {
        let unknown = call(&mut test, Method::POST, &format!("{sandbox}/merge"), json!({ "from": unknown }));
        assert_eq!(unknown.json()["code"], "sandbox_not_found");
    }
    let missing = call(&mut test, Method::POST, &format!("{sandbox}/merge"), json!({}));
    assert_eq!(missing.json()["errors"][0]["field"], "from");
    done(&mut test, Method::DELETE, &branch, Value::Null, 204);
    let gone = call(&mut test, Method::POST, &format!("{sandbox}/merge"), json!({ "from": "key:branch" }));
    assert_eq!(gone.json()["code"], "sandbox_not_found");
}

#[test]
fn a_snapshot_is_exported_while_the_sandbox_sleeps_and_imported_into_another_one() {
    let mut test = TestApp::new();
    let sandbox = new_sandbox(&mut test);
    write(&mut test, &sandbox, "a");
    let first = snapshot(&mut test, &sandbox, "first");
    write(&mut test, &sandbox, "b");
    done(&mut test, Method::POST, &format!("{sandbox}/sleep"), Value::Null, 200);
    let archive = call(&mut test, Method::GET, &format!("{first}/export"), Value::Null);
    assert_eq!((archive.status.as_u16(), archive.header("content-type")), (200, "application/x-tar"));
    assert_eq!(archive.header("content-disposition"), "attachment; filename=\"archive.tar\"");
    assert_eq!(done(&mut test, Method::GET, &sandbox, Value::Null, 200)["status"], "sleeping");
    let mut read = tar::Archive::new(archive.body.as_slice());
    let names = read.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string());
    assert_eq!(names.collect::<Vec<_>>(), ["workspace", "workspace/a"]);

    let other = new_sandbox(&mut test);
    write(&mut test, &other, "own");
    let request = test.visit(Method::POST, &format!("{other}/archive?path=/"));
    let request = request.header("authorization", format!("Bearer {}", key(1).reveal()));
    let imported = test.send(request, String::from_utf8(archive.body).unwrap());
    assert_eq!(imported.status.as_u16(), 200, "{}", imported.text());
    assert_eq!(files(&mut test, &other), ["a", "own"]);
    let exported = call(&mut test, Method::GET, &format!("{other}/archive"), Value::Null);
    assert_eq!(tar::Archive::new(exported.body.as_slice()).entries().unwrap().count(), 3);
    let wrong = call(&mut test, Method::GET, &format!("{other}/archive?path="), Value::Null);
    assert_eq!(wrong.json()["errors"][0]["field"], "path");
}

#[test]
fn a_stranger_reaches_no_snapshot() {
    let mut test = TestApp::new();
    let sandbox = new_sandbox(&mut test);
    let first = snapshot(&mut test, &sandbox, "first");
    let stranger = key(2).reveal().to_owned();
    for (method, path) in [
        (Method::POST, format!("{sandbox}/snapshots")),
        (Method::GET, format!("{sandbox}/snapshots")),
        (Method::GET, first.clone()),
        (Method::DELETE, first.clone()),
        (Method::POST, format!("{first}/restore")),
        (Method::GET, format!("{first}/diff")),
        (Method::GET, format!("{first}/export")),
        (Method::GET, format!("{sandbox}/archive")),
        (Method::POST, format!("{sandbox}/archive")),
        (Method::POST, format!("{sandbox}/branch")),
    ] {
        let answer = call_as(&mut test, &stranger, method, &path, Value::Null);
        assert!(matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED), "{path} {}", answer.text());
    }
    let other = new_sandbox(&mut test);
    let from = json!({ "from": other.rsplit('/').next() });
    let answer = call_as(&mut test, &stranger, Method::POST, &format!("{sandbox}/merge"), from);
    assert!(matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED), "{}", answer.text());
}

#[test]
fn an_account_stored_snapshots_without_end() {
    let mut test = TestApp::new();
    let cookie = test.sign_in("ada@example.com");
    test.sql.run("UPDATE projects SET user_id = (SELECT id FROM users) WHERE id = 'proj_1'");
    let sandbox = new_sandbox(&mut test);
    write(&mut test, &sandbox, "a");
    let used = |test: &mut TestApp| {
        let usage = test.call(&cookie, Method::GET, "/api/account/usage", Value::Null).json();
        let mut quotas = usage["quotas"].as_array().unwrap().iter();
        quotas.find(|quota| quota["quota"] == "sandbox_megabytes").map(|quota| quota["used"].clone()).unwrap()
    };
    test.sql.run("UPDATE sandboxes SET stored_bytes = 9999000000");
    done(&mut test, Method::POST, &format!("{sandbox}/snapshots"), json!({}), 201);
    test.sql.run("UPDATE sandboxes SET stored_bytes = 10000000000");
    assert_eq!(used(&mut test), 10_000.0);
    let id = sandbox.strip_prefix(SANDBOXES).unwrap();
    for path in [SANDBOXES.to_owned(), format!("{sandbox}/snapshots"), format!("{SANDBOXES}{id}/branch")] {
        let refused = call(&mut test, Method::POST, &path, json!({}));
        let said = (refused.status.as_u16(), refused.json()["code"].clone(), refused.json()["quota"].clone());
        assert_eq!(said, (403, json!("quota_full"), json!("sandbox_megabytes")), "{path}");
    }
    // What is there goes on.
    write(&mut test, &sandbox, "b");
    done(&mut test, Method::POST, &format!("{sandbox}/sleep"), Value::Null, 200);
    assert_eq!(files(&mut test, &sandbox), ["a", "b"]);

    test.sql.run("UPDATE sandboxes SET stored_bytes = 10000000000");
    test.sql.run("UPDATE users SET trusted = 1");
    done(&mut test, Method::POST, &format!("{sandbox}/snapshots"), json!({}), 201);
}
