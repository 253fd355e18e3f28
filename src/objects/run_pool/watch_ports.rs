//! The ports of the watch of a run.

use crate::domain::secret::DeploymentSecret;
use crate::ports::artifacts::ArtifactStore;
use crate::ports::{Background, Clock, Kv, Log};
use std::rc::Rc;

/// What the watch of a run needs from outside.
#[derive(Clone)]
pub struct WatchPorts {
    pub clock: Rc<dyn Clock>,
    pub background: Rc<dyn Background>,
    pub runs: Rc<dyn Kv>,
    pub artifacts: Rc<dyn ArtifactStore>,
    /// Signs links to files.
    pub secret: DeploymentSecret,
    pub log: Rc<dyn Log>,
}
