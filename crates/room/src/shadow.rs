//! What a client of the JSON protocol is looking at, so that what it sends can be told from what it has not seen.
//!
//! Such a client sends its whole text. Comparing that with the text of now would undo what others did meanwhile; comparing
//! it with what the client was shown gives what it did itself, which is then put on top of what others did.

use crate::change::Change;
use crate::diff::{diff, distance};
use crate::history::History;
use crate::limits::{MAX_COMPARED_BYTES, MAX_KEPT_CHANGE_BYTES};
use serde::{Deserialize, Serialize};

/// One client's view of `code`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Shadow {
    /// The client has seen this revision, or a later one.
    seen: u64,
    /// What it sent last, on top of which it goes on until it has seen something newer.
    own: Option<Own>,
    /// The latest revision that it was sent. A room that wakes up has to assume that it was sent everything.
    #[serde(skip)]
    told: u64,
}

/// A text that a client sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Own {
    /// The revision that it says it was made of.
    of: Option<u64>,
    /// The revision that it led to.
    at: u64,
    /// What makes that revision's text of it, and the way back.
    ahead: Change,
    back: Change,
    /// It was sent the result, which takes the place of its text whenever it arrives.
    is_corrected: bool,
}

/// What a client may have made its text of.
struct Base {
    text: String,
    /// What makes the text of now of it.
    to_now: Change,
    /// The client must have seen this revision.
    seen: u64,
    /// Something is on its way to the client that will take the place of its text, and lacks what it sent.
    will_be_replaced: bool,
}

/// What a client's text means for the text of now.
#[derive(Debug, PartialEq)]
pub struct Merge {
    /// What to change.
    pub change: Change,
    /// What makes the result of what the client sent: nothing where it has it already.
    correction: Change,
    /// The revision that the client named.
    named: Option<u64>,
    /// The revision that the client must have seen.
    seen: u64,
    /// Whether the client has to be told what became of its text.
    pub needs_correction: bool,
}

/// The client speaks of a revision that nobody remembers.
#[derive(Debug, PartialEq, Eq)]
pub struct Forgotten;

impl Shadow {
    /// The view of a client that was shown a revision.
    pub fn of(rev: u64) -> Self {
        Self { seen: rev, own: None, told: rev }
    }

    /// The client is sent the text of a revision.
    pub fn tell(&mut self, rev: u64) {
        self.told = rev;
    }

    /// What `code`, sent by the client, means for `now`. The client may name the revision that it made it of.
    ///
    /// # Errors
    /// Where the revision is not known.
    pub fn merge(&self, history: &History, now: &str, code: &str, named: Option<u64>) -> Result<Merge, Forgotten> {
        let base = match named {
            Some(rev) => self.named(history, now, rev),
            None => self.likeliest(history, now, code),
        }
        .ok_or(Forgotten)?;
        let both = diff(&base.text, code).beside(&base.to_now).ok_or(Forgotten)?;
        let needs_correction = base.will_be_replaced || !both.second.is_none();
        Ok(Merge { change: both.first, correction: both.second, named, seen: base.seen, needs_correction })
    }

    /// Remembers what the client has now, after the merge has led to revision `at`; `code` is what it sent.
    pub fn keep(&mut self, merge: Merge, at: u64, code: &str) {
        let back = merge.correction.back(code);
        self.seen = merge.seen;
        let Merge { named, correction, needs_correction, .. } = merge;
        self.own = Some(Own { of: named, at, ahead: correction, back, is_corrected: needs_correction });
    }

    /// Whether it can be kept with the client's socket.
    pub fn is_small(&self) -> bool {
        let bytes = |own: &Own| own.ahead.inserted_bytes() + own.back.inserted_bytes() + 16 * own.ahead.steps().len();
        self.own.as_ref().is_none_or(|own| bytes(own) <= MAX_KEPT_CHANGE_BYTES)
    }

    /// The same without what is too large to be kept with a socket: whoever sends next is compared with revisions only.
    pub fn without_own(&self) -> Self {
        Self::of(self.seen)
    }

    fn named(&self, history: &History, now: &str, rev: u64) -> Option<Base> {
        let own = self.own.as_ref().filter(|own| own.of == Some(rev));
        own.and_then(|own| self.own_base(own, history, now)).or_else(|| {
            let text = history.text_at(rev, now)?;
            self.revision_base(rev, text, history, now)
        })
    }

    /// Of everything that the client may be looking at, what differs least from what it sent: people type a few
    /// characters, and whoever has not seen a change would seem to take all of it back.
    fn likeliest(&self, history: &History, now: &str, code: &str) -> Option<Base> {
        let own = self.own.as_ref().and_then(|own| self.own_base(own, history, now));
        let mut least = own.as_ref().map_or(usize::MAX, |base| distance(&base.text, code));
        let mut nearest = None;
        let mut left = MAX_COMPARED_BYTES;
        for (rev, text) in history.texts_down_to(self.seen, now) {
            let Some(rest) = left.checked_sub(text.len() + 1) else { break };
            left = rest;
            let far = distance(&text, code);
            if far < least {
                least = far;
                nearest = Some((rev, text));
            }
        }
        match nearest {
            Some((rev, text)) => self.revision_base(rev, text, history, now),
            None => own,
        }
    }

    fn revision_base(&self, rev: u64, text: String, history: &History, now: &str) -> Option<Base> {
        let to_now = history.since(rev, now)?;
        Some(Base { text, to_now, seen: rev, will_be_replaced: self.told > rev })
    }

    fn own_base(&self, own: &Own, history: &History, now: &str) -> Option<Base> {
        let text = own.back.apply(&history.text_at(own.at, now)?)?;
        let to_now = own.ahead.then(&history.since(own.at, now)?)?;
        Some(Base { text, to_now, seen: self.seen, will_be_replaced: own.is_corrected || self.told > own.at })
    }
}
