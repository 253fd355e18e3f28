//! Rooms: where several people edit one program and run it together.

use crate::runs::{Policy, RunResult};
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
#[cfg(feature = "schema")]
use {crate::limits::*, schemars::JsonSchema};

/// A room to make.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoomSettings {
    /// The name of the room, which lists show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_NAME_CHARS), example = &"Interview with Bob"))]
    pub name: Option<String>,
    /// The name of the owner in the room, for the token in the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_ROOM_NAME_CHARS), example = &"Ada"))]
    pub owner_name: Option<String>,
    /// For how many seconds the owner's token is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *TOKEN_SECONDS.start(), max = *TOKEN_SECONDS.end()), extend("default" = DEFAULT_TOKEN_SECONDS))
    )]
    pub ttl_seconds: Option<u32>,
}

/// A room that was made, and a token of its owner's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct CreatedRoom {
    /// The id of the room.
    pub id: String,
    /// The name of the room; null if it has none.
    pub name: Option<String>,
    /// The address of the room's page.
    pub url: String,
    /// The address of the WebSocket that speaks JSON.
    pub websocket: String,
    /// The address of the WebSocket that speaks the protocol of y-websocket.
    pub yjs: String,
    /// A token with the role `owner`.
    pub token: String,
    /// The role of the token.
    pub role: Role,
    /// When the token ends.
    pub expires_at: Time,
}

/// A room in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct ListedRoom {
    /// The id of the room.
    pub id: String,
    /// The name of the room; null if it has none.
    pub name: Option<String>,
    /// When the room was made.
    pub created_at: Time,
}

/// A page of a project's rooms, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct RoomPage {
    /// The rooms.
    pub rooms: Vec<ListedRoom>,
    /// The `cursor` of the next page; null on the last one.
    pub next_cursor: Option<String>,
}

/// A token to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoomTokenSettings {
    /// What its holder may do. Only an API key of the project makes tokens of owners.
    pub role: Role,
    /// What its holder is called in the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_ROOM_NAME_CHARS), example = &"Bob"))]
    pub name: Option<String>,
    /// For how many seconds the token is good. It ends with the token that makes it at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *TOKEN_SECONDS.start(), max = *TOKEN_SECONDS.end()), extend("default" = DEFAULT_TOKEN_SECONDS))
    )]
    pub ttl_seconds: Option<u32>,
}

/// What a person may do in a room. Each role may do what the role before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// See the text and who is there.
    Viewer,
    /// Run the program.
    Runner,
    /// Change it.
    Editor,
    /// Let others in.
    Owner,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Runner, Self::Editor, Self::Owner];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Runner => "runner",
            Self::Editor => "editor",
            Self::Owner => "owner",
        }
    }
}

/// The right to be in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct RoomToken {
    /// The token itself.
    pub token: String,
    /// What its holder may do.
    pub role: Role,
    /// When it ends.
    pub expires_at: Time,
}

/// A program to run in the room. Everyone there sees it run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RoomProgram {
    /// The program; the room's own where it is absent. Another one takes the role `editor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The language; the room's own where it is absent. `javascript` means `node` here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(example = &"python"))]
    pub language: Option<String>,
    /// Standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Who runs it, for the events of the run. The name in the token comes before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_ROOM_NAME_CHARS)))]
    pub name: Option<String>,
    /// What the program may use, as in `POST /api/run`. It takes the role `owner`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
}

/// How a run in a room ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RoomRun {
    /// Whether the program ended well: `ok` of the result.
    pub success: bool,
    /// What it wrote to standard output.
    pub output: String,
    /// What it wrote to standard error.
    pub error: String,
    /// Its exit code.
    pub exit_code: i32,
    /// The whole result.
    pub result: RunResult,
}

/// What everyone in a room sees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RoomState {
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
}

/// A person in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct RoomUser {
    /// The id of the connection.
    pub id: String,
    /// The name.
    pub name: String,
    /// The colour.
    #[cfg_attr(feature = "schema", schemars(example = &"#51cf66"))]
    pub color: String,
    /// What they may do.
    pub role: Role,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_named_as_they_are_written_and_ordered_by_what_they_may() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
        assert!(Role::ALL.is_sorted());
    }
}
