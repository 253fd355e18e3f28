//! The terminals of a sandbox, by name.

use super::terminal::Terminal;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// See the module.
#[derive(Debug, Default)]
pub struct Terminals {
    all: Mutex<HashMap<String, Arc<Terminal>>>,
    /// Held while one starts.
    pub(super) starting: tokio::sync::Mutex<()>,
}

impl Terminals {
    /// The terminal with this name, if its shell has not ended.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Terminal>> {
        self.lock().get(name).filter(|terminal| !terminal.has_ended()).cloned()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Terminal>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
