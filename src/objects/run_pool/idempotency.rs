//! Runs with an idempotency key: in_flight to their end whoever listens, remembered for a day.

use crate::domain::run::events::{Interrupted, Line, PartialOutput, read_line};
use crate::domain::run::idempotency::IdempotencyKey;
use crate::objects::run_pool::idempotency_storage;
use crate::ports::event_reader::EventReader;
use crate::ports::{LocalSql, PortError};
use bytes::Bytes;
use docle_protocol::RunEvent;
use futures::SinkExt;
use futures::channel::{mpsc, oneshot};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Which runs this object is watching, and who waits for each of them. It is memory only: after a restart nobody
/// watches, and the entries in storage that say "running" are in doubt.
#[derive(Clone, Default)]
pub struct InFlight(Rc<RefCell<HashMap<String, Vec<oneshot::Sender<()>>>>>);

impl InFlight {
    /// Whether a run with `key` is being in_flight.
    pub fn contains(&self, key: &IdempotencyKey) -> bool {
        self.0.borrow().contains_key(key.as_str())
    }

    /// Notes that a run with `key` is in_flight, until the guard is dropped.
    pub fn begin(&self, key: &IdempotencyKey) -> InFlightGuard {
        self.0.borrow_mut().insert(key.as_str().to_owned(), Vec::new());
        InFlightGuard { in_flight: self.clone(), key: key.clone() }
    }

    /// Resolves when the run with `key` is in_flight no longer, which is at once where none is.
    pub async fn wait(&self, key: &IdempotencyKey) {
        let end = self.0.borrow_mut().get_mut(key.as_str()).map(|waiting| {
            let (sender, receiver) = oneshot::channel();
            waiting.push(sender);
            receiver
        });
        if let Some(end) = end {
            // The sender is never dropped without waking: either way, waiting is over.
            let _ = end.await;
        }
    }
}

/// A run that is being in_flight.
pub struct InFlightGuard {
    in_flight: InFlight,
    key: IdempotencyKey,
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        let waiting = self.in_flight.0.borrow_mut().remove(self.key.as_str()).unwrap_or_default();
        for waiter in waiting {
            // A waiter that gave up needs no waking.
            let _ = waiter.send(());
        }
    }
}

/// Reads a run to its end, passes it on to `listener` while that listens, and remembers how it ended. A run that never
/// started is forgotten, so that the call can be repeated.
pub async fn watch(
    mut events: EventReader,
    mut listener: mpsc::Sender<Vec<u8>>,
    sql: &dyn LocalSql,
    guard: InFlightGuard,
) -> Result<(), PortError> {
    let mut partial_output = PartialOutput::default();
    let mut started = false;
    loop {
        let line = match events.next_line().await {
            Ok(line) if read_line(&line).is_some() => line,
            _ if !started => return idempotency_storage::forget(sql, &guard.key),
            _ => {
                let report = partial_output.report(Interrupted::ByRunner);
                serde_json::to_vec(&RunEvent::Complete { report })
                    .map(Bytes::from)
                    .map_err(|error| PortError(error.to_string()))?
            }
        };
        match read_line(&line) {
            Some(Line::Complete(_)) => {
                idempotency_storage::finish(sql, &guard.key, &line)?;
                drop(guard);
                pass_on(&mut listener, &line).await;
                return Ok(());
            }
            Some(Line::Start) => started = true,
            Some(output @ (Line::Stdout | Line::Stderr)) => partial_output.keep(&output, &line),
            Some(Line::Heartbeat) | None => {}
        }
        pass_on(&mut listener, &line).await;
    }
}

async fn pass_on(listener: &mut mpsc::Sender<Vec<u8>>, line: &[u8]) {
    // A listener that left does not end this run.
    let _ = listener.send([line, b"\n"].concat()).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::run::id::RunId;
    use crate::domain::run::idempotency::{Entry, Fingerprint};
    use crate::domain::timestamp::Timestamp;
    use crate::tests::sqlite::Sqlite;
    use futures::executor::block_on;
    use futures::{FutureExt, StreamExt, future, stream};

    const START: &str = "{\"type\":\"start\"}\n";
    const OUTPUT: &str = "{\"type\":\"stdout\",\"data\":\"1\"}\n";
    const COMPLETE: &str = "{\"type\":\"complete\",\"report\":{}}\n";

    /// What a listener hears of a run whose stream is `chunks`, and what is remembered of it.
    fn in_flight(chunks: &[&'static str], listens: bool) -> (String, Option<(bool, String)>) {
        let sql = Sqlite::empty();
        idempotency_storage::create_tables(&sql).unwrap();
        let key = IdempotencyKey::parse("k").unwrap();
        let entry = Entry {
            fingerprint: Fingerprint::of(b""),
            run_id: RunId::from_random([0; 16]),
            created_at: Timestamp(0),
            finished: false,
        };
        idempotency_storage::begin(&sql, &key, &entry).unwrap();
        let others = InFlight::default();
        let guard = others.begin(&key);
        let waiting = others.wait(&key);
        let chunks: Vec<_> = chunks.iter().map(|chunk| Ok(chunk.as_bytes().to_vec())).collect();
        let events = EventReader::new(stream::iter(chunks).boxed_local(), future::pending().boxed_local());
        let (sender, receiver) = mpsc::channel(1);
        let receiver = listens.then_some(receiver);
        let heard = async {
            let heard = stream::iter(receiver).flatten().concat().await;
            String::from_utf8(heard).unwrap()
        };
        let (done, (), heard) = block_on(future::join3(watch(events, sender, &sql, guard), waiting, heard));
        done.unwrap();
        assert!(!others.contains(&key));
        let answer = String::from_utf8(idempotency_storage::answer(&sql, &key).unwrap()).unwrap();
        (heard, idempotency_storage::get(&sql, &key).unwrap().map(|entry| (entry.finished, answer)))
    }

    #[test]
    fn a_run_is_remembered_whether_or_not_somebody_listens() {
        let line = COMPLETE.trim_end().to_owned();
        let (heard, remembered) = in_flight(&[START, "\n", OUTPUT, COMPLETE], true);
        assert_eq!(heard, format!("{START}\n{OUTPUT}{COMPLETE}"));
        assert_eq!(remembered, Some((true, line.clone())));
        let (heard, remembered) = in_flight(&[START, OUTPUT, COMPLETE], false);
        assert_eq!((heard.as_str(), remembered), ("", Some((true, line))));
    }

    #[test]
    fn a_run_that_breaks_off_is_remembered_as_failed_and_one_that_never_started_is_not() {
        let (heard, remembered) = in_flight(&[START, OUTPUT], true);
        assert!(heard.ends_with("}\n") && heard.contains(r#""status":"system""#), "{heard}");
        assert!(remembered.is_some_and(|(finished, answer)| finished && answer.contains(r#""stdout":"1""#)));
        for chunks in [&[][..], &["\n"], &["<html>\n"]] {
            assert_eq!(in_flight(chunks, true).1, None);
        }
    }
}
