//! The error that a runtime API throws in a script.

use serde::Serialize;

/// The name of the error's class and its message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiError {
    pub name: &'static str,
    pub message: String,
}

impl ApiError {
    /// The arguments are wrong.
    pub fn argument(message: impl Into<String>) -> Self {
        Self { name: "TypeError", message: message.into() }
    }

    /// The deployment or the project has not configured the API.
    pub fn not_configured(message: impl Into<String>) -> Self {
        Self { name: "NotConfiguredError", message: message.into() }
    }

    /// The call exceeds a limit of executions.
    pub fn limit(message: impl Into<String>) -> Self {
        Self { name: "LimitError", message: message.into() }
    }
}
