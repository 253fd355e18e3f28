//! The names of the objects that keep a project's history.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The random bytes of a [`LogId`].
pub const LOG_ID_BYTES: usize = 5;
const PREFIX: &str = "usage:";
/// The largest shard: a run id has four bits for it.
const MAX_SHARD: u8 = 15;

/// 40 random bits that a project gets when it is made. They name its UsageLog objects, and each of its run ids begins with
/// them. No two projects of a deployment have the same. Written as ten lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct LogId([u8; LOG_ID_BYTES]);

impl LogId {
    /// The id made of random bytes.
    pub const fn from_bytes(bytes: [u8; LOG_ID_BYTES]) -> Self {
        Self(bytes)
    }

    pub const fn bytes(self) -> [u8; LOG_ID_BYTES] {
        self.0
    }

    /// The id written as `text` in its one form.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; LOG_ID_BYTES];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        let id = Self(bytes);
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl From<LogId> for String {
    fn from(id: LogId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for LogId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not the id of a log")
    }
}

/// The name of one UsageLog object of a project.
///
/// A project has one shard. Submissions and reads of results follow the shard in the id of the run, so a hot project can get
/// more of them; a question about all runs of a project then has to ask each shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct LogName {
    pub log: LogId,
    shard: u8,
}

impl LogName {
    /// The only shard of a project.
    pub const fn of_project(log: LogId) -> Self {
        Self { log, shard: 0 }
    }

    /// A shard from 0 to 15; `None` for others.
    pub fn with_shard(log: LogId, shard: u8) -> Option<Self> {
        (shard <= MAX_SHARD).then_some(Self { log, shard })
    }

    pub const fn shard(self) -> u8 {
        self.shard
    }

    /// The object with this name; `None` if it is not one of a log.
    pub fn parse(name: &str) -> Option<Self> {
        let (log, shard) = name.strip_prefix(PREFIX)?.split_once('/')?;
        let parsed = Self::with_shard(LogId::parse(log)?, u8::from_str_radix(shard, 16).ok()?)?;
        (parsed.to_string() == name).then_some(parsed)
    }
}

impl fmt::Display for LogName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log, shard } = self;
        write!(formatter, "{PREFIX}{log}/{shard:x}")
    }
}

impl From<LogName> for String {
    fn from(name: LogName) -> Self {
        name.to_string()
    }
}

impl TryFrom<String> for LogName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not the name of a log")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_object_name_unchanged() {
        let log = LogId::parse("0badcafe01").unwrap();
        for (shard, name) in [(0, "usage:0badcafe01/0"), (15, "usage:0badcafe01/f")] {
            let made = LogName::with_shard(log, shard).unwrap();
            assert_eq!((made.to_string().as_str(), LogName::parse(name)), (name, Some(made)));
        }
        assert_eq!(LogName::of_project(log), LogName::with_shard(log, 0).unwrap());
        assert_eq!(LogName::with_shard(log, 16), None);
        assert_eq!(serde_json::to_string(&log).unwrap(), r#""0badcafe01""#);
    }

    #[test]
    fn other_names_are_no_logs() {
        for name in [
            "",
            "usage:",
            "usage:0badcafe01",
            "usage:0BADCAFE01/0",
            "usage:0badcafe01/10",
            "usage:0badcafe01/+1",
            "key:0badcafe01/0",
        ] {
            assert_eq!(LogName::parse(name), None, "{name:?}");
        }
        for id in ["", "0badcafe0", "0badcafe0g", "0BADCAFE01", "0badcafe0123"] {
            assert_eq!(LogId::parse(id), None, "{id:?}");
        }
    }
}
