//! The input and the output of a room, without sockets and storage.

use crate::close::CloseReason;
use serde_json::Value;
use std::rc::Rc;

/// The work for the shell, in this order: attach, store the unsaved updates if that is due, and then the effects one after
/// the other.
#[derive(Debug, Default)]
pub struct Output {
    /// Connections whose attachments have changed.
    pub attach: Vec<u32>,
    pub effects: Vec<Effect>,
}

/// An effect outside of the room's storage.
#[derive(Debug)]
pub enum Effect {
    Send {
        to: Vec<u32>,
        frame: Frame,
    },
    Close {
        connection: u32,
        reason: CloseReason,
    },
    /// Runs the program.
    Run(RunRequest),
}

/// A run that the room has granted.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    /// The user in the JSON protocol who asked for the run.
    pub user_id: String,
    /// The host of the user's page.
    pub host: Option<String>,
    /// The body of a request to the run API.
    pub request: Value,
}

/// A frame to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    Text(Rc<str>),
    Binary(Rc<[u8]>),
}

impl Frame {
    /// Bytes of its content.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether it has no content.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A received frame.
#[derive(Debug, Clone, Copy)]
pub enum Incoming<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}
