//! The shadow of a JSON client: the text that its next message is based on.
//!
//! A JSON client sends its whole text. The difference to the current text would undo concurrent edits of other users. So the
//! room compares the message with the shadow, which yields the edit of this client, and transforms that edit over the
//! concurrent ones. The method is that of differential synchronization: <https://neil.fraser.name/writing/sync/>.

use crate::change::Change;
use crate::diff::{diff, distance};
use crate::history::History;
use crate::limits::{MAX_ATTACHMENT_CHANGE_BYTES, MAX_COMPARED_BYTES, RECEIVED_AFTER_MS};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Texts that were sent within this time count as sent together, in milliseconds.
const SENT_TOGETHER_MS: i64 = 1_000;

/// One client's view of `code`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Shadow {
    /// The client has received this revision, or a later one.
    seen: u64,
    /// The text that the client sent last. The client edits it further until it receives a newer revision.
    own: Option<Own>,
    /// The latest revision that the room sent to the client. After hibernation the room assumes that it sent all of them.
    #[serde(skip)]
    sent: u64,
    /// The client has received this revision, because the room sent it long ago. It has replaced the client's own text.
    #[serde(skip)]
    received: u64,
    /// The latest revision of each second in which the room sent some, and the start of that second, in milliseconds.
    #[serde(skip)]
    in_flight: VecDeque<(u64, i64)>,
}

/// A text that a client sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Own {
    /// The revision that the client named as its base.
    of: Option<u64>,
    /// The revision after the merge.
    at: u64,
    /// The change from the client's text to that of the revision, and its inverse.
    ahead: Change,
    back: Change,
    /// The room sent the merged text, which replaces the client's text when it arrives.
    is_corrected: bool,
}

/// A text that the client's message may be based on.
struct Base {
    text: String,
    /// The change from this text to the current one.
    to_now: Change,
    /// The client has received this revision.
    seen: u64,
    /// A text without this edit is on its way to the client and will replace the client's text.
    will_be_replaced: bool,
}

/// A client's text merged into the current one.
#[derive(Debug, PartialEq)]
pub struct Merge {
    /// The change of the current text.
    pub change: Change,
    /// The change from the client's text to the merged one.
    correction: Change,
    /// The revision that the client named.
    named: Option<u64>,
    /// The revision that the client has received.
    seen: u64,
    /// Whether the room must send the merged text to the client.
    pub needs_correction: bool,
}

/// The revision is not in the history.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownRevision;

impl Shadow {
    /// The shadow of a client that has received a revision.
    pub fn of(rev: u64) -> Self {
        Self { seen: rev, sent: rev, ..Self::default() }
    }

    /// The room sends the text of a revision to the client.
    pub fn mark_sent(&mut self, rev: u64, now: i64) {
        self.sent = rev;
        match self.in_flight.back_mut() {
            Some((last, since)) if now - *since < SENT_TOGETHER_MS => *last = rev,
            _ => self.in_flight.push_back((rev, now)),
        }
        self.settle(now);
    }

    /// Takes what the room sent long ago as received.
    pub fn settle(&mut self, now: i64) {
        while let Some(&(rev, since)) = self.in_flight.front() {
            if now - since < SENT_TOGETHER_MS + RECEIVED_AFTER_MS {
                break;
            }
            self.received = rev;
            self.in_flight.pop_front();
        }
    }

    /// Merges `code`, which the client sent, into the current text `now`. `named` is the base revision of a client that names
    /// one.
    ///
    /// # Errors
    /// When the revision is unknown.
    pub fn merge(
        &self,
        history: &History,
        now: &str,
        code: &str,
        named: Option<u64>,
    ) -> Result<Merge, UnknownRevision> {
        let base = match named {
            Some(rev) => self.named(history, now, rev),
            None => self.nearest(history, now, code),
        }
        .ok_or(UnknownRevision)?;
        let transformed = diff(&base.text, code).transform(&base.to_now).ok_or(UnknownRevision)?;
        let needs_correction = base.will_be_replaced || !transformed.second.is_noop();
        Ok(Merge {
            change: transformed.first,
            correction: transformed.second,
            named,
            seen: base.seen,
            needs_correction,
        })
    }

    /// Records the client's text `code` after the merge, which produced revision `at`.
    pub fn record(&mut self, merge: Merge, at: u64, code: &str) {
        let back = merge.correction.invert(code);
        let has_all = self.sent <= self.seen.max(self.received);
        let Merge { named, correction, needs_correction, .. } = merge;
        // Nothing is on its way to the client, so its next text is based on this one.
        self.seen = if has_all && !needs_correction { at } else { merge.seen };
        self.own = Some(Own { of: named, at, ahead: correction, back, is_corrected: needs_correction });
    }

    /// Whether the client surely has the text of a revision.
    pub fn has_received(&self, rev: u64) -> bool {
        self.seen >= rev || self.own.as_ref().is_some_and(|own| own.at >= rev && !own.is_corrected)
    }

    /// Whether the shadow fits into the attachment of the client's socket.
    pub fn is_small(&self) -> bool {
        let bytes =
            |own: &Own| own.ahead.inserted_bytes() + own.back.inserted_bytes() + 16 * own.ahead.operations().len();
        self.own.as_ref().is_none_or(|own| bytes(own) <= MAX_ATTACHMENT_CHANGE_BYTES)
    }

    /// The shadow without the client's own text. The next message is compared with revisions only.
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

    /// The base that differs least from `code` among all texts that the client may have. People type a few characters at a
    /// time, and a base with a change that the client has not received differs by that change as well.
    fn nearest(&self, history: &History, now: &str, code: &str) -> Option<Base> {
        let is_replaced = |own: &Own| own.at < self.received || own.at == self.received && own.is_corrected;
        let own = self.own.as_ref().filter(|own| !is_replaced(own));
        let own = own.and_then(|own| self.own_base(own, history, now));
        let mut least = own.as_ref().map_or(usize::MAX, |base| distance(&base.text, code));
        let mut nearest = None;
        let mut left = MAX_COMPARED_BYTES;
        for (rev, text) in history.texts_down_to(self.seen.max(self.received), now) {
            let Some(rest) = left.checked_sub(text.len() + 1) else { break };
            left = rest;
            let distance = distance(&text, code);
            if distance < least {
                least = distance;
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
        Some(Base { text, to_now, seen: rev, will_be_replaced: self.sent > rev })
    }

    fn own_base(&self, own: &Own, history: &History, now: &str) -> Option<Base> {
        let text = own.back.apply(&history.text_at(own.at, now)?)?;
        let to_now = own.ahead.compose(&history.since(own.at, now)?)?;
        Some(Base { text, to_now, seen: self.seen, will_be_replaced: own.is_corrected || self.sent > own.at })
    }
}
