//! How this deployment is.

use crate::app::App;
use crate::config::BackendKind;
use docle_protocol::RunnerHealth;
use futures::future::{Either, select};

/// A runner that needs longer is not healthy.
const LIMIT_MS: u32 = 1_000;

/// What the runner says about itself, or `None` where it does not answer in time. A container is not started to be
/// asked.
pub async fn ask_runner(app: &App) -> Option<RunnerHealth> {
    if app.config.backend == BackendKind::Container {
        return None;
    }
    match select(app.sandboxes.health(), app.clock.sleep(LIMIT_MS)).await {
        Either::Left((health, _)) => health.ok(),
        Either::Right(_) => None,
    }
}
