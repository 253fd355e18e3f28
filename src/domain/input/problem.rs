//! What is wrong with a request, field by field.

use serde::Serialize;

/// One thing that is wrong, where it is, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The path of the field as one would write it in JavaScript, for example `files[2].path`; empty for the body.
    pub field: String,
    /// A clause that reads on from the field's name: `must be …`.
    pub message: String,
}

/// A thousand bad files need not make a thousand messages: the first fifty say enough, and keep the answer small.
const MAX_PROBLEMS: usize = 50;

/// Everything found wrong so far.
#[derive(Debug, Default)]
pub struct Problems(Vec<FieldError>);

impl Problems {
    /// Notes that `field` is wrong.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        if self.0.len() < MAX_PROBLEMS {
            self.0.push(FieldError { field: field.into(), message: message.into() });
        }
    }

    /// `value` where nothing was found wrong, else the list; `None` proves that something was noted.
    pub fn conclude<T>(self, value: Option<T>) -> Result<T, Vec<FieldError>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }
}
