//! The health of this deployment.

use crate::app::context::App;
use docle_protocol::RunnerHealth;
use futures::future::{Either, select};

/// How long a healthy runner may take to respond, in milliseconds.
const LIMIT_MS: u32 = 1_000;

/// `None` if no program can run. Otherwise the health of the runner at `SANDBOX_URL`, or `Some(None)` with containers,
/// because a health check starts no container.
pub async fn runner_health(app: &App) -> Option<Option<RunnerHealth>> {
    match select(app.run_pools.health(), app.clock.sleep(LIMIT_MS)).await {
        Either::Left((health, _)) => health.ok(),
        Either::Right(_) => None,
    }
}
