//! The log, as lines of JSON on the console.

use crate::ports::{Level, Log};
use serde_json::Value;
use worker::{console_error, console_log};

/// [`Log`] on the console.
pub struct Console;

impl Log for Console {
    fn write(&self, level: Level, line: Value) {
        match level {
            Level::Info => console_log!("{line}"),
            Level::Error => console_error!("{line}"),
        }
    }
}
