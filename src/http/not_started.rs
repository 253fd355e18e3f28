//! What a client learns of a run that did not start.

use crate::app::runs::progress::NotStarted;
use crate::app::runs::read::FindError;
use crate::http::auth::key_error;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::response::quota;
use crate::ports::{PoolFailure, PoolFailureCode};

impl From<NotStarted> for ApiError {
    fn from(not_started: NotStarted) -> Self {
        match not_started {
            NotStarted::Pool(failure) => failure.into(),
            NotStarted::Unreadable(error) => error.into(),
            NotStarted::Unknown(id, why) => {
                let message = format!(
                    "It is not known whether the run was taken; GET /api/run/{id} says so. With an Idempotency-Key the call can be \
                     repeated."
                );
                Self::new(ErrorCode::RunnerUnavailable, message).with_cause(why)
            }
            NotStarted::Erased => Self::new(
                ErrorCode::IdempotentRunDeleted,
                "The run with this Idempotency-Key has ended, and its result was deleted; use a new key to run it again.",
            ),
        }
    }
}

impl From<FindError> for ApiError {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Unreadable(error) => error.into(),
            FindError::Pool(failure) => {
                let message = "The pool of the project does not answer; try again after Retry-After.";
                Self::new(ErrorCode::ServiceUnavailable, message).with_cause(failure.message)
            }
        }
    }
}

impl From<PoolFailure> for ApiError {
    fn from(failure: PoolFailure) -> Self {
        if let Some(exceeded) = &failure.quota {
            return quota::exceeded(exceeded);
        }
        let (code, message) = match failure.code {
            PoolFailureCode::Unavailable | PoolFailureCode::ClientLeft => (
                ErrorCode::RunnerUnavailable,
                "No runner is available at the moment, and nothing was run; try again after Retry-After.",
            ),
            // Only calls with an Idempotency-Key reach this. For all others `start_run` has cancelled the job or made a
            // result.
            PoolFailureCode::Lost => (
                ErrorCode::RunnerUnavailable,
                "The runner does not respond, and it is not known whether the program runs; repeat the call with the \
                 same Idempotency-Key.",
            ),
            PoolFailureCode::Busy => {
                (ErrorCode::RunnerBusy, "All slots are in use, and nothing was run; try again after Retry-After.")
            }
            PoolFailureCode::QueueFull => (
                ErrorCode::QueueFull,
                "The queue of the project is full, and nothing was run; try again after Retry-After.",
            ),
            PoolFailureCode::Mismatch => (
                ErrorCode::RunnerMismatch,
                "The runner has another version than the Worker during an update, and nothing was run; try again.",
            ),
            PoolFailureCode::NoLanguage => {
                let message = format!(
                    "{}, or not yet, and nothing was run; GET /languages lists the languages that are.",
                    failure.message
                );
                return Self::new(ErrorCode::LanguageUnavailable, message);
            }
            PoolFailureCode::NoTerminal => (
                ErrorCode::TerminalUnavailable,
                "The machine of the runner has no terminals for programs, and nothing was run; leave tty out.",
            ),
            PoolFailureCode::Rejected => (ErrorCode::Internal, "The runner refused the run; report the requestId."),
            PoolFailureCode::Suspended | PoolFailureCode::QuotaExceeded => return key_error::suspended(),
            PoolFailureCode::KeyReused => (
                ErrorCode::IdempotencyKeyReused,
                "This Idempotency-Key was used with another body in the last 24 hours; use a new key for a new run.",
            ),
            PoolFailureCode::InDoubt => (
                ErrorCode::IdempotencyInDoubt,
                "The first run with this Idempotency-Key was interrupted, and it is not known whether it finished; \
                 use a new key to run it again.",
            ),
            PoolFailureCode::TooManyKeys => (
                ErrorCode::IdempotencyKeysFull,
                "The project has used too many idempotency keys in the last 24 hours, and nothing was run; send the \
                 request without a key, or try again later.",
            ),
        };
        let expected = matches!(
            failure.code,
            PoolFailureCode::KeyReused
                | PoolFailureCode::InDoubt
                | PoolFailureCode::TooManyKeys
                | PoolFailureCode::QueueFull
        );
        let error = Self::new(code, message);
        let error = if expected { error } else { error.with_cause(failure.message) };
        match failure.retry_after_s {
            Some(seconds) => error.with_retry_after(seconds),
            None => error,
        }
    }
}
