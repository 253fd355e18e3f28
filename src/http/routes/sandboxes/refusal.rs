//! Why a sandbox does not do what a call asks for, as an error.

use crate::app::sandboxes::CreateRefusal;
use crate::domain::timestamp::Timestamp;
use crate::http::auth::sandbox_caller::not_found;
use crate::http::error::{ApiError, ErrorCode, Members};
use crate::http::request::call::invalid;
use crate::http::response::quota;
use crate::ports::http_messages::Response;
use crate::ports::previews::PortRefusal;
use crate::ports::sandboxes::SandboxRefusal;
use ::http::header::{HeaderName, HeaderValue};
use docle_api::limits::{
    MAX_ARGS_AND_ENV_BYTES, MAX_ENV, MAX_PORTS_PER_SANDBOX, MAX_SANDBOXES_PER_PROJECT, MAX_SNAPSHOTS_PER_SANDBOX,
};
use docle_protocol::context::MAX_CONTEXTS;
use docle_protocol::sandbox::checkout::CheckoutRefused;
use docle_protocol::sandbox::process::{ProcessError, ProcessErrorCode};
use docle_protocol::sandbox::{FileError, FileErrorCode};

/// The time of the files, if the machine of the sandbox was lost before the call.
const RESTORED_FROM: HeaderName = HeaderName::from_static("x-docle-restored-from");

impl From<SandboxRefusal> for ApiError {
    fn from(refusal: SandboxRefusal) -> Self {
        match refusal {
            SandboxRefusal::NotFound => not_found(),
            SandboxRefusal::SnapshotNotFound => {
                Self::new(ErrorCode::SnapshotNotFound, "The sandbox has no snapshot with this id.")
            }
            SandboxRefusal::SnapshotsFull => {
                let message = format!(
                    "The sandbox has {MAX_SNAPSHOTS_PER_SANDBOX} snapshots, the most that it may have. Delete one with DELETE \
                     /api/v1/sandboxes/:id/snapshots/:snapshot; GET /api/v1/sandboxes/:id/snapshots lists them."
                );
                Self::new(ErrorCode::TooManySnapshots, message)
            }
            SandboxRefusal::NotABranch => {
                let message =
                    "Neither sandbox is a branch of the other. POST /api/v1/sandboxes/:id/branch makes a branch.";
                Self::new(ErrorCode::NotABranch, message)
            }
            SandboxRefusal::TooManyVariables => {
                let most = format!("{MAX_ENV} variables, and {MAX_ARGS_AND_ENV_BYTES} bytes with their names");
                invalid("env", format!("would be more than a sandbox may have: {most}. Remove some with null"))
            }
            SandboxRefusal::File(error) => file_error(error),
            SandboxRefusal::Process(error) => process_error(error),
            SandboxRefusal::Checkout(CheckoutRefused { repository_error, message }) => {
                Self::new(ErrorCode::RepositoryRefused, format!("The repository cannot be checked out: {message}"))
                    .with_members(Members { repository_error: Some(repository_error), ..Members::default() })
            }
            SandboxRefusal::Port(refusal) => port_refusal(refusal),
            SandboxRefusal::NoContext => {
                let message = "The sandbox has no such context. Contexts end when the sandbox sleeps or its machine is made anew, \
                               and what they held is lost: make another one with POST /api/v1/sandboxes/:id/contexts.";
                Self::new(ErrorCode::ContextNotFound, message)
            }
            SandboxRefusal::TooManyContexts => {
                let message = format!(
                    "The sandbox has {MAX_CONTEXTS} contexts, the most that it may have. Delete one with DELETE \
                     /api/v1/sandboxes/:id/contexts/:context."
                );
                Self::new(ErrorCode::TooManyContexts, message)
            }
            SandboxRefusal::Quota(exceeded) => quota::exceeded(&exceeded),
            SandboxRefusal::Full => {
                let message =
                    "All places for sandboxes that are awake are taken, and nothing was executed. Try again soon.";
                Self::new(ErrorCode::SandboxUnavailable, message)
            }
            SandboxRefusal::Unavailable(why) => {
                let message = "The sandbox cannot be started or reached now, and nothing was executed. Try again.";
                Self::new(ErrorCode::SandboxUnavailable, message).with_cause(why)
            }
            SandboxRefusal::Interrupted(why) => {
                let message = "The machine of the sandbox was lost while the call was in progress, and whether it was carried \
                               out is unknown. The next call starts the sandbox with the files that were saved last.";
                Self::new(ErrorCode::SandboxInterrupted, message).with_cause(why)
            }
        }
    }
}

impl From<CreateRefusal> for ApiError {
    fn from(refusal: CreateRefusal) -> Self {
        match refusal {
            CreateRefusal::Quota(refusal) => refusal.into(),
            CreateRefusal::Sandbox(refusal) => refusal.into(),
            CreateRefusal::ProjectFull => {
                let message = format!(
                    "The project has {MAX_SANDBOXES_PER_PROJECT} sandboxes, the most that it may have. Delete one with DELETE \
                     /api/v1/sandboxes/:id; GET /api/v1/sandboxes lists them."
                );
                Self::new(ErrorCode::TooManySandboxes, message)
            }
        }
    }
}

fn file_error(FileError { code, message }: FileError) -> ApiError {
    let code = match code {
        FileErrorCode::NotFound => ErrorCode::FileNotFound,
        FileErrorCode::AlreadyExists => ErrorCode::FileExists,
        FileErrorCode::IsDirectory => ErrorCode::IsDirectory,
        FileErrorCode::NotADirectory => ErrorCode::NotADirectory,
        FileErrorCode::NotEmpty => ErrorCode::DirectoryNotEmpty,
        FileErrorCode::NoSpace => ErrorCode::DiskFull,
        FileErrorCode::BadSearch => return invalid("q", format!("is no regular expression: {message}")),
        FileErrorCode::InvalidPath => return invalid("path", format!("is no path: {message}")),
        _ => ErrorCode::FileRefused,
    };
    ApiError::new(code, message)
}

fn port_refusal(refusal: PortRefusal) -> ApiError {
    match refusal {
        PortRefusal::NotExposed => {
            let message = "The sandbox does not expose this port. POST /api/v1/sandboxes/:id/ports exposes one.";
            ApiError::new(ErrorCode::PortNotFound, message)
        }
        PortRefusal::TokenOf(port) => invalid("token", format!("is that of port {port} already: choose another one")),
        PortRefusal::TooMany => {
            let message = format!(
                "The sandbox exposes {MAX_PORTS_PER_SANDBOX} ports, the most that it may. Delete one with DELETE \
                 /api/v1/sandboxes/:id/ports/:port."
            );
            ApiError::new(ErrorCode::TooManyPorts, message)
        }
        PortRefusal::Starting => {
            ApiError::new(ErrorCode::PreviewStarting, "The sandbox starts. Try again in a moment.")
        }
        PortRefusal::Program(error) => {
            ApiError::new(ErrorCode::PortNoAnswer, "The program has given no answer.").with_cause(error.message)
        }
    }
}

fn process_error(ProcessError { code, message }: ProcessError) -> ApiError {
    let code = match code {
        ProcessErrorCode::UnknownProcess => ErrorCode::ProcessNotFound,
        ProcessErrorCode::ProcessEnded => ErrorCode::ProcessEnded,
        ProcessErrorCode::StdinClosed => ErrorCode::StdinClosed,
        ProcessErrorCode::TooManyProcesses => ErrorCode::TooManyProcesses,
        ProcessErrorCode::UnknownSession => ErrorCode::SandboxSessionNotFound,
        ProcessErrorCode::DuplicateSession => ErrorCode::SandboxSessionExists,
        ProcessErrorCode::TooManySessions => ErrorCode::TooManySandboxSessions,
        ProcessErrorCode::BadPattern => return invalid("regex", format!("is no regular expression: {message}")),
        // The Worker makes these ids.
        ProcessErrorCode::DuplicateProcess => ErrorCode::Internal,
    };
    ApiError::new(code, message)
}

/// The same response, which tells if the machine of the sandbox was lost before the call.
pub fn with_restored_from(mut response: Response, restored_from: Option<Timestamp>) -> Response {
    if let Some(Ok(value)) = restored_from.map(|at| HeaderValue::try_from(at.to_string())) {
        response.headers_mut().insert(RESTORED_FROM, value);
    }
    response
}
