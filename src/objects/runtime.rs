//! What the logic of an object needs from the runtime.

use crate::ports::{Background, Clock, Entropy, Level, Log, ObjectStorage};
use serde_json::json;
use std::rc::Rc;

/// The runtime, as the logic of one object sees it. Clones belong to the same object.
#[derive(Clone)]
pub struct ObjectRuntime {
    pub storage: Rc<dyn ObjectStorage>,
    pub clock: Rc<dyn Clock>,
    pub entropy: Rc<dyn Entropy>,
    /// Its work goes on after the call that started it, for as long as the object is in memory.
    pub background: Rc<dyn Background>,
    pub log: Rc<dyn Log>,
}

impl ObjectRuntime {
    /// Logs a failure that this object handles.
    pub fn log_failure(&self, message: &str, why: &str) {
        self.log.write(Level::Error, json!({ "message": message, "error": why }));
    }
}
