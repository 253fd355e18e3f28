//! What `watch` passes on and stores of a run's event stream.

use super::*;
use crate::domain::run::id::RunId;
use crate::domain::run::idempotency::Fingerprint;
use crate::domain::timestamp::Timestamp;
use crate::tests::sqlite::Sqlite;
use futures::executor::block_on;
use futures::{FutureExt, StreamExt, future, stream};

const START: &str = "{\"type\":\"start\"}\n";
const OUTPUT: &str = "{\"type\":\"stdout\",\"data\":\"1\"}\n";
const COMPLETE: &str = "{\"type\":\"complete\",\"report\":{}}\n";

/// What a listener receives of a run whose stream is `chunks`, and what is stored of the run.
fn watched(chunks: &[&'static str], listens: bool) -> (String, Option<(bool, String)>) {
    let sql = Sqlite::empty();
    storage::create_tables(&sql).unwrap();
    let key = IdempotencyKey::parse("k").unwrap();
    let entry = Entry {
        fingerprint: Fingerprint::of(b""),
        run_id: RunId::from_random([0; 16]),
        created_at: Timestamp(0),
        finished: false,
    };
    storage::begin(&sql, &key, &entry).unwrap();
    let others = InFlight::default();
    let guard = others.begin(&key);
    let waiting = others.wait(&key);
    let chunks: Vec<_> = chunks.iter().map(|chunk| Ok(chunk.as_bytes().to_vec())).collect();
    let events = EventReader::new(stream::iter(chunks).boxed_local(), future::pending().boxed_local());
    let (sender, receiver) = mpsc::channel(1);
    let receiver = listens.then_some(receiver);
    let received = async {
        let received = stream::iter(receiver).flatten().concat().await;
        String::from_utf8(received).unwrap()
    };
    let (done, (), received) = block_on(future::join3(watch(events, (), sender, &sql, guard), waiting, received));
    done.unwrap();
    assert!(!others.contains(&key));
    let answer = String::from_utf8(storage::answer(&sql, &key).unwrap()).unwrap();
    (received, storage::get(&sql, &key).unwrap().map(|entry| (entry.finished, answer)))
}

#[test]
fn an_answer_is_stored_whether_or_not_a_client_listens() {
    let line = COMPLETE.trim_end().to_owned();
    let (received, stored) = watched(&[START, "\n", OUTPUT, COMPLETE], true);
    assert_eq!(received, format!("{START}\n{OUTPUT}{COMPLETE}"));
    assert_eq!(stored, Some((true, line.clone())));
    let (received, stored) = watched(&[START, OUTPUT, COMPLETE], false);
    assert_eq!((received.as_str(), stored), ("", Some((true, line))));
}

#[test]
fn a_run_that_breaks_off_is_stored_as_failed_and_a_run_that_never_started_is_not() {
    let (received, stored) = watched(&[START, OUTPUT], true);
    assert!(received.ends_with("}\n") && received.contains(r#""status":"system""#), "{received}");
    assert!(stored.is_some_and(|(finished, answer)| finished && answer.contains(r#""stdout":"1""#)));
    for chunks in [&[][..], &["\n"], &["<html>\n"]] {
        assert_eq!(watched(chunks, true).1, None);
    }
}
