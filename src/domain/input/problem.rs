//! What is wrong with a request, field by field.

pub use docle_api::errors::FieldError;

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
