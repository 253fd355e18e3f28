//! Files that runs hand back, with a bucket that waits and fails.

use super::*;
use crate::domain::run::artifact_link;
use crate::objects::run_pool::artifacts::STORE_MS;
use docle_protocol::report::Artifact;
use docle_protocol::{Piece, RunEvent};
use sha2::{Digest, Sha256};

fn file(name: &str, content: &[u8]) -> Artifact {
    Artifact {
        name: name.into(),
        size: content.len() as u64,
        mime_type: "text/plain".into(),
        sha256: Some(hex::encode(Sha256::digest(content))),
        url: None,
        base64: None,
        error: None,
    }
}

fn line(event: &RunEvent) -> String {
    serde_json::to_string(event).unwrap() + "\n"
}

/// The line of the end of a run with these files.
fn complete(files: &[Artifact]) -> String {
    let mut event: Value = serde_json::from_str(COMPLETE).unwrap();
    event["report"]["artifacts"] = serde_json::to_value(files).unwrap();
    format!("{event}\n")
}

impl Setup {
    /// A run sends a file in two pieces.
    fn emit_file(&mut self, number: u8, index: u32, file: &Artifact, is_inline: bool, content: &[u8]) {
        self.emit(number, &line(&RunEvent::ArtifactStart { index, file: Box::new(file.clone()), is_inline }));
        let (first, second) = content.split_at(content.len() / 2);
        for piece in [first, second] {
            self.emit(number, &line(&RunEvent::Artifact { index, data: Piece(piece.to_vec()) }));
        }
    }

    /// A run that begins, and hands these files back.
    fn hand_back(&mut self, number: u8, files: &[(Artifact, &[u8])]) {
        self.emit(number, START);
        for (index, (file, content)) in (0..).zip(files) {
            self.emit_file(number, index, file, false, content);
        }
    }

    fn complete(&mut self, number: u8, files: &[Artifact]) {
        self.emit(number, &complete(files));
        self.runner(number).end(job(number));
        self.bench.settle();
    }

    /// What the bucket has, by index.
    fn in_bucket(&self) -> Vec<(u32, Vec<u8>)> {
        self.artifacts.files.borrow().iter().map(|((_, index), (_, content))| (*index, content.clone())).collect()
    }
}

#[test]
fn files_are_stored_and_linked_to_whoever_listens() {
    let mut setup = Setup::new();
    let lines = setup.start(0, &ClientSignal::default()).result().unwrap();
    drop(lines);
    let (a, b) = (file("out/a.csv", b"abc"), file("b", b""));
    setup.hand_back(0, &[(a.clone(), b"abc"), (b.clone(), b"")]);
    setup.complete(0, &[a.clone(), b]);
    setup.submit();
    assert_eq!(setup.in_bucket(), [(0, b"abc".to_vec()), (1, vec![])]);
    let (recorded, created_at) = (setup.recorded(), setup.bench.runtime.clock.now());
    assert_eq!(recorded["status"], "success");
    let url = recorded["artifacts"][0]["url"].as_str().unwrap();
    let signature = url.split_once("?sig=").unwrap().1;
    let id = job(0).to_string();
    assert_eq!(url, format!("https://api/api/artifacts/{id}/0-a.csv?sig={signature}"));
    let made = artifact_link::link(&app::secret(), "https://api", (job(0), Timestamp(0)), 0, "out/a.csv");
    assert_eq!(made.split('.').count(), url.split('.').count(), "{created_at}");
    let about = setup.artifacts.files.borrow()[&(id, 0)].0.clone();
    assert_eq!((about.name.as_str(), about.mime_type.as_str()), ("a.csv", "text/plain"));
}

#[test]
fn a_client_gets_the_bytes_of_inline_files_only_and_the_links_of_all() {
    let mut setup = Setup::new();
    let lines = setup.start(0, &ClientSignal::default()).result().unwrap();
    let (a, b) = (file("a", b"inline"), file("b", b"stored"));
    let received = setup.bench.start(lines.concat());
    setup.emit(0, START);
    setup.emit_file(0, 0, &a, true, b"inline");
    setup.emit_file(0, 1, &b, false, b"stored");
    setup.complete(0, &[a, b]);
    let text = String::from_utf8(received.result()).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let pieces: Vec<_> =
        events.iter().filter(|event| event["type"] == "artifact").map(|event| &event["index"]).collect();
    assert_eq!(pieces, [0, 0]);
    assert!(events.iter().all(|event| event["type"] != "artifact_start"));
    let files = events.last().unwrap()["report"]["artifacts"].as_array().unwrap();
    assert!(files.len() == 2 && files.iter().all(|file| file["url"].is_string()), "{files:?}");
}

#[test]
fn a_run_without_files_never_calls_the_bucket() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.end(0);
    setup.run(1);
    setup.emit(1, START);
    setup.complete(1, &[]);
    setup.submit();
    assert_eq!(setup.artifacts.calls.get(), 0);
}

#[test]
fn a_bucket_that_fails_changes_nothing_but_the_entry_of_the_file() {
    for (fault, is_stored) in [(Fault::NotDone, false), (Fault::DoneButFailed, true)] {
        let mut setup = Setup::new();
        setup.run(0);
        setup.artifacts.put_faults.next([fault]);
        let (a, b) = (file("a", b"first"), file("b", b"second"));
        setup.hand_back(0, &[(a.clone(), b"first"), (b.clone(), b"second")]);
        setup.complete(0, &[a, b]);
        setup.submit();
        let recorded = setup.recorded();
        assert_eq!((&recorded["status"], &recorded["exitCode"]), (&json!("success"), &json!(0)));
        let (first, second) = (&recorded["artifacts"][0], &recorded["artifacts"][1]);
        assert_eq!((&first["error"], &first["url"]), (&json!("not_stored"), &Value::Null));
        assert!(second["url"].is_string() && second["error"].is_null(), "{second}");
        assert_eq!(setup.in_bucket().len(), 1 + usize::from(is_stored));
        // What may be there is deleted with the run.
        let record: Value = serde_json::from_str(setup.logs.records().values().next().unwrap()).unwrap();
        assert_eq!(record["artifacts"], 2);
        assert_eq!(setup.bench.logged().len(), 1, "{:?}", setup.bench.logged());
    }
}

#[test]
fn a_bucket_that_takes_too_long_holds_a_run_up_for_its_time_and_no_longer() {
    let mut setup = Setup::new();
    setup.run(0);
    let (_release, waits) = oneshot::channel();
    setup.artifacts.put_faults.next([Fault::WaitsFor(waits)]);
    let (a, b) = (file("a", b"first"), file("b", b"second"));
    let runner = setup.runner(0);
    setup.hand_back(0, &[(a.clone(), b"first"), (b.clone(), b"second")]);
    setup.complete(0, &[a, b]);
    setup.submit();
    assert!(setup.logs.records().is_empty());
    setup.bench.pass_ms(STORE_MS.into());
    setup.submit();
    let recorded = setup.recorded();
    assert_eq!(recorded["status"], "success");
    let errors: Vec<_> = recorded["artifacts"].as_array().unwrap().iter().map(|file| &file["error"]).collect();
    assert_eq!(errors, ["not_stored", "not_stored"]);
    assert!(runner.aborted.borrow().is_empty() && setup.in_bucket().is_empty());
}

#[test]
fn a_slow_bucket_outlasted_the_time_of_the_run_and_the_run_was_lost() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.emit(0, START);
    // The run may take 60 s.
    setup.bench.pass_ms(59_000);
    let (release, waits) = oneshot::channel();
    setup.artifacts.put_faults.next([Fault::WaitsFor(waits)]);
    let a = file("a", b"first");
    setup.emit_file(0, 0, &a, false, b"first");
    setup.complete(0, std::slice::from_ref(&a));
    setup.bench.pass_ms(10_000);
    drop(release);
    setup.bench.settle();
    setup.submit();
    assert_eq!(setup.recorded()["status"], "success");
    assert!(setup.recorded()["artifacts"][0]["url"].is_string());
}

#[test]
fn a_client_that_leaves_while_files_are_stored_ends_nothing() {
    let mut setup = Setup::new();
    let client = ClientSignal::default();
    let lines = setup.start(0, &client).result().unwrap();
    setup.clients.push(lines);
    let a = file("a", b"first");
    let runner = setup.runner(0);
    setup.hand_back(0, &[(a.clone(), b"first")]);
    client.leave();
    setup.bench.settle();
    setup.complete(0, std::slice::from_ref(&a));
    setup.submit();
    assert!(runner.cancelled.borrow().is_empty());
    assert_eq!(setup.recorded()["status"], "success");
    assert!(setup.recorded()["artifacts"][0]["url"].is_string());
}

#[test]
fn a_file_whose_bytes_break_off_is_not_stored() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.emit(0, START);
    let a = file("a", b"first");
    setup.emit(0, &line(&RunEvent::ArtifactStart { index: 0, file: Box::new(a), is_inline: false }));
    setup.emit(0, &line(&RunEvent::Artifact { index: 0, data: Piece(b"fir".to_vec()) }));
    setup.runner(0).end(job(0));
    setup.bench.settle();
    setup.submit();
    assert_eq!(setup.recorded()["status"], "system");
    assert!(setup.in_bucket().is_empty());
    let record: Value = serde_json::from_str(setup.logs.records().values().next().unwrap()).unwrap();
    assert_eq!(record["artifacts"], 1, "it is deleted with the run, if it is there");
}
