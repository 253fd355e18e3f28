//! Ports that a sandbox exposes, and requests to what listens there.

use crate::domain::timestamp::Timestamp;
use crate::ports::error::PortError;
use crate::ports::http_messages::Upgrade;
use docle_api::sandbox_ports::HostHeader;
use docle_protocol::sandbox::port::{PortFailure, PortRequest, PortResponse};
use futures::stream::LocalBoxStream;
use serde::{Deserialize, Serialize};

/// A port that is exposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortRecord {
    pub port: u16,
    pub name: Option<String>,
    /// In its URL; `None` if that needs none.
    pub token: Option<String>,
    pub host_header: HostHeader,
    pub created_at: Timestamp,
}

/// What is asked about ports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PortsRequest {
    List,
    /// With `is_chosen` the caller has chosen the token; else a port that has one keeps it.
    #[serde(rename_all = "camelCase")]
    Expose {
        record: PortRecord,
        is_chosen: bool,
    },
    /// Gives a port another token. One that was public is not any more.
    Rotate {
        port: u16,
        token: String,
    },
    Unexpose {
        port: u16,
    },
}

/// The ports as they are after a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortsAnswer {
    /// In their order.
    pub ports: Vec<PortRecord>,
    /// Whether the port was not exposed before.
    pub is_new: bool,
}

/// A request of a visitor to what listens on a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviewCall {
    pub port: u16,
    /// The token in the URL.
    pub token: Option<String>,
    /// Whether the visitor asks for a WebSocket.
    pub is_socket: bool,
    pub request: PortRequest,
}

/// The answer of a program.
pub struct PortAnswer {
    pub head: PortResponse,
    pub body: PortBody,
}

/// A viewer who comes to a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TerminalCall {
    /// The terminal is that of this session.
    pub session: String,
    pub cols: u16,
    pub rows: u16,
    /// Whether the viewer only watches.
    pub is_view: bool,
    /// Whether a new shell ends when its last viewer leaves.
    pub ends_with_viewers: bool,
}

/// What follows the head of an answer.
pub enum PortBody {
    /// An error means that the rest is lost.
    Stream(LocalBoxStream<'static, Result<Vec<u8>, PortError>>),
    Socket(Upgrade),
}

/// Why a sandbox does not do with a port what a call asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PortRefusal {
    /// The port is not exposed, or the URL has another token than the port.
    NotExposed,
    /// Another port has the token that was chosen.
    TokenOf(u16),
    /// The sandbox exposes as many ports as it may.
    TooMany,
    /// The sandbox is asleep, and was started for this visitor unless it asked for a WebSocket.
    Starting,
    /// The program has given no answer.
    Program(PortFailure),
}
