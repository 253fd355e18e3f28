//! What `code` was before, for as long as somebody may not have seen what it became.

use crate::change::Change;
use crate::diff::diff;
use crate::limits::{MAX_HISTORY, MAX_HISTORY_BYTES};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The latest changes of `code`, one for each revision of the document; most recent last.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct History {
    /// The revision of now.
    rev: u64,
    changes: VecDeque<Step>,
    bytes: usize,
}

/// A revision's change and the way back; `None` where `code` stayed as it was.
type Step = Option<(Change, Change)>;

impl History {
    /// Remembers nothing before `rev`.
    pub fn from(rev: u64) -> Self {
        Self { rev, ..Self::default() }
    }

    /// The revision of now.
    pub fn rev(&self) -> u64 {
        self.rev
    }

    /// The oldest revision whose text is known.
    fn oldest(&self) -> u64 {
        self.rev - self.changes.len() as u64
    }

    /// A new revision, whose `code` is `new`.
    pub fn push(&mut self, old: &str, new: &str) {
        let step = (old != new).then(|| {
            let change = diff(old, new);
            let back = change.back(old);
            (change, back)
        });
        self.rev += 1;
        self.bytes += size(&step);
        self.changes.push_back(step);
        while self.changes.len() > MAX_HISTORY || self.bytes > MAX_HISTORY_BYTES {
            let forgotten = self.changes.pop_front().flatten();
            self.bytes -= size(&forgotten);
        }
    }

    /// A new revision that nobody may ask about.
    pub fn skip(&mut self) {
        *self = Self::from(self.rev + 1);
    }

    /// What happened to `code` since `rev`; `now` is what it is. `None` where that is not known.
    pub fn since(&self, rev: u64, now: &str) -> Option<Change> {
        let steps = self.after(rev)?;
        steps
            .flatten()
            .try_fold(None, |so_far: Option<Change>, (change, _)| match so_far {
                Some(so_far) => so_far.then(change).map(Some),
                None => Some(Some(change.clone())),
            })?
            .or_else(|| Some(Change::none(now)))
    }

    /// The text of a revision; `now` is the one of now.
    pub fn text_at(&self, rev: u64, now: &str) -> Option<String> {
        self.way_back(rev, now)?.apply(now)
    }

    /// The change from now to a revision.
    pub fn way_back(&self, rev: u64, now: &str) -> Option<Change> {
        let mut back = Change::none(now);
        for (_, step) in self.after(rev)?.rev().flatten() {
            back = back.then(step)?;
        }
        Some(back)
    }

    /// The texts of revisions down to `rev`, the latest first.
    pub fn texts_down_to<'a>(&'a self, rev: u64, now: &'a str) -> impl Iterator<Item = (u64, String)> + 'a {
        let rev = rev.max(self.oldest());
        let mut text = Some(now.to_owned());
        let mut steps = self.changes.iter().rev();
        (rev..=self.rev).rev().map_while(move |rev| {
            let this = text.take()?;
            text = match steps.next() {
                Some(Some((_, back))) => back.apply(&this),
                Some(None) => Some(this.clone()),
                None => None,
            };
            Some((rev, this))
        })
    }

    fn after(&self, rev: u64) -> Option<impl DoubleEndedIterator<Item = &Step>> {
        let known = usize::try_from(rev.checked_sub(self.oldest())?).ok().filter(|&at| at <= self.changes.len())?;
        Some(self.changes.range(known..))
    }
}

fn size(step: &Step) -> usize {
    step.as_ref().map_or(0, |(change, back)| change.inserted_bytes() + back.inserted_bytes())
}
