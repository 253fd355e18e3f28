//! What the runtime gives: time, randomness, background work, the log.

use crate::domain::timestamp::Timestamp;
use futures::future::LocalBoxFuture;

/// Time.
pub trait Clock {
    /// The time now.
    fn now(&self) -> Timestamp;
    /// Resolves after `milliseconds`.
    fn sleep(&self, milliseconds: u32) -> LocalBoxFuture<'static, ()>;
}

/// Unpredictable random bytes.
pub trait Entropy {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// Work that continues after the response.
pub trait Background {
    /// Runs `work` to its end, whether or not the response has been sent.
    fn spawn(&self, work: LocalBoxFuture<'static, ()>);
}

/// The log.
pub trait Log {
    /// Writes one line: a sentence or an object with dotted fields; never keys, code, addresses or bodies.
    fn write(&self, level: Level, line: serde_json::Value);
}

/// The severity of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Info,
    Error,
}
