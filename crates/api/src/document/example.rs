//! What an example of a body is, and the values that many examples share.

use crate::time::Time;

/// A type with an example.
pub trait Example: Sized {
    /// What the example shows, as a name.
    const NAME: &'static str;

    /// The example.
    fn example() -> Self;
}

/// A run's id.
pub const RUN_ID: &str = "550e8400-e29b-41d4-a716-446655440000";
/// A project's id.
pub const PROJECT_ID: &str = "proj_0f8fad5bd9cb469fa165";
/// A key's id.
pub const KEY_ID: &str = "key_7c9e6679742540de944b";

/// A time.
pub fn time() -> Time {
    Time::new("2026-01-31T12:00:00.000Z")
}

/// Text.
pub fn text(text: &str) -> String {
    text.to_owned()
}
