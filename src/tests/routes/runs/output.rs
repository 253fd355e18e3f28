//! Output of runs: cut into pieces, too much for a record, stored apart, and read again.

use crate::domain::run::finished::MAX_RESULT_BYTES;
use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::ports::{FirstCall, Level, UsageLogs};
use crate::tests::app::{TestApp, complete, print_one};
use crate::tests::fake_run_pools::Script;
use crate::tests::fake_runner::START;
use ::http::Method;
use docle_protocol::{RunEvent, Stream};
use serde_json::{Value, json};
use std::rc::Rc;

#[test]
fn a_large_input_is_stored_apart_and_read_with_the_result() {
    let mut app = TestApp::new();
    let code = format!("#{}", "x".repeat(MAX_RESULT_BYTES));
    let result = app.run(&json!({ "code": code, "lang": "python" })).json();
    assert_eq!(app.record()["input"], Value::Null);
    let id = result["id"].as_str().unwrap();
    assert_eq!(app.kv.values.borrow()[&format!("input:{id}")].1, 7 * 24 * 3_600);
    let path = format!("/api/run/{id}");
    assert_eq!(app.send(::http::Request::builder().uri(&path), "").json(), result);
    let request = app.request(Method::GET, &path);
    let own = app.send(request, "").json();
    assert_eq!((&own["input"]["code"], &own["stdout"]), (&json!(code), &result["stdout"]));
}

/// A stream with these outputs.
fn printing(pieces: &[(Stream, &[u8])]) -> Script {
    let event =
        |(stream, bytes): &(Stream, &[u8])| serde_json::to_vec(&RunEvent::output(*stream, bytes.to_vec())).unwrap();
    let mut chunks = vec![START.as_bytes().to_vec()];
    chunks.extend(pieces.iter().map(event).map(|line| [&line[..], b"\n"].concat()));
    chunks.push(complete().into_bytes());
    Script::Chunks(chunks)
}

#[test]
fn escapes_on_both_streams_ended_as_system() {
    let mut app = TestApp::new();
    let piece = vec![0x1b; 65_536];
    let pieces: Vec<_> =
        (0..128).map(|n| (if n % 2 == 0 { Stream::Stdout } else { Stream::Stderr }, &piece[..])).collect();
    app.script(printing(&pieces));
    let answer = app.run(&print_one());
    let result = answer.json();
    let whole = "\u{1b}".repeat(4 << 20);
    assert_eq!((&result["status"], &result["ok"]), (&json!("success"), &json!(true)));
    assert!(result["stdout"] == whole.as_str() && result["stderr"] == whole.as_str());

    let id = result["id"].as_str().unwrap();
    let stored = app.kv.values.borrow().iter().filter(|(key, _)| key.starts_with(&format!("output:{id}"))).count();
    assert_eq!(stored, 32, "in chunks of 256 KiB");
    assert!(app.kv.values.borrow().values().all(|(value, _)| value.len() <= 256 << 10));
    let request = ::http::Request::builder().uri(format!("/api/run/{id}"));
    assert_eq!(app.send(request, "").json(), result, "and is read again as it was");

    let streamed = app.stream(&print_one()).text();
    let last = streamed.split("event: complete\ndata: ").nth(1).unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!((&last["status"], last.get("stdout")), (&json!("success"), None), "the events before have the output");
}

#[test]
fn characters_that_pieces_cut_are_whole_in_every_answer() {
    let text = "aé€\u{1f980}\n";
    for cut in 0..=text.len() {
        let (first, second) = text.as_bytes().split_at(cut);
        let script = printing(&[(Stream::Stdout, first), (Stream::Stderr, b"\xff"), (Stream::Stdout, second)]);
        let mut app = TestApp::new();
        app.script(script);
        let result = app.run(&print_one()).json();
        assert_eq!((&result["stdout"], &result["stderr"]), (&json!(text), &json!("\u{fffd}")), "{cut}");
        assert_eq!(app.record()["result"], result);
        let streamed = app.stream(&print_one()).text();
        let data = streamed.lines().filter_map(|line| line.strip_prefix("data: {\"type\":\"stdout\","));
        let pieces: Vec<Value> = data.map(|data| serde_json::from_str(&format!("{{{data}")).unwrap()).collect();
        let joined: String = pieces.iter().map(|piece| piece["data"].as_str().unwrap()).collect();
        assert_eq!(joined, text, "{cut}");
    }
}

#[test]
fn a_repeated_call_answers_with_the_first_run() {
    let mut app = TestApp::new();
    let piece = [b'x'; 60_000];
    let pieces = [(Stream::Stdout, &piece[..]); 10];
    app.script(printing(&[&pieces[..], &[(Stream::Stderr, b"e")]].concat()));
    let body = json!({ "code": "print(1)", "lang": "python", "userContext": { "id": "u" } });
    let first = app.run(&body).json();
    let ended = FirstCall { run_id: RunId::parse(first["id"].as_str().unwrap()).unwrap(), created_at: Timestamp(0) };
    let usage = |app: &TestApp| app.logs.runs().len();
    let runs = usage(&app);
    app.script(Script::Ended(ended));
    let again = |app: &mut TestApp, accept: &str| {
        let request =
            app.request(Method::POST, "/api/run").header("accept", accept).header("idempotency-key", "order-1");
        app.send(request, print_one().to_string())
    };
    let answer = again(&mut app, "application/json");
    assert_eq!((answer.header("idempotent-replay"), answer.json()), ("true", first.clone()));
    let answer = again(&mut app, "text/event-stream");
    let text = answer.text();
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(names, ["start", "stdout", "stdout", "stderr", "complete"]);
    assert!(text.contains(&format!(r#""id":"{}""#, ended.run_id)));
    assert_eq!(usage(&app), runs, "a replay is not counted");

    let (logs, log) = (Rc::clone(&app.logs), ended.run_id.log());
    app.pool.run_until(async move { logs.erase_end_user(log, "u").await }).unwrap();
    let erased = again(&mut app, "application/json");
    assert_eq!((erased.status.as_u16(), &erased.json()["code"]), (410, &json!("idempotent_run_deleted")));
    assert!(app.kv.values.borrow().is_empty() && app.recorded().is_empty(), "nothing of it is stored again");
    let request = app.request(Method::POST, "/api/run").header("idempotency-key", "a b");
    let problem = app.send(request, print_one().to_string()).json();
    assert_eq!(problem["errors"][0]["field"], "Idempotency-Key");
}

#[test]
fn output_that_cannot_be_stored_is_answered_and_logged_and_marked_in_the_record() {
    let mut app = TestApp::new();
    app.kv.fails.set(true);
    app.script(printing(&[(Stream::Stdout, &[b'x'; 5_000])]));
    let result = app.run(&print_one()).json();
    assert_eq!(result["stdout"].as_str().unwrap().len(), 5_000);
    assert_eq!(result["truncated"]["stdout"], false);
    let record = app.record();
    assert_eq!((&record["chunks"]["stdout"], &record["result"]["truncated"]["stdout"]), (&json!(0), &json!(true)));
    let log = app.log.0.borrow();
    let message = "Output of a run could not be stored.";
    assert!(log.iter().any(|(level, line)| *level == Level::Error && line["message"] == message));
}
