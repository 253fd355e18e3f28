//! Rooms, and how a room runs programs.

use crate::domain::room::id::RoomId;
use crate::domain::run::record::Owner;
use crate::ports::error::PortError;
use crate::ports::http_messages::Upgrade;
use async_trait::async_trait;
use docle_room::role::Role;
use futures::stream::LocalBoxStream;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Rooms, by their ids.
#[async_trait(?Send)]
pub trait Rooms {
    /// Assigns the room to the project of the key, which pays for its programs. It may be repeated. A room that nobody uses
    /// for [`MAX_UNUSED_ROOM_DAYS`](docle_api::limits::MAX_UNUSED_ROOM_DAYS) days deletes itself, with its row.
    async fn open(&self, room: &RoomId, billing_key: &BillingKey) -> Result<(), PortError>;
    /// Opens a connection, and returns the client's end of it; `None` if there is no such room.
    async fn connect(&self, room: &RoomId, join: &JoinRequest) -> Result<Option<Upgrade>, PortError>;
    /// The public state of the room, as JSON; `None` if there is no such room.
    async fn state(&self, room: &RoomId) -> Result<Option<Vec<u8>>, PortError>;
    /// Runs a program, and broadcasts its events to the clients of the room. Returns when the program has ended.
    async fn run(&self, room: &RoomId, run: &RoomRun) -> Result<RoomRunEnd, PortError>;
    /// The program that runs in the room; `None` if none does, or it has not started yet. It changes nothing.
    async fn running(&self, room: &RoomId) -> Result<Option<RunningProgram>, PortError>;
    /// Closes every connection and deletes the room with everything in it. It may be repeated.
    async fn delete(&self, room: &RoomId) -> Result<(), PortError>;
}

/// The API key that pays for the programs in a room: the last one that opened the room or ran a program in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BillingKey {
    pub key_hash: String,
    pub owner: Owner,
}

/// A connection that an authorized client opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinRequest {
    pub role: Role,
    pub name: Option<String>,
    /// When the client's token expires, in milliseconds since 1970.
    pub expires_at: Option<i64>,
    /// The host of the page that connects.
    pub host: Option<String>,
    /// Whether the connection uses the Yjs protocol; else its first frame decides.
    pub speaks_yjs: bool,
    pub wants_events: bool,
    /// The hash of the client's API key, if it connects with one. The room closes the connection when the key ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_hash: Option<String>,
}

/// A run that an authorized client requests by HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomRun {
    /// The user that the events name.
    pub user_id: String,
    /// The client's own key, whose gate has let the call through; `None` if the gate of the room's key must check it.
    pub admitted: Option<Admitted>,
    /// The host of the page that calls.
    pub host: Option<String>,
    /// Replaces the program of the room.
    pub code: Option<String>,
    pub lang: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// As in a request to the run API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Value>,
}

/// A key whose gate has let a call through and counted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Admitted {
    pub billing_key: BillingKey,
    /// The address of the client, if the project stores it.
    pub ip: Option<String>,
}

/// The outcome of a run that was requested by HTTP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type", content = "value")]
pub enum RoomRunEnd {
    /// The result, as the run API gives it.
    Result(Value),
    Refused(Refused),
    /// Another program is running.
    Busy,
    /// The room has no program, and the request brings none.
    NoProgram,
    NoSuchRoom,
}

/// A program that runs in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunningProgram {
    /// The project in whose containers it runs.
    pub project_id: String,
    /// The id of its run, as its `start` event has it.
    pub run: String,
}

/// Why a program was not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// An error code of the run API.
    pub code: String,
    /// A sentence for the client.
    pub message: String,
    /// The invalid fields of the request, and what is wrong with each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

/// Runs programs for rooms.
#[async_trait(?Send)]
pub trait Programs {
    /// Starts a program, and counts it against the limit of its key unless the key's gate has done that. Dropping the
    /// stream ends the program.
    async fn start(&self, program: ProgramRequest) -> Result<LocalBoxStream<'static, RunMessage>, Refused>;
}

/// What a room asks about its project from time to time, without a call for each message.
#[async_trait(?Send)]
pub trait RoomProject {
    /// Whether the API key is valid: it exists, and was neither revoked nor expired.
    async fn has_key(&self, key_hash: &str) -> Result<bool, PortError>;
    /// Whether the room still is in the list of its project, and the project exists.
    async fn has_room(&self, room: &RoomId) -> Result<bool, PortError>;
    /// Whether the operator has suspended the account that owns the project.
    async fn is_suspended(&self, room: &RoomId) -> Result<bool, PortError>;
    /// Removes the room from the list of its project. It may be repeated.
    async fn remove_room(&self, room: &RoomId) -> Result<(), PortError>;
}

/// A program to run.
#[derive(Debug, Clone)]
pub struct ProgramRequest {
    pub billing_key: RunAs,
    /// The body of a request to the run API.
    pub request: Value,
}

/// The key that a program runs on.
#[derive(Debug, Clone)]
pub enum RunAs {
    /// The room's key. Its gate must still check the call, which comes from a page of this host.
    Room {
        billing_key: BillingKey,
        host: Option<String>,
    },
    Admitted(Admitted),
}

impl RunAs {
    /// The project that the key belongs to.
    pub fn project_id(&self) -> &str {
        match self {
            Self::Room { billing_key, .. } | Self::Admitted(Admitted { billing_key, .. }) => {
                &billing_key.owner.project_id
            }
        }
    }
}

/// A message of a running program. The result comes last, exactly once.
#[derive(Debug)]
pub enum RunMessage {
    /// An event of the run API: `start`, `stdout` or `stderr`.
    Event(Value),
    Result(Value),
}
