//! Points in time.

use chrono::{DateTime, SecondsFormat};
use docle_api::time::Time;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An hour in milliseconds.
pub const HOUR_MS: i64 = 3_600_000;
/// A day in milliseconds.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// Milliseconds since 1970 in UTC; shown as ISO 8601 with milliseconds and `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The time written as `text`, in ISO 8601 with a time zone.
    pub fn parse(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|time| Self(time.timestamp_millis()))
    }

    /// The time `milliseconds` later.
    pub fn plus_ms(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = DateTime::from_timestamp_millis(self.0).unwrap_or_default();
        formatter.write_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl From<Timestamp> for Time {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamp_format_unchanged() {
        assert_eq!(Timestamp(1_735_291_380_007).to_string(), "2024-12-27T09:23:00.007Z");
        assert_eq!(Timestamp::parse("2024-12-27T10:23:00.007+01:00"), Some(Timestamp(1_735_291_380_007)));
        assert_eq!(Timestamp::parse("2024-12-27"), None);
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000Z");
    }
}
