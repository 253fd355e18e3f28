//! Messages of a room's JSON protocol, through its WebSocket.

use crate::rooms::{Role, RoomUser};
use crate::run_events::RunEvent;
use crate::runs::{Policy, RunResult};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// A message from a client of a room. Fields that it does not know are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum RoomClientMessage {
    /// The client's whole text, and what else has changed. The room puts the difference on top of what others did.
    Update {
        /// The revision that the client made its text of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rev: Option<u64>,
        /// What is new; a field that is absent stays as it is.
        data: RoomText,
    },
    /// Where the client's cursor is.
    Cursor {
        /// The place.
        data: RoomCursor,
    },
    /// Asks for everything, which the room answers with `sync`.
    Sync,
    /// Runs the program of the room.
    Run {
        /// What the program gets.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<RoomRunData>,
    },
    /// How the client wants to be called and drawn.
    Join {
        /// The name and the colour.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<RoomAppearance>,
    },
}

/// What a client changes about the program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct RoomText {
    /// The whole text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The language, by its id or by the name that editors have for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_ROOM_WORD_CHARS)))]
    pub lang: Option<String>,
    /// The file to start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_ROOM_WORD_CHARS)))]
    pub entrypoint: Option<String>,
    /// The packages to install before a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_ROOM_PACKAGES), inner(length(max = MAX_ROOM_WORD_CHARS))))]
    pub packages: Option<Vec<String>>,
}

/// The place of a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct RoomCursor {
    /// The offset in the text, in UTF-16 code units.
    pub cursor: u32,
}

/// What the program of a room gets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct RoomRunData {
    /// Standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// What the program may use, as in `POST /api/run`. It takes the role `owner`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
}

/// How a person is called and drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct RoomAppearance {
    /// The name, of which 40 characters are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The colour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(example = &"#51cf66"))]
    pub color: Option<String>,
}

/// A message to a client of a room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum RoomServerMessage {
    /// Everything, once the connection is there.
    Init {
        /// The client's own id in the room.
        user_id: String,
        /// Everything.
        data: Box<RoomEverything>,
    },
    /// Everything again.
    Sync {
        /// The client's own id in the room.
        user_id: String,
        /// Everything.
        data: Box<RoomEverything>,
    },
    /// The text as it is now, after a person has changed it.
    Update {
        /// Who changed it.
        user_id: String,
        /// The text.
        data: RoomChangedText,
        /// When, in milliseconds since 1970.
        timestamp: i64,
    },
    /// A person has come in, or has another name or colour.
    Join {
        /// Who.
        user_id: String,
        /// The name and the colour.
        data: RoomAppearance,
    },
    /// A person has left.
    Leave {
        /// Who.
        user_id: String,
    },
    /// A person's cursor has moved.
    Cursor {
        /// Whose.
        user_id: String,
        /// The place.
        data: RoomCursor,
    },
    /// Something happened in a run.
    Run {
        /// Who asked for the run; empty in the last result, which latecomers get.
        user_id: String,
        /// What happened.
        data: RoomRunEvent,
    },
    /// A message of the client's had no effect.
    Error {
        /// What was wrong with it.
        data: RoomError,
    },
}

/// Everything about a room, as one of its clients sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RoomEverything {
    /// The text `code` of the document.
    pub code: String,
    /// The language; null where it is not set.
    pub lang: Option<String>,
    /// The people in the room.
    pub users: Vec<RoomUser>,
    /// When the document was last changed, in milliseconds since 1970.
    pub last_update: i64,
    /// The revision of the text.
    pub rev: u64,
    /// The file to start; null where it is not set.
    pub entrypoint: Option<String>,
    /// The packages to install before a run.
    pub packages: Vec<String>,
    /// The files of the program by their paths, where it has files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<BTreeMap<String, String>>,
    /// The result of the last run, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RunResult>,
    /// What the client may do.
    pub role: Role,
    /// The cursors of the others: the offset by the id of the person.
    pub cursors: BTreeMap<String, u32>,
}

/// The text as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct RoomChangedText {
    /// The text `code` of the document.
    pub code: String,
    /// The language; null where it is not set.
    pub lang: Option<String>,
    /// The revision of the text.
    pub rev: u64,
    /// The file to start, where it is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<String>,
    /// The packages to install before a run, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<Vec<String>>,
    /// The files of the program by their paths, where it has files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<BTreeMap<String, String>>,
}

/// What happens in a run of a room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(untagged)]
pub enum RoomRunEvent {
    /// The run did not begin, or its result was lost.
    Refused(RunRefused),
    /// The run has ended.
    Complete(Box<RoomRunComplete>),
    /// The run goes on.
    Event(Box<RunEvent>),
}

/// A run that did not begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct RunRefused {
    /// The kind of the event.
    #[serde(rename = "type")]
    pub kind: RefusedKind,
    /// The error code, as a response would have it.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

/// The kind of an event about a run that did not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum RefusedKind {
    Refused,
}

/// The end of a run in a room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct RoomRunComplete {
    /// The kind of the event.
    #[serde(rename = "type")]
    pub kind: CompleteKind,
    /// The result.
    pub result: RunResult,
}

/// The kind of an event about the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum CompleteKind {
    Complete,
}

/// What was wrong with a message to a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct RoomError {
    /// `invalid_message`, `message_too_large`, `not_an_editor`, `not_a_runner`, `not_an_owner`, `unknown_revision`,
    /// `text_too_large`, `room_without_owner`, `no_program` or `already_running`. Before a close with a code from 4400 to
    /// 4499 also `token_expired`, `key_revoked`, or the code of the response that a call by HTTP gets.
    #[cfg_attr(feature = "schema", schemars(example = &"invalid_message"))]
    pub code: String,
    /// The field that was wrong; empty for the whole message.
    #[cfg_attr(feature = "schema", schemars(example = &"data.cursor"))]
    pub field: String,
    /// A clause that reads on from the field's name.
    pub message: String,
}
