//! Runs that go on without a connection: the runner keeps their events, so that a caller that has lost its memory reads them
//! again from the beginning, until the caller says that it has the end.

use super::answers::HEARTBEAT;
use crate::events::{EventReceiver, line};
use crate::place::Full;
use axum::body::Bytes;
use docle_protocol::{RunEvent, RunReport};
use futures_util::stream::{self, Stream};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How long the events of a run that has ended are kept. A caller that was reset is back within seconds.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// The most bytes of events of runs that have ended. Beyond it, those that ended first are forgotten.
const MOST_BYTES: usize = 128 << 20;
/// From this many events on, output is taken in larger pieces: each event costs more than its bytes.
const MANY: usize = 4_096;
/// How long output collects then.
const COLLECTION: Duration = Duration::from_millis(100);

/// A run in progress.
pub type Ran = JoinHandle<Result<RunReport, Full>>;

/// The runs that are kept, by id.
#[derive(Debug, Default)]
pub struct KeptRuns(Mutex<HashMap<String, Arc<KeptRun>>>);

/// The events of one run, each as the line that is sent.
#[derive(Debug)]
pub struct KeptRun {
    lines: Mutex<Vec<Bytes>>,
    /// Changes with every line, and says whether more can come.
    is_over: watch::Sender<bool>,
    /// When it ended.
    ended: Mutex<Option<tokio::time::Instant>>,
}

impl KeptRuns {
    /// Keeps a run that has started. Its task reads the events to their end, with or without other readers.
    pub fn keep(self: &Arc<Self>, id: String, first: &RunEvent, run: Ran, events: EventReceiver) -> Arc<KeptRun> {
        let kept = Arc::new(KeptRun {
            lines: Mutex::new(vec![line(first)]),
            is_over: watch::Sender::new(false),
            ended: Mutex::default(),
        });
        self.lock().insert(id.clone(), Arc::clone(&kept));
        let (own, reading) = (Arc::clone(self), Arc::clone(&kept));
        tokio::spawn(async move {
            reading.read(run, events).await;
            own.forget_some();
            sleep(KEPT_FOR).await;
            own.lock().remove(&id);
        });
        kept
    }

    /// The run with this id.
    pub fn find(&self, id: &str) -> Option<Arc<KeptRun>> {
        self.lock().get(id).cloned()
    }

    /// Forgets a run that has ended: its events were read.
    pub fn forget(&self, id: &str) {
        let mut runs = self.lock();
        if runs.get(id).is_some_and(|run| run.ended().is_some()) {
            runs.remove(id);
        }
    }

    /// Forgets the runs that ended first, as far as all of them hold too much.
    fn forget_some(&self) {
        let mut runs = self.lock();
        let mut ended: Vec<_> =
            runs.iter().filter_map(|(id, run)| Some((run.ended()?, run.bytes(), id.clone()))).collect();
        ended.sort();
        let mut held: usize = ended.iter().map(|(_, bytes, _)| bytes).sum();
        // The last one has just ended, and nobody may have read it.
        ended.pop();
        for (_, bytes, id) in ended {
            if held <= MOST_BYTES {
                return;
            }
            runs.remove(&id);
            held -= bytes;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<KeptRun>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeptRun {
    async fn read(&self, run: Ran, mut events: EventReceiver) {
        while let Some(event) = events.next().await {
            let count = {
                let mut lines = self.lock();
                lines.push(line(&event));
                lines.len()
            };
            self.is_over.send_replace(false);
            if count > MANY {
                sleep(COLLECTION).await;
            }
        }
        // Without a report the stream ends early, which says that the run was interrupted.
        if let Ok(Ok(report)) = run.await {
            self.lock().push(line(&RunEvent::Complete { report }));
        }
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(tokio::time::Instant::now());
        self.is_over.send_replace(true);
    }

    /// All events from the beginning, and those to come.
    pub fn events(self: Arc<Self>) -> impl Stream<Item = Result<Bytes, Infallible>> {
        let changes = self.is_over.subscribe();
        stream::unfold((self, changes, 0), |(run, mut changes, index)| async move {
            loop {
                // Before the look at the lines: nothing is pushed after it was said that it is over.
                let is_over = *changes.borrow_and_update();
                let next = run.lock().get(index).cloned();
                match next {
                    Some(line) => return Some((Ok(line), (run, changes, index + 1))),
                    None if is_over => return None,
                    None => {}
                }
                if timeout(HEARTBEAT, changes.changed()).await.is_err() {
                    return Some((Ok(Bytes::from_static(b"\n")), (run, changes, index)));
                }
            }
        })
    }

    fn ended(&self) -> Option<tokio::time::Instant> {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes(&self) -> usize {
        self.lock().iter().map(Bytes::len).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Bytes>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::channel;
    use docle_protocol::{RunStatus, RunUsage, Stream as Output, Truncated};
    use futures_util::StreamExt;

    fn report() -> RunReport {
        let usage = RunUsage {
            cpu_ms: 0.0,
            mem_mb: 0.0,
            duration_ms: 0.0,
            queue_ms: 0.0,
            install_ms: 0.0,
            blocked_connections: 0,
            egress_bytes: 0,
        };
        let truncated = Truncated { stdout: false, stderr: false };
        RunReport {
            status: RunStatus::Success,
            exit_code: 0,
            signal: None,
            truncated,
            usage,
            details: Default::default(),
        }
    }

    async fn all(run: Arc<KeptRun>) -> Vec<String> {
        let lines = run.events().map(|line| String::from_utf8(line.unwrap().to_vec()).unwrap());
        lines.collect().await
    }

    #[tokio::test]
    async fn whoever_comes_late_reads_everything_from_the_beginning() {
        let (sender, receiver) = channel();
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        sender.output(Output::Stdout, b"a");
        let run = tokio::spawn(async move {
            wait.await.unwrap();
            sender.output(Output::Stdout, b"b");
            drop(sender);
            Ok(report())
        });
        let runs = Arc::new(KeptRuns::default());
        let kept = runs.keep("1".into(), &RunEvent::Start, run, receiver);
        let early = tokio::spawn(all(Arc::clone(&kept)));
        tokio::task::yield_now().await;
        go.send(()).unwrap();
        let early = early.await.unwrap();
        assert_eq!(early.len(), 4, "{early:?}");
        assert!(early[0].contains("start") && early[1].contains("YQ==") && early[3].contains("complete"));
        assert_eq!(all(runs.find("1").unwrap()).await, early);
        assert!(runs.find("2").is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_has_ended_is_kept_for_a_while_and_not_for_ever() {
        let (sender, receiver) = channel();
        drop(sender);
        let runs = Arc::new(KeptRuns::default());
        let kept = runs.keep("1".into(), &RunEvent::Start, tokio::spawn(async { Ok(report()) }), receiver);
        assert_eq!(all(kept).await.len(), 2);
        sleep(KEPT_FOR - Duration::from_secs(1)).await;
        assert!(runs.find("1").is_some());
        sleep(Duration::from_secs(2)).await;
        assert!(runs.find("1").is_none());
    }

    #[tokio::test]
    async fn a_run_is_forgotten_when_its_end_was_read_and_not_before_its_end() {
        let (sender, receiver) = channel();
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        let run = tokio::spawn(async move {
            let _sender = sender;
            wait.await.unwrap();
            Ok(report())
        });
        let runs = Arc::new(KeptRuns::default());
        let kept = runs.keep("1".into(), &RunEvent::Start, run, receiver);
        runs.forget("1");
        assert!(runs.find("1").is_some());
        go.send(()).unwrap();
        assert_eq!(all(kept).await.len(), 2);
        runs.forget("1");
        runs.forget("2");
        assert!(runs.find("1").is_none());
    }

    #[tokio::test]
    async fn what_ended_first_is_forgotten_when_too_much_is_kept() {
        let runs = Arc::new(KeptRuns::default());
        for id in ["1", "2", "3"] {
            let (sender, receiver) = channel();
            sender.output(Output::Stdout, &vec![b'a'; MOST_BYTES / 3]);
            drop(sender);
            let kept = runs.keep(id.into(), &RunEvent::Start, tokio::spawn(async { Ok(report()) }), receiver);
            kept.is_over.subscribe().wait_for(|is_over| *is_over).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert!(runs.find("1").is_none() && runs.find("3").is_some());
    }
}
