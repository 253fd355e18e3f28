//! How this deployment is.

use crate::app::context::App;
use docle_protocol::RunnerHealth;
use futures::future::{Either, select};

/// A runner that needs longer is not healthy.
const LIMIT_MS: u32 = 1_000;

/// Whether programs can be run, and what the runner says about itself where there is one to ask. A container is not
/// started to be asked: that one can be is all that is said of it.
pub async fn ask_runner(app: &App) -> Option<Option<RunnerHealth>> {
    match select(app.run_pools.health(), app.clock.sleep(LIMIT_MS)).await {
        Either::Left((health, _)) => health.ok(),
        Either::Right(_) => None,
    }
}
