//! Interactive runs: which messages are sent, and with which close code they end.

use crate::domain::run::finished::MAX_RESULT_BYTES;
use crate::ports::Clock;
use crate::ports::PoolFailureCode;
use crate::ports::socket::Message;
use crate::tests::app::{TestApp, good_run, key};
use crate::tests::fake_run_pools::Script;
use ::http::{Method, StatusCode};
use docle_protocol::TerminalSize;
use docle_protocol::limits::DEFAULT_TIMEOUT_MS;
use serde_json::{Value, json};

fn text(value: &Value) -> Message {
    Message::Text(value.to_string())
}

/// What is heard, and the code of the end, where these messages are said.
fn interact(app: &mut TestApp, says: Vec<Message>) -> (Vec<Value>, Option<u16>) {
    *app.sockets.says.borrow_mut() = says;
    app.sockets.heard.borrow_mut().clear();
    app.sockets.closed.set(None);
    let request = app.request(Method::GET, "/api/run").header("upgrade", "websocket");
    assert_eq!(app.send(request, "").status, StatusCode::SWITCHING_PROTOCOLS);
    let heard = app.sockets.heard.borrow().iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    (heard, app.sockets.closed.get())
}

fn program() -> Message {
    text(&json!({ "code": "print(1)", "lang": "python" }))
}

#[test]
fn a_run_tells_of_its_beginning_its_output_and_its_end_and_is_recorded() {
    let mut app = TestApp::new();
    let (heard, closed) = interact(&mut app, vec![program()]);
    let types: Vec<_> = heard.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!((types, closed), (vec!["start", "stdout", "complete"], Some(1_000)));
    assert!(app.run_pools.jobs.borrow()[0].interactive);
    assert_eq!((&heard[0]["id"], &heard[2]["id"]), (&heard[2]["id"], &app.record()["result"]["id"]));
    assert_eq!(heard[2]["ok"], true);
}

#[test]
fn what_cannot_be_run_is_told_with_the_problem_of_a_response_and_a_code_that_says_whether_to_come_back() {
    let mut app = TestApp::new();
    let stdin = json!({ "type": "stdin", "data": "a" });
    app.script(Script::ChunksThenSilence(vec![b"{\"type\":\"start\"}\n".to_vec()]));
    for (says, code, field, closed) in [
        (vec![Message::Text("{".into())], "invalid_json", Value::Null, 4_400),
        (vec![Message::Binary(vec![1])], "invalid_json", Value::Null, 4_400),
        (vec![text(&json!({ "lang": "python" }))], "invalid_request", json!("code"), 4_400),
        (
            vec![text(&json!({ "tier": "isolate", "code": "1", "lang": "javascript" }))],
            "invalid_request",
            json!("tier"),
            4_400,
        ),
        (
            vec![text(&json!({ "code": "1", "lang": "python", "detach": true }))],
            "invalid_request",
            json!("detach"),
            4_400,
        ),
        (vec![], "incomplete_body", Value::Null, 4_400),
        (vec![program(), text(&json!({ "type": "stdout" }))], "invalid_request", json!("type"), 4_400),
        (vec![program(), text(&stdin), text(&json!({ "type": "stdin" }))], "invalid_request", json!("data"), 4_400),
        (vec![program(), Message::Text("x".repeat(11 << 20))], "body_too_large", Value::Null, 4_413),
    ] {
        let (heard, end) = interact(&mut app, says);
        let problem = &heard.last().unwrap()["problem"];
        assert_eq!((problem["code"].as_str(), &problem["errors"][0]["field"], end), (Some(code), &field, Some(closed)));
    }
    for (failure, code, closed) in
        [(PoolFailureCode::Unavailable, "runner_unavailable", 4_503), (PoolFailureCode::QueueFull, "queue_full", 4_529)]
    {
        app.script(Script::Refuse(failure.with_message("x")));
        let (heard, end) = interact(&mut app, vec![program()]);
        assert_eq!((heard[0]["problem"]["code"].as_str(), end), (Some(code), Some(closed)));
    }
}

#[test]
fn a_token_could_neither_read_nor_cancel_what_it_had_started_over_a_socket() {
    let mut app = TestApp::new();
    let made = app.send(app.request(Method::POST, "/api/tokens").header("content-type", "application/json"), "{}");
    let bearer = format!("Bearer {}", made.json()["token"].as_str().unwrap());
    *app.sockets.says.borrow_mut() = vec![program()];
    let request = app.visit(Method::GET, "/api/run").header("upgrade", "websocket").header("authorization", &bearer);
    assert_eq!(app.send(request, "").status, StatusCode::SWITCHING_PROTOCOLS);
    let path = format!("/api/run/{}", app.record()["result"]["id"].as_str().unwrap());
    let call = |app: &mut TestApp, method| app.send(app.visit(method, &path).header("authorization", &bearer), "");
    assert_eq!(call(&mut app, Method::GET).json()["input"]["code"], "print(1)");
    assert_eq!(call(&mut app, Method::DELETE).json()["code"], "run_ended");
}

#[test]
fn whoever_may_not_run_gets_no_socket() {
    let mut app = TestApp::new();
    let upgrade = |app: &TestApp| app.visit(Method::GET, "/api/run").header("upgrade", "websocket");
    let status = |app: &mut TestApp, request| app.send(request, "").status.as_u16();
    let own = app.request(Method::GET, "/api/run");
    assert_eq!(status(&mut app, own), 426, "no socket is asked for");
    let nobody = upgrade(&app);
    assert_eq!(status(&mut app, nobody), 401);
    let revoked = upgrade(&app).header("sec-websocket-protocol", format!("docle, docle.key.{}", key(3).reveal()));
    assert_eq!(status(&mut app, revoked), 401);
    let once =
        upgrade(&app).header("authorization", format!("Bearer {}", key(1).reveal())).header("idempotency-key", "a");
    assert_eq!(status(&mut app, once), 400);

    app.script(Script::Chunks(good_run()));
    *app.sockets.says.borrow_mut() = vec![program()];
    let page = upgrade(&app).header("sec-websocket-protocol", format!("docle.key.{}, docle", key(1).reveal()));
    let answer = app.send(page, "");
    assert_eq!(
        (answer.status.as_u16(), answer.header("sec-websocket-protocol")),
        (101, "docle"),
        "the key is not sent back"
    );
    assert_eq!(app.sockets.closed.get(), Some(1_000));
}

#[test]
fn whoever_leaves_is_told_nothing_and_waited_for_no_longer() {
    let mut app = TestApp::new();
    app.sockets.leave.set(true);
    for (script, says) in [
        (Script::Hang, vec![]),
        (Script::Hang, vec![program()]),
        (Script::Hang, vec![program(), text(&json!({ "type": "stdin", "data": "a" }))]),
        (Script::ChunksThenSilence(vec![b"{\"type\":\"start\"}\n".to_vec()]), vec![program()]),
    ] {
        app.script(script);
        let (heard, closed) = interact(&mut app, says);
        assert!(closed.is_none() && heard.iter().all(|event| event["type"] == "start"), "{heard:?} {closed:?}");
    }
    assert_eq!(app.record()["result"]["ok"], false, "the one that had begun");
}

#[test]
fn a_program_whose_input_does_not_open_is_not_waited_for_without_an_end() {
    let mut app = TestApp::new();
    app.run_pools.input_hangs.set(true);
    app.script(Script::ChunksThenSilence(vec![b"{\"type\":\"start\"}\n".to_vec()]));
    let (heard, closed) = interact(&mut app, vec![program()]);
    assert_eq!((heard[0]["problem"]["code"].as_str(), closed), (Some("runner_unavailable"), Some(4_503)));
}

#[test]
fn what_is_typed_has_an_end() {
    let mut app = TestApp::new();
    app.script(Script::ChunksThenSilence(vec![b"{\"type\":\"start\"}\n".to_vec()]));
    let piece = text(&json!({ "type": "stdin", "data": "x".repeat(MAX_RESULT_BYTES * 512) }));
    let (heard, closed) = interact(&mut app, vec![program(), piece.clone(), piece.clone(), piece]);
    assert_eq!((heard.last().unwrap()["problem"]["code"].as_str(), closed), (Some("body_too_large"), Some(4_413)));
}

fn at_terminal() -> Message {
    text(&json!({ "code": "print(1)", "lang": "python", "tty": { "cols": 80, "rows": 24 } }))
}

#[test]
fn a_terminal_gets_its_size_and_what_is_typed_with_the_end_of_input_as_a_character() {
    let mut app = TestApp::new();
    app.run_pools.has_input.set(true);
    app.script(Script::ChunksThenSilence(vec![b"{\"type\":\"start\"}\n".to_vec()]));
    let says = [
        json!({ "type": "stdin", "data": "a" }),
        json!({ "type": "resize", "cols": 120, "rows": 40 }),
        json!({ "type": "stdin", "end": true }),
        json!({ "type": "stdin", "data": "b" }),
    ];
    interact(&mut app, [at_terminal()].into_iter().chain(says.iter().map(text)).collect());
    assert_eq!(app.run_pools.jobs.borrow()[0].tty, Some(TerminalSize { cols: 80, rows: 24 }));
    let typed = |bytes: &[u8]| Message::Binary(bytes.to_vec());
    let resized = Message::Text(r#"{"type":"resize","cols":120,"rows":40}"#.to_owned());
    assert_eq!(*app.run_pools.typed.borrow(), [typed(b"a"), resized, typed(b"\x04"), typed(b"b")]);
    let record = app.record();
    assert_eq!(record["input"]["tty"], json!({ "cols": 80, "rows": 24 }));
}

#[test]
fn what_has_no_terminal_has_no_size() {
    let mut app = TestApp::new();
    app.script(Script::ChunksThenSilence(vec![b"{\"type\":\"start\"}\n".to_vec()]));
    let resize = text(&json!({ "type": "resize", "cols": 120, "rows": 40 }));
    let (heard, closed) = interact(&mut app, vec![program(), resize]);
    let field = &heard.last().unwrap()["problem"]["errors"][0]["field"];
    assert_eq!((field, closed), (&json!("type"), Some(4_400)));
    let (heard, _) = interact(&mut app, vec![text(&json!({ "code": "1", "lang": "python", "tty": { "cols": 80 } }))]);
    assert_eq!(heard[0]["problem"]["errors"][0]["field"], "tty.rows");
    let answer = app.run(&json!({ "code": "1", "lang": "python", "tty": { "cols": 80, "rows": 24 } }));
    let problem = answer.json();
    assert_eq!((answer.status.as_u16(), &problem["errors"][0]["field"]), (400, &json!("tty")));
    assert!(problem["errors"][0]["message"].as_str().unwrap().contains("GET /api/run"));

    app.script(Script::Refuse(PoolFailureCode::NoTerminal.with_message("x")));
    let (heard, closed) = interact(&mut app, vec![at_terminal()]);
    assert_eq!((heard[0]["problem"]["code"].as_str(), closed), (Some("terminal_unavailable"), Some(4_503)));
}

#[test]
fn a_terminal_waits_for_a_client_that_is_behind_and_not_longer_than_its_program() {
    for (program, waits) in [(program(), false), (at_terminal(), true)] {
        let mut app = TestApp::new();
        app.sockets.queued_bytes.set(10 << 20);
        let began = app.clock.now();
        let (heard, closed) = interact(&mut app, vec![program]);
        assert_eq!((heard.last().unwrap()["type"].as_str(), closed), (Some("complete"), Some(1_000)));
        let took_ms = app.clock.now().0 - began.0;
        assert_eq!(took_ms >= i64::from(DEFAULT_TIMEOUT_MS), waits, "{took_ms}");
    }
}
