//! Processes of sandboxes over HTTP.

use crate::tests::app::{Answer, TestApp, key};
use ::http::{Method, StatusCode};
use serde_json::{Value, json};

const SANDBOXES: &str = "/api/v1/sandboxes";

fn call(test: &mut TestApp, method: Method, path: &str, body: Value) -> Answer {
    let request = test.visit(method, path).header("authorization", format!("Bearer {}", key(1).reveal()));
    test.send(request, if body.is_null() { String::new() } else { body.to_string() })
}

/// The path of the processes of a new sandbox.
fn processes(test: &mut TestApp) -> String {
    let made = call(test, Method::POST, SANDBOXES, json!({})).json();
    format!("{SANDBOXES}/{}/processes", made["id"].as_str().unwrap())
}

fn start(test: &mut TestApp, all: &str, command: &str) -> Value {
    let answer = call(test, Method::POST, all, json!({ "command": command, "name": "web" }));
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    answer.json()
}

fn code(answer: &Answer) -> (StatusCode, Value) {
    (answer.status, answer.json()["code"].clone())
}

#[test]
fn a_process_is_started_listed_and_ended() {
    let mut test = TestApp::new();
    let all = processes(&mut test);
    let hanging = start(&mut test, &all, "hang");
    let done = start(&mut test, &all, "echo");
    let id = hanging["id"].as_str().unwrap();
    assert!(id.starts_with("proc_") && id.len() == 29, "{id}");
    assert_eq!(
        (&hanging["status"], &hanging["exitCode"], &hanging["name"]),
        (&json!("running"), &Value::Null, &json!("web"))
    );
    assert_eq!((&done["status"], &done["exitCode"], &done["timedOut"]), (&json!("exited"), &json!(0), &json!(false)));
    let listed = call(&mut test, Method::GET, &format!("{all}?status=running"), Value::Null).json();
    assert_eq!((listed["processes"].as_array().unwrap().len(), &listed["processes"][0]["id"]), (1, &hanging["id"]));
    let by_pid = call(&mut test, Method::GET, &format!("{all}/{}", hanging["pid"]), Value::Null).json();
    assert_eq!(by_pid["id"], hanging["id"]);
    let killed = call(&mut test, Method::DELETE, &format!("{all}/{id}"), Value::Null).json();
    assert_eq!((&killed["status"], &killed["exitCode"]), (&json!("killed"), &json!(143)));
    let late = call(&mut test, Method::POST, &format!("{all}/{id}/signal"), json!({ "signal": "SIGINT" }));
    assert_eq!(code(&late), (StatusCode::CONFLICT, json!("process_ended")));
    for path in [format!("{all}/nonesuch"), format!("{all}/nonesuch/logs")] {
        let absent = call(&mut test, Method::GET, &path, Value::Null);
        assert_eq!(code(&absent), (StatusCode::NOT_FOUND, json!("process_not_found")));
    }
    let all_killed = call(&mut test, Method::DELETE, &all, Value::Null).json();
    assert_eq!(all_killed["processes"].as_array().unwrap().len(), 2);
}

#[test]
fn output_is_read_whole_or_as_events_after_the_last_one() {
    let mut test = TestApp::new();
    let all = processes(&mut test);
    let id = start(&mut test, &all, "echo")["id"].as_str().unwrap().to_owned();
    let logs = call(&mut test, Method::GET, &format!("{all}/{id}/logs"), Value::Null).json();
    assert_eq!((&logs["stdout"], &logs["position"], &logs["droppedBytes"]), (&json!("out"), &json!(3), &json!(0)));
    assert_eq!(logs["process"]["status"], "exited");
    let events = |test: &mut TestApp, last: Option<&str>| {
        let request = test.visit(Method::GET, &format!("{all}/{id}/logs"));
        let request = request
            .header("authorization", format!("Bearer {}", key(1).reveal()))
            .header("accept", "text/event-stream");
        let request = match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        };
        test.send(request, "")
    };
    let text = events(&mut test, None).text();
    let stdout = "id: 3\nevent: stdout\ndata: {\"type\":\"stdout\",\"data\":\"out\",\"timestamp\":\"1970-01-01T00:00:00.001Z\"}\n\n";
    assert!(text.starts_with(stdout), "{text}");
    assert!(text.contains("id: 3-end\nevent: exit\ndata: {\"type\":\"exit\",\"process\":{"), "{text}");
    assert_eq!(events(&mut test, Some("3-end")).status, StatusCode::NO_CONTENT);
    assert_eq!(events(&mut test, Some("x")).json()["errors"][0]["field"], "Last-Event-ID");
    let wrong = call(&mut test, Method::GET, &format!("{all}/{id}/logs?after=x"), Value::Null);
    assert_eq!(wrong.json()["errors"][0]["field"], "after");
}

#[test]
fn waiting_has_a_result() {
    let mut test = TestApp::new();
    let all = processes(&mut test);
    let id = start(&mut test, &all, "echo")["id"].as_str().unwrap().to_owned();
    let waited = call(&mut test, Method::POST, &format!("{all}/{id}/wait"), json!({ "port": 80 })).json();
    assert_eq!((&waited["outcome"], &waited["process"]["id"]), (&json!("exited"), &json!(id)));
    let wrong = call(&mut test, Method::POST, &format!("{all}/{id}/wait"), json!({ "port": 80, "log": "a" }));
    assert_eq!(wrong.json()["errors"][0]["field"], "port");
}
