//! Operations on the sessions of sandboxes.

use super::sandboxes::of;
use crate::document::headers::Header;
use crate::document::operation::{Body, Method, Operation};
use crate::document::parameters::Parameter;
use crate::document::schema::Type;
use crate::errors::ErrorCode::*;
use crate::limits::MAX_SETTINGS_BYTES;
use crate::sandbox_sessions::*;
use crate::terminals::{ResizeMessage, TerminalMessage};

pub fn operations() -> Vec<Operation> {
    vec![
        of(
            "create_sandbox_session",
            Method::Post,
            "/api/v1/sandboxes/:id/sessions",
            "Make a session",
            "Makes a session: a shell that keeps its directory, variables and functions from command to command. It wakes nothing; the \
             shell starts with the first command.",
        )
        .takes(MAX_SETTINGS_BYTES, vec![Body::json::<SessionSettings>()])
        .body_is_optional()
        .gives::<SandboxSession>(201, "The session.")
        .fails(&[UnsupportedMediaType, SandboxUnavailable, SandboxSessionExists, TooManySandboxSessions]),
        of(
            "list_sandbox_sessions",
            Method::Get,
            "/api/v1/sandboxes/:id/sessions",
            "List sessions",
            "The sessions, those included whose shell has ended. It wakes nothing.",
        )
        .gives::<SessionList>(200, "The sessions.")
        .fails(&[SandboxUnavailable]),
        of(
            "connect_terminal",
            Method::Get,
            "/api/v1/sandboxes/:id/terminal",
            "Connect to a terminal",
            "A WebSocket to a shell in a terminal, which is started if there is none. Binary messages are what is typed and what is \
             written; text messages are JSON. Several clients may be connected. A page sends its key as the protocol \
             `docle.key.…` beside `docle`. It wakes the sandbox and keeps it awake.",
        )
        .with(Parameter::TerminalSession)
        .with(Parameter::Cols)
        .with(Parameter::Rows)
        .with(Parameter::ViewerMode)
        .empty(101, "The connection is a WebSocket now.")
        .header(Header::Upgrade)
        .header(Header::Protocol)
        .fails(&[
            RateLimitExceeded,
            QuotaExceeded,
            UpgradeRequired,
            ForeignOrigin,
            SandboxUnavailable,
            SandboxInterrupted,
            TooManySandboxSessions,
        ])
        .socket(vec![Type::of::<ResizeMessage>()], vec![Type::of::<TerminalMessage>()]),
        of(
            "delete_sandbox_session",
            Method::Delete,
            "/api/v1/sandboxes/:id/sessions/:session",
            "Delete a session",
            "Ends the shell with everything that it has started, and deletes the session.",
        )
        .with(Parameter::Session)
        .empty(204, "The session is gone.")
        .fails(&[SandboxUnavailable, SandboxInterrupted, SandboxSessionNotFound]),
    ]
}
