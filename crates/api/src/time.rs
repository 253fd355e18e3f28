//! Times, as responses tell them.

use serde::{Deserialize, Serialize};

/// A time in UTC as ISO 8601 with milliseconds: `2026-01-31T12:00:00.000Z`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline, extend("format" = "date-time")))]
#[serde(transparent)]
pub struct Time(pub String);

impl Time {
    /// The time that `text` is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}
