//! Compilations that runs of one call share: each program is compiled once, and its product stays while further runs may
//! want it.

use crate::compile::Compiled;
use crate::events::EventSender;
use crate::packages::Failure;
use docle_protocol::{RunJob, Stage};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long a compilation is kept after its last use: the time between two runs of one call, with reserve.
const KEPT: Duration = Duration::from_secs(30);
/// Compilations that are kept at once. A run beyond them compiles for itself.
const MAX_KEPT: usize = 32;

/// The compilations of this runner that are shared. The name of a call is known to the Worker alone, so no program finds
/// out what another call has compiled.
#[derive(Debug, Clone, Default)]
pub struct SharedCompilations(Arc<Mutex<HashMap<String, Arc<Entry>>>>);

#[derive(Debug)]
struct Entry {
    /// `None` until the first run has compiled. A run that compiles holds the lock.
    compiled: tokio::sync::Mutex<Option<Compiled>>,
    last_use: Mutex<Instant>,
}

impl SharedCompilations {
    /// The compilation of a job: that of an earlier run of the same call, or `make`. A compilation that fails is shared, too.
    ///
    /// # Errors
    /// As for `make`. Then the next run of the call tries it again.
    pub async fn get_or(
        &self,
        job: &RunJob,
        events: &EventSender,
        cancel: &CancellationToken,
        make: impl Future<Output = Result<Compiled, Failure>>,
    ) -> Result<Compiled, Failure> {
        let Some(entry) = name(job).and_then(|name| self.entry(name)) else { return make.await };
        let mut compiled = match entry.compiled.try_lock() {
            Ok(compiled) => compiled,
            Err(_) => {
                // The other run's compilation has its own limits; the wait for it is no wait for a slot.
                if !events.start() {
                    return Err(Failure::Full);
                }
                events.stage(Stage::Compile);
                tokio::select! {
                    compiled = entry.compiled.lock() => compiled,
                    () = cancel.cancelled() => return Err(Failure::Cancelled),
                }
            }
        };
        entry.touch();
        if let Some(compiled) = &*compiled {
            if !events.start() {
                return Err(Failure::Full);
            }
            return Ok(compiled.clone().for_another_run());
        }
        let made = make.await?;
        *compiled = Some(made.clone());
        entry.touch();
        Ok(made)
    }

    /// The entry of this name; `None` if there are too many.
    fn entry(&self, name: String) -> Option<Arc<Entry>> {
        let mut entries = self.locked();
        if let Some(entry) = entries.get(&name) {
            return Some(Arc::clone(entry));
        }
        if entries.len() >= MAX_KEPT {
            return None;
        }
        let entry = Arc::new(Entry { compiled: tokio::sync::Mutex::default(), last_use: Mutex::new(Instant::now()) });
        entries.insert(name.clone(), Arc::clone(&entry));
        drop(entries);
        tokio::spawn(self.clone().remove_when_idle(name));
        Some(entry)
    }

    async fn remove_when_idle(self, name: String) {
        loop {
            tokio::time::sleep(KEPT).await;
            let mut entries = self.locked();
            let is_idle = |entry: &Arc<Entry>| Arc::strong_count(entry) == 1 && entry.is_idle();
            if entries.get(&name).is_none_or(is_idle) {
                // A run that still uses the product holds it itself.
                let removed = entries.remove(&name);
                drop(entries);
                drop(removed);
                return;
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Arc<Entry>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn touch(&self) {
        *self.last_use.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn is_idle(&self) -> bool {
        self.last_use.lock().unwrap_or_else(PoisonError::into_inner).elapsed() >= KEPT
    }
}

/// What a compilation is found by: the call, and all that the compiler is given. `None` if the run shares nothing.
fn name(job: &RunJob) -> Option<String> {
    let share = job.share.as_ref()?;
    let given = serde_json::to_vec(&(share, job.language, &job.entrypoint, &job.files, &job.compile)).ok()?;
    Some(hex::encode(Sha256::digest(given)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::channel;
    use docle_protocol::report::CompileResult;
    use serde_json::{Value, json};
    use std::cell::Cell;

    fn job(change: &Value) -> RunJob {
        let mut job = json!({
            "id": "a", "language": "c", "files": [{ "path": "main.c", "content": "1" }], "entrypoint": "main.c",
            "stdin": "", "args": [], "env": {}, "packages": [], "share": "call",
            "compile": { "options": [], "timeoutMs": 1_000, "memoryMB": 64 },
            "limits": { "timeoutMs": 1_000, "memoryMB": 64, "maxOutputBytes": 1_024 }, "network": { "mode": "none" },
        });
        job.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        serde_json::from_value(job).unwrap()
    }

    fn compiled() -> Compiled {
        let result = CompileResult { duration_ms: 5.0, cpu_ms: 4.0, ..CompileResult::default() };
        Compiled { product: None, result, output: "warning".into(), cpu: Duration::from_millis(4) }
    }

    #[tokio::test(start_paused = true)]
    async fn runs_of_one_call_compile_the_same_program_once() {
        let (shared, times, cancel) = (SharedCompilations::default(), Cell::new(0), CancellationToken::new());
        let get = async |change: Value| {
            let (events, _receiver) = channel();
            let make = async {
                times.set(times.get() + 1);
                tokio::task::yield_now().await;
                Ok(compiled())
            };
            shared.get_or(&job(&change), &events, &cancel, make).await.unwrap()
        };
        let (first, second) = tokio::join!(get(json!({})), get(json!({ "id": "b", "stdin": "in", "inputs": [] })));
        assert_eq!(times.get(), 1);
        assert_eq!((first.cpu.as_millis(), second.cpu.as_millis(), second.result.cpu_ms), (4, 0, 0.0));
        assert_eq!(second.output, "warning");
        for (other, compilations) in [
            (json!({ "share": "another call" }), 2),
            (json!({ "files": [{ "path": "main.c", "content": "2" }] }), 3),
            (json!({ "compile": { "options": ["-O2"], "timeoutMs": 1_000, "memoryMB": 64 } }), 4),
            (json!({ "share": null }), 5),
            (json!({ "share": null }), 6),
            (json!({}), 6),
        ] {
            get(other.clone()).await;
            assert_eq!(times.get(), compilations, "{other}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_compilation_that_was_cancelled_is_tried_again_by_the_next_run() {
        let (shared, cancel, (events, _receiver)) =
            (SharedCompilations::default(), CancellationToken::new(), channel());
        let cancelled = shared.get_or(&job(&json!({})), &events, &cancel, async { Err(Failure::Cancelled) }).await;
        assert!(matches!(cancelled, Err(Failure::Cancelled)));
        let made = shared.get_or(&job(&json!({})), &events, &cancel, async { Ok(compiled()) }).await.unwrap();
        assert_eq!(made.result.cpu_ms, 4.0);
    }
}
