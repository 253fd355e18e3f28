//! The error response of the runner and of the isolate Worker.

use serde::{Deserialize, Serialize};

/// The body of every response with an error status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    pub code: RefusalCode,
    /// A message for the log, in English. It contains no secret, no path of the host and no text of a program.
    pub message: String,
}

/// Why a job was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// 401: the secret is missing or wrong.
    Unauthorized,
    /// 409: the client uses another [`crate::VERSION`].
    ProtocolMismatch,
    /// 409: the client expects another runner, see [`crate::headers::INSTANCE`].
    OtherInstance,
    /// 409: the runner has already received a job with this id and does not execute it again.
    Duplicate,
    /// 400: the body is not a job, or the job exceeds a limit.
    InvalidJob,
    /// 503: the job's language is not installed here.
    NoLanguage,
    /// 503: the job asks for a terminal, and the machine has none.
    NoTerminal,
    /// 413: more than [`crate::limits::MAX_JOB_BYTES`].
    TooLarge,
    /// 503: no slot became free in [`crate::limits::MAX_QUEUE_MS`].
    Busy,
    /// 503: the runner is stopping.
    Stopping,
    /// 404: the runner has no such sandbox, because it has never had it or has lost it.
    UnknownSandbox,
    /// 404: the sandbox has no such context, because it has never had it or was started anew since.
    UnknownContext,
    /// 409: the sandbox has as many contexts as it may.
    TooManyContexts,
    /// 404 or 405: no such path or method.
    NotFound,
    /// 500: any other failure.
    Internal,
}

impl RefusalCode {
    /// The HTTP status that goes with the code.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidJob => 400,
            Self::Unauthorized => 401,
            Self::NotFound | Self::UnknownSandbox | Self::UnknownContext => 404,
            Self::ProtocolMismatch | Self::OtherInstance | Self::Duplicate | Self::TooManyContexts => 409,
            Self::TooLarge => 413,
            Self::Internal => 500,
            Self::Busy | Self::Stopping | Self::NoLanguage | Self::NoTerminal => 503,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn refusal_format_unchanged() {
        let refusal = Refusal { code: RefusalCode::ProtocolMismatch, message: "speaks 2".into() };
        assert_eq!(
            serde_json::to_value(refusal).unwrap(),
            json!({ "code": "protocol_mismatch", "message": "speaks 2" })
        );
        for (code, name) in [(RefusalCode::OtherInstance, "other_instance"), (RefusalCode::Duplicate, "duplicate")] {
            assert_eq!((serde_json::to_value(code).unwrap(), code.status()), (json!(name), 409));
        }
    }
}
