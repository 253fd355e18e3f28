//! What is wrong with a request, field by field.

pub use docle_api::errors::FieldError;

/// A thousand bad files need not make a thousand messages: the first fifty say enough, and keep the answer small.
const MAX_PROBLEMS: usize = 50;

/// How much a problem tells its reader; the first of the list is the one that the message of an error describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// A field whose right name is known.
    Misspelt,
    /// A field that is missing, or has a wrong value.
    Wrong,
    /// A field that does not exist.
    Unknown,
}

/// Everything found wrong so far.
#[derive(Debug, Default)]
pub struct Problems(Vec<(Rank, FieldError)>);

impl Problems {
    /// Notes that `field` is wrong.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.note(Rank::Wrong, field.into(), message.into());
    }

    /// Notes a field whose right name is in the message. It comes first in the list.
    pub fn add_misspelt(&mut self, field: String, message: String) {
        self.note(Rank::Misspelt, field, message);
    }

    /// Notes a field that does not exist. It comes last in the list.
    pub fn add_unknown(&mut self, field: String, message: String) {
        self.note(Rank::Unknown, field, message);
    }

    /// Whether further problems are dropped.
    pub fn are_full(&self) -> bool {
        self.0.len() >= MAX_PROBLEMS
    }

    fn note(&mut self, rank: Rank, field: String, message: String) {
        if !self.are_full() {
            self.0.push((rank, FieldError { field, message }));
        }
    }

    /// `value` where nothing was found wrong, else the list, the most helpful problem first; `None` proves that
    /// something was noted.
    pub fn conclude<T>(mut self, value: Option<T>) -> Result<T, Vec<FieldError>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => {
                self.0.sort_by_key(|(rank, _)| *rank);
                Err(self.0.into_iter().map(|(_, error)| error).collect())
            }
        }
    }
}
