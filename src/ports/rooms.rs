//! Rooms, and what rooms need themselves.

use crate::domain::room::id::RoomId;
use crate::domain::run::record::Owner;
use crate::ports::error::PortError;
use crate::ports::exchange::Upgrade;
use async_trait::async_trait;
use docle_room::role::Role;
use futures::stream::LocalBoxStream;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Rooms, by their ids.
#[async_trait(?Send)]
pub trait Rooms {
    /// Makes a room a project's. It may be repeated.
    async fn open(&self, room: &RoomId, billing_key: &BillingKey) -> Result<(), PortError>;
    /// Seats a connection; `None` where there is no such room.
    async fn connect(&self, room: &RoomId, seat: &JoinRequest) -> Result<Option<Upgrade>, PortError>;
    /// What anybody in the room sees; `None` where there is no such room.
    async fn state(&self, room: &RoomId) -> Result<Option<Vec<u8>>, PortError>;
    /// Runs a program in sight of everybody and answers with its result when it has ended.
    async fn run(&self, room: &RoomId, run: &RoomRun) -> Result<RoomRunEnd, PortError>;
    /// Sends everybody away and forgets everything. It may be repeated.
    async fn delete(&self, room: &RoomId) -> Result<(), PortError>;
}

/// The key that programs in a room run on: the last one by which the room was opened, or a program run in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BillingKey {
    pub key_hash: String,
    pub owner: Owner,
}

/// Somebody who may come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinRequest {
    pub role: Role,
    pub name: Option<String>,
    /// In milliseconds since 1970.
    pub expires_at: Option<i64>,
    /// The host of the page that connects.
    pub host: Option<String>,
    /// The connection speaks Yjs, whatever its first frame is.
    pub speaks_yjs: bool,
    pub wants_events: bool,
}

/// A run asked for by HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomRun {
    /// What others see as whoever asked.
    pub user_id: String,
    /// The key whose gate has let the call through; `None` where the room's own key has to be asked.
    pub admitted: Option<Admitted>,
    pub host: Option<String>,
    /// What is run instead of the room's own.
    pub code: Option<String>,
    pub lang: Option<String>,
}

/// A caller whom a key's gate has let through and counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Admitted {
    pub billing_key: BillingKey,
    /// The address of the caller, where it is kept.
    pub ip: Option<String>,
}

/// How a run asked for by HTTP ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type", content = "value")]
pub enum RoomRunEnd {
    /// The result, as the run API gives it.
    Result(Value),
    Refused(Refused),
    /// A program runs already.
    Busy,
    NoSuchRoom,
}

/// Why a program was not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// One of the run API's error codes.
    pub code: String,
    /// For whoever asked.
    pub message: String,
    /// What is wrong with the request, by field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

/// What a room runs programs with.
#[async_trait(?Send)]
pub trait Programs {
    /// Starts `request`, a body of the run API, and counts it against `billing_key`'s limit unless that was done.
    async fn start(&self, ask: ProgramRequest) -> Result<LocalBoxStream<'static, RunMessage>, Refused>;
}

/// A program to run.
#[derive(Debug, Clone)]
pub struct ProgramRequest {
    pub billing_key: RunAs,
    pub request: Value,
}

/// Who pays for it.
#[derive(Debug, Clone)]
pub enum RunAs {
    /// A key whose gate has to be asked, for a page of this host.
    Room {
        billing_key: BillingKey,
        host: Option<String>,
    },
    Admitted(Admitted),
}

/// What is heard of a program that runs; the result comes last, exactly once.
#[derive(Debug)]
pub enum RunMessage {
    /// An event of the run API: `start`, `stdout` or `stderr`.
    Event(Value),
    Result(Value),
}
