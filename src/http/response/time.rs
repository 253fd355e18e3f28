//! Points in time as responses have them.

use crate::domain::timestamp::Timestamp;

/// The time so many milliseconds after `at`; `None` if that is none.
pub fn later(at: &str, ms: f64) -> Option<String> {
    Some(Timestamp(Timestamp::parse(at)?.0 + ms as i64).to_string())
}
