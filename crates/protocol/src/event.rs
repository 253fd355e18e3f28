//! The response of the runner as a stream of events.

use crate::report::RunReport;
use serde::{Deserialize, Serialize};

/// One line of an event stream: `start`, then output as the program writes it, then exactly one `complete`. A stream that
/// ends without `complete` was interrupted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum RunEvent {
    /// The run has a slot. The installation of its packages and the program come next.
    Start,
    /// Whole characters from standard output, in order.
    Stdout { data: String },
    /// Whole characters from standard error, in order.
    Stderr { data: String },
    /// The end of the run, with the whole report.
    Complete { report: RunReport },
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn run_event_format_unchanged() {
        let written = |event: RunEvent| serde_json::to_value(event).unwrap();
        assert_eq!(written(RunEvent::Start), json!({ "type": "start" }));
        assert_eq!(written(RunEvent::Stdout { data: "a".into() }), json!({ "type": "stdout", "data": "a" }));
        assert_eq!(written(RunEvent::Stderr { data: "b".into() }), json!({ "type": "stderr", "data": "b" }));
    }
}
