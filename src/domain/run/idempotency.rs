//! When a repeated call runs again, attaches to the first run, gets the first answer or is refused.

use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use docle_api::limits::IDEMPOTENCY_KEY_CHARS;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How long an answer is remembered: 24 hours.
pub const RETENTION_MS: i64 = 24 * 60 * 60 * 1_000;

/// A caller's name for one intention: 1 to 255 visible ASCII characters, unique within its project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key sent as `text`, or `None` where it is empty, too long or not visible ASCII.
    pub fn parse(text: &str) -> Option<Self> {
        let good = IDEMPOTENCY_KEY_CHARS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        good.then(|| Self(text.to_owned()))
    }

    /// The same name as the holder of a run token uses it: the names of each token are its own.
    pub fn of_token(&self, token_id: &str) -> Self {
        Self(format!("{token_id}.{}", hex::encode(Sha256::digest(&self.0))))
    }

    /// The name of one run of a call that starts several. No client can send it, because it has a space.
    pub fn of_run(&self, run: &str) -> Self {
        Self(format!("{} {run}", hex::encode(Sha256::digest(&self.0))))
    }

    /// The key as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What tells one request body from another: its SHA-256 in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub String);

impl Fingerprint {
    /// The fingerprint of `body`.
    pub fn of(body: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(body)))
    }
}

/// What is remembered of the first call with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub fingerprint: Fingerprint,
    pub run_id: RunId,
    pub created_at: Timestamp,
    pub finished: bool,
}

/// What to do with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallAction {
    /// It is the first: run it.
    Run,
    /// The first is still running: follow it.
    Attach,
    /// Answer with the first result.
    Replay,
    /// The key stands for another body.
    RefuseReuse,
    /// The first was running when the object that read it was restarted. It is unknown whether it finished.
    RefuseInDoubt,
}

/// Decides about a call whose key has `entry`; `in_flight` says that this very object is still reading the first run.
pub fn decide(entry: Option<&Entry>, fingerprint: &Fingerprint, in_flight: bool, now: Timestamp) -> CallAction {
    match entry {
        None => CallAction::Run,
        Some(entry) if entry.created_at.plus_ms(RETENTION_MS) <= now => CallAction::Run,
        Some(entry) if entry.fingerprint != *fingerprint => CallAction::RefuseReuse,
        Some(entry) if entry.finished => CallAction::Replay,
        Some(_) if in_flight => CallAction::Attach,
        Some(_) => CallAction::RefuseInDoubt,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_situation_has_its_decision() {
        let (same, other) = (Fingerprint::of(b"a"), Fingerprint::of(b"b"));
        let entry = |finished| Entry {
            fingerprint: same.clone(),
            run_id: RunId::from_random([0; 16]),
            created_at: Timestamp(0),
            finished,
        };
        let (now, tomorrow) = (Timestamp(1), Timestamp(RETENTION_MS));
        for (entry, fingerprint, in_flight, now, decision) in [
            (None, &same, false, now, CallAction::Run),
            (Some(entry(true)), &same, false, now, CallAction::Replay),
            (Some(entry(true)), &other, false, now, CallAction::RefuseReuse),
            (Some(entry(false)), &other, true, now, CallAction::RefuseReuse),
            (Some(entry(false)), &same, true, now, CallAction::Attach),
            (Some(entry(false)), &same, false, now, CallAction::RefuseInDoubt),
            (Some(entry(true)), &other, false, tomorrow, CallAction::Run),
        ] {
            assert_eq!(decide(entry.as_ref(), fingerprint, in_flight, now), decision, "{entry:?} {in_flight} {now}");
        }
    }

    #[test]
    fn keys_are_visible_ascii() {
        let longest = "x".repeat(255);
        for good in ["a", "!~", longest.as_str()] {
            assert_eq!(IdempotencyKey::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", " ", "a b", "é", "a\n", &"x".repeat(256)] {
            assert_eq!(IdempotencyKey::parse(bad), None, "{bad:?}");
        }
    }
}
