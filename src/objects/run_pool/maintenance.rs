//! The alarm of a RunPool object: submits finished runs whose log has failed, deletes old idempotency keys, takes
//! detached runs up, reports their ends, puts the container to sleep, gives back what it holds of the account's quotas, and deletes the storage when nothing is left.

use crate::domain::pool::lifecycle::next_alarm;
use crate::domain::timestamp::Timestamp;
use crate::objects::container::target::RunTarget;
use crate::objects::run_pool::detached::storage as detached_runs;
use crate::objects::run_pool::notices::{self, RunNotices};
use crate::objects::run_pool::quota::PoolQuota;
use crate::objects::run_pool::recorder::RunRecorder;
use crate::objects::run_pool::storage;
use crate::objects::runtime::ObjectRuntime;
use crate::ports::{PortError, RunnerHttp};
use std::rc::Rc;

/// What failed is repeated after this long, in milliseconds.
const RETRY_AFTER_MS: i64 = 5_000;

/// Does what is due, and sets the next alarm. `take_up_detached` is [`PoolRuns::take_up`](super::runs::PoolRuns::take_up).
///
/// # Errors
/// The next alarm could not be set; the runtime repeats this one.
pub async fn alarm<H: RunnerHttp>(
    target: &RunTarget<H>,
    records: Option<(&RunRecorder, &RunNotices)>,
    quota: Option<&Rc<PoolQuota>>,
    take_up_detached: impl FnOnce() -> Result<Option<Timestamp>, PortError>,
    runtime: &ObjectRuntime,
) -> Result<(), PortError> {
    let failed = |message: &str, error: &PortError| {
        runtime.log_failure(message, &error.0);
        Some(runtime.clock.now().plus_ms(RETRY_AFTER_MS))
    };
    let detached = take_up_detached()
        .unwrap_or_else(|error| failed("Detached runs could not be taken up; the object tries again.", &error));
    if detached.is_some() {
        // After a reset they may be in a container that nothing else is known to use.
        target.touch();
    }
    // The container comes before the rest: a purge that fails keeps no container awake.
    let rest = target.rest().await;
    let (submitted, reported) = match records {
        Some((recorder, notices)) => {
            let submitted = recorder.retry().await;
            let reported = notices.send().await;
            (
                submitted.unwrap_or_else(|error| failed("Kept runs could not be read.", &error)),
                reported.unwrap_or_else(|error| failed("Notices of runs could not be read.", &error)),
            )
        }
        None => (failed("Kept runs cannot be submitted.", &PortError("The settings are invalid.".to_owned())), None),
    };
    let lease = match quota {
        Some(quota) => quota.alarm().await,
        None => None,
    };
    let purged = purge(runtime)
        .unwrap_or_else(|error| failed("Old idempotency keys could not be deleted; the object tries again.", &error));
    let kept = match storage::logs_of_unsubmitted(&*runtime.storage) {
        Ok(logs) if logs.is_empty() => None,
        // A run may have been kept while another one was submitted.
        Ok(_) => submitted.or(Some(runtime.clock.now().plus_ms(RETRY_AFTER_MS))),
        Err(error) => failed("Kept runs could not be read.", &error),
    };
    let noticed = match notices::are_stored(&*runtime.storage) {
        Ok(false) => None,
        // A run may have ended while something else was done.
        Ok(true) => reported.or(Some(runtime.clock.now().plus_ms(RETRY_AFTER_MS))),
        Err(error) => failed("Notices of runs could not be read.", &error),
    };
    let detached = match detached_runs::count(&*runtime.storage) {
        // One may have been stored while something else was done.
        Ok(1..) => detached.or(Some(runtime.clock.now().plus_ms(RETRY_AFTER_MS))),
        Ok(0) => detached,
        Err(error) => failed("Detached runs could not be counted; the object tries again.", &error),
    };
    // Between the look at the storage and its deletion there is no await, so no call can have stored anything.
    match next_alarm([purged, rest, kept, noticed, lease, detached]) {
        Some(next) => runtime.storage.schedule_alarm(next).await,
        None => runtime.storage.delete_all().await,
    }
}

/// Deletes old idempotency keys, as many as one step may. Returns when the next step is due.
fn purge(runtime: &ObjectRuntime) -> Result<Option<Timestamp>, PortError> {
    let storage = &*runtime.storage;
    storage::create_tables(storage)?;
    storage::purge(storage, runtime.clock.now())?;
    storage::next_alarm(storage)
}
