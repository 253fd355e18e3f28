//! A change of a text: what became of each of its characters.

use operational_transform::{Operation, OperationSeq};
use serde::{Deserialize, Serialize};

/// Steps through a text from its beginning: keep, delete, insert. Counted in characters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Change(OperationSeq);

/// What two people did to the same text, each put on top of the other's.
pub struct Both {
    /// The first one's change, for the text that the second has made.
    pub first: Change,
    /// The second one's change, for the text that the first has made.
    pub second: Change,
}

impl Change {
    /// The change that these steps make.
    pub fn of(steps: impl IntoIterator<Item = Operation>) -> Self {
        Self(steps.into_iter().collect())
    }

    /// The change that leaves a text as it is.
    pub fn none(text: &str) -> Self {
        Self::of([Operation::Retain(text.chars().count() as u64)])
    }

    /// Keep, delete, insert, in order.
    pub fn steps(&self) -> &[Operation] {
        self.0.ops()
    }

    /// Whether nothing changes.
    pub fn is_none(&self) -> bool {
        self.0.is_noop()
    }

    /// The changed text; `None` where it is not for a text of this length.
    pub fn apply(&self, text: &str) -> Option<String> {
        self.0.apply(text).ok()
    }

    /// This change and then `next`, as one.
    pub fn then(&self, next: &Self) -> Option<Self> {
        self.0.compose(&next.0).ok().map(Self)
    }

    /// The change back; `text` is what this one is for.
    pub fn back(&self, text: &str) -> Self {
        Self(self.0.invert(text))
    }

    /// Puts this change and another one of the same text on top of each other. What both insert at one place comes in
    /// the order of `self`, `other`.
    pub fn beside(&self, other: &Self) -> Option<Both> {
        let (first, second) = self.0.transform(&other.0).ok()?;
        Some(Both { first: Self(first), second: Self(second) })
    }

    /// Bytes of the text that it inserts.
    pub fn inserted_bytes(&self) -> usize {
        self.steps().iter().map(|step| if let Operation::Insert(text) = step { text.len() } else { 0 }).sum()
    }
}
