//! The recent revisions of `code`, for JSON clients that have not received the latest one.

use crate::change::Change;
use crate::diff::diff;
use crate::limits::{MAX_HISTORY, MAX_HISTORY_BYTES};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The latest changes of `code`, one for each revision of the document; the most recent last.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct History {
    /// The current revision.
    rev: u64,
    changes: VecDeque<Step>,
    bytes: usize,
}

/// The change of a revision and its inverse; `None` if `code` stayed the same.
type Step = Option<(Change, Change)>;

impl History {
    /// An empty history at revision `rev`.
    pub fn from(rev: u64) -> Self {
        Self { rev, ..Self::default() }
    }

    /// The current revision.
    pub fn rev(&self) -> u64 {
        self.rev
    }

    /// The oldest revision whose text is known.
    fn oldest(&self) -> u64 {
        self.rev - self.changes.len() as u64
    }

    /// Appends a revision that changes `code` from `old` to `new`.
    pub fn push(&mut self, old: &str, new: &str) {
        let step = (old != new).then(|| {
            let change = diff(old, new);
            let inverse = change.invert(old);
            (change, inverse)
        });
        self.rev += 1;
        self.bytes += size(&step);
        self.changes.push_back(step);
        while self.changes.len() > MAX_HISTORY || self.bytes > MAX_HISTORY_BYTES {
            let dropped = self.changes.pop_front().flatten();
            self.bytes -= size(&dropped);
        }
    }

    /// Appends a revision whose change is unknown, and drops all changes before it.
    pub fn skip(&mut self) {
        *self = Self::from(self.rev + 1);
    }

    /// The change of `code` since `rev`; `now` is the current text. `None` for an unknown revision.
    pub fn since(&self, rev: u64, now: &str) -> Option<Change> {
        let steps = self.steps_after(rev)?;
        steps
            .flatten()
            .try_fold(None, |composed: Option<Change>, (change, _)| match composed {
                Some(composed) => composed.compose(change).map(Some),
                None => Some(Some(change.clone())),
            })?
            .or_else(|| Some(Change::identity(now)))
    }

    /// The text of a revision; `now` is the current text.
    pub fn text_at(&self, rev: u64, now: &str) -> Option<String> {
        self.change_back_to(rev, now)?.apply(now)
    }

    /// The change from the current text to that of a revision.
    fn change_back_to(&self, rev: u64, now: &str) -> Option<Change> {
        let mut composed = Change::identity(now);
        for (_, inverse) in self.steps_after(rev)?.rev().flatten() {
            composed = composed.compose(inverse)?;
        }
        Some(composed)
    }

    /// The texts of the revisions from the current one down to `rev`.
    pub fn texts_down_to<'a>(&'a self, rev: u64, now: &'a str) -> impl Iterator<Item = (u64, String)> + 'a {
        let rev = rev.max(self.oldest());
        let mut text = Some(now.to_owned());
        let mut steps = self.changes.iter().rev();
        (rev..=self.rev).rev().map_while(move |rev| {
            let this = text.take()?;
            text = match steps.next() {
                Some(Some((_, inverse))) => inverse.apply(&this),
                Some(None) => Some(this.clone()),
                None => None,
            };
            Some((rev, this))
        })
    }

    fn steps_after(&self, rev: u64) -> Option<impl DoubleEndedIterator<Item = &Step>> {
        let known = usize::try_from(rev.checked_sub(self.oldest())?).ok().filter(|&at| at <= self.changes.len())?;
        Some(self.changes.range(known..))
    }
}

fn size(step: &Step) -> usize {
    step.as_ref().map_or(0, |(change, inverse)| change.inserted_bytes() + inverse.inserted_bytes())
}
