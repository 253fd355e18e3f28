//! Delivers finished runs to the log of their project, and loses none of them while anything that can keep them answers.

use crate::domain::run::finished::FinishedRun;
use crate::ports::{Clock, Level, Log, PortError};
use serde_json::json;

/// The pauses before a log is tried again, in milliseconds, when nothing else keeps the runs.
const RETRY_AFTER_MS: [u32; 2] = [500, 2_000];

/// Calls `submit`, which may be repeated. If it fails, calls `keep`, which stores the runs for a later submission. If that
/// fails as well, tries the log again. Logs each run that is lost in the end.
pub async fn deliver(
    runs: &[FinishedRun],
    submit: impl AsyncFn(&[FinishedRun]) -> Result<(), PortError>,
    keep: impl AsyncFn(&[FinishedRun]) -> Result<(), PortError>,
    clock: &dyn Clock,
    log: &dyn Log,
) {
    let Err(mut failure) = submit(runs).await else { return };
    for pause in RETRY_AFTER_MS {
        let Err(kept) = keep(runs).await else {
            let message = "The log of a project did not take finished runs; they are kept and submitted later.";
            log.write(Level::Info, json!({ "message": message, "runs": runs.len(), "error": failure.0 }));
            return;
        };
        log.write(Level::Error, json!({ "message": "Finished runs could not be kept.", "error": kept.0 }));
        clock.sleep(pause).await;
        match submit(runs).await {
            Ok(()) => return,
            Err(error) => failure = error,
        }
    }
    for run in runs {
        let message = "A finished run could not be submitted to the log of its project.";
        log.write(Level::Error, json!({ "message": message, "run.id": run.id, "error": failure.0 }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::run::id::RunId;
    use crate::tests::fakes::{FakeClock, FakeLog};
    use crate::tests::fault::{Fault, Faults};
    use futures::executor::block_on;
    use std::cell::RefCell;

    /// What the log has, what is kept, and the ids of runs in the log, after two runs were delivered.
    fn delivered(log: Vec<Fault>, kept: Vec<Fault>) -> (Vec<RunId>, Vec<RunId>, usize) {
        let run = |number| FinishedRun { id: RunId::from_random([number; 16]), usage: "{}".into(), record: None };
        let (log_faults, keep_faults) = (Faults::default(), Faults::default());
        log_faults.next(log);
        keep_faults.next(kept);
        let (at_log, at_pool) = (RefCell::default(), RefCell::default());
        let store = async |runs: &[FinishedRun], faults: &Faults, ids: &RefCell<Vec<RunId>>| {
            faults.around(async || ids.borrow_mut().extend(runs.iter().map(|run| run.id))).await
        };
        let log = FakeLog::default();
        block_on(deliver(
            &[run(1), run(2)],
            async |runs| store(runs, &log_faults, &at_log).await,
            async |runs| store(runs, &keep_faults, &at_pool).await,
            &FakeClock::default(),
            &log,
        ));
        let named = log.0.borrow().iter().filter(|(_, line)| line.get("run.id").is_some()).count();
        (at_log.into_inner(), at_pool.into_inner(), named)
    }

    #[test]
    fn runs_of_a_log_that_failed_once_were_lost() {
        let ids = [1, 2].map(|number| RunId::from_random([number; 16])).to_vec();
        assert_eq!(delivered(vec![], vec![]), (ids.clone(), vec![], 0));
        assert_eq!(delivered(vec![Fault::NotDone], vec![]), (vec![], ids.clone(), 0));
        assert_eq!(delivered(vec![Fault::DoneButFailed], vec![]), (ids.clone(), ids.clone(), 0));
        assert_eq!(delivered(vec![Fault::NotDone], vec![Fault::NotDone]), (ids.clone(), vec![], 0));
    }

    #[test]
    fn one_lost_run_was_logged_for_a_whole_batch() {
        let all = || vec![Fault::NotDone, Fault::NotDone, Fault::NotDone];
        assert_eq!(delivered(all(), all()), (vec![], vec![], 2));
    }
}
