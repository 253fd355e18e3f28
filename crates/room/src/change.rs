//! An edit of a text as a sequence of operations: retain, delete, insert, counted in characters.

use operational_transform::{Operation, OperationSeq};
use serde::{Deserialize, Serialize};

/// An edit of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Change(OperationSeq);

/// Two concurrent changes of the same text, each transformed to apply after the other.
pub struct Transformed {
    /// The first change, for the text after the second one.
    pub first: Change,
    /// The second change, for the text after the first one.
    pub second: Change,
}

impl Change {
    /// The change that consists of these operations.
    pub fn of(operations: impl IntoIterator<Item = Operation>) -> Self {
        Self(operations.into_iter().collect())
    }

    /// The change that keeps a text as it is.
    pub fn identity(text: &str) -> Self {
        Self::of([Operation::Retain(text.chars().count() as u64)])
    }

    /// The operations, in order.
    pub fn operations(&self) -> &[Operation] {
        self.0.ops()
    }

    /// Whether the change has no effect.
    pub fn is_noop(&self) -> bool {
        self.0.is_noop()
    }

    /// The changed text; `None` if the change is for a text of another length.
    pub fn apply(&self, text: &str) -> Option<String> {
        self.0.apply(text).ok()
    }

    /// One change with the effect of this change followed by `next`.
    pub fn compose(&self, next: &Self) -> Option<Self> {
        self.0.compose(&next.0).ok().map(Self)
    }

    /// The change that undoes this one; `text` is the text before this change.
    pub fn invert(&self, text: &str) -> Self {
        Self(self.0.invert(text))
    }

    /// Transforms this change and a concurrent one. Of two insertions at one position that of `self` comes first.
    pub fn transform(&self, other: &Self) -> Option<Transformed> {
        let (first, second) = self.0.transform(&other.0).ok()?;
        Some(Transformed { first: Self(first), second: Self(second) })
    }

    /// Bytes of the inserted text.
    pub fn inserted_bytes(&self) -> usize {
        let bytes = |operation: &Operation| if let Operation::Insert(text) = operation { text.len() } else { 0 };
        self.operations().iter().map(bytes).sum()
    }
}
