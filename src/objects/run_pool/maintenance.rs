//! The alarm of a RunPool object: deletes old answers of idempotent runs, puts the container to sleep, and deletes the
//! storage when nothing is left.

use crate::domain::pool::lifecycle::next_alarm;
use crate::domain::timestamp::Timestamp;
use crate::objects::container::target::RunTarget;
use crate::objects::run_pool::storage;
use crate::objects::runtime::ObjectRuntime;
use crate::ports::{PortError, RunnerHttp};

/// A purge that failed is repeated after this long, in milliseconds.
const RETRY_AFTER_MS: i64 = 5_000;

/// Does what is due, and sets the next alarm.
///
/// # Errors
/// The next alarm could not be set; the runtime repeats this one.
pub async fn alarm<H: RunnerHttp>(target: &RunTarget<H>, runtime: &ObjectRuntime) -> Result<(), PortError> {
    // The container comes first: a purge that fails keeps no container awake.
    let rest = target.rest().await;
    let purged = purge(runtime).unwrap_or_else(|error| {
        runtime.log_failure("Old answers could not be deleted; the object tries again.", &error.0);
        Some(runtime.clock.now().plus_ms(RETRY_AFTER_MS))
    });
    // Between the look at the storage and its deletion there is no await, so no call can have stored anything.
    match next_alarm([purged, rest]) {
        Some(next) => runtime.storage.schedule_alarm(next).await,
        None => runtime.storage.delete_all().await,
    }
}

/// Deletes old answers, as many as one step may. Returns when the next step is due.
fn purge(runtime: &ObjectRuntime) -> Result<Option<Timestamp>, PortError> {
    let storage = &*runtime.storage;
    storage::create_tables(storage)?;
    storage::purge(storage, runtime.clock.now())?;
    storage::next_alarm(storage)
}
