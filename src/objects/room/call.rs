//! What a Room object is asked, and the stub that asks it.

use crate::domain::room::id::{Kind, RoomId};
use crate::platform::fetch;
use crate::ports::PortError;
use crate::ports::exchange::Upgrade;
use crate::ports::rooms::{BillingKey, JoinRequest, RoomRun, RoomRunEnd, Rooms};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use worker::wasm_bindgen::JsValue;
use worker::{ObjectNamespace, Request, Response};

/// Carries the call, except what may be too long for a header.
const CALL: &str = "docle-call";
/// A request needs an address; nothing reads this one.
const ADDRESS: &str = "http://room/";

/// What the object can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomCall {
    /// Whether the room is a project's, and therefore not there before it was opened.
    pub is_owned: bool,
    pub what: RoomAction,
}

/// See [`Rooms`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RoomAction {
    Open(BillingKey),
    /// The answer is a WebSocket, or 404.
    Connect(JoinRequest),
    /// The answer is JSON, or 404.
    State,
    /// Runs the [`RoomRun`] in the body. The answer is a [`RoomRunEnd`].
    Run,
    Delete,
}

impl RoomCall {
    /// The call that a request carries.
    pub fn read(request: &Request) -> worker::Result<Self> {
        let call = request.headers().get(CALL)?.unwrap_or_default();
        // Headers hold ASCII, names do not.
        let json = percent_decode(&call);
        Ok(serde_json::from_str(&json)?)
    }
}

/// The object of a room.
pub fn name_of_room(room: &RoomId) -> String {
    format!("room:{room}")
}

/// [`Rooms`] by calling Room objects.
pub struct RoomStub {
    pub namespace: ObjectNamespace,
}

impl RoomStub {
    async fn call(&self, room: &RoomId, what: RoomAction, body: Option<String>) -> Result<Response, PortError> {
        let is_upgrade = matches!(what, RoomAction::Connect(_));
        let call = RoomCall { is_owned: room.kind() == Kind::Owned, what };
        let answer = async {
            let call = percent_encode(&serde_json::to_string(&call)?);
            let body = body.map(JsValue::from);
            let request = match is_upgrade {
                true => fetch::request("GET", &[(CALL, call.as_str()), ("upgrade", "websocket")], None)?,
                false => fetch::request("POST", &[(CALL, &call)], body.as_ref())?,
            };
            let object = self.namespace.get_by_name(&name_of_room(room))?;
            fetch::at(&object.into_rpc(), ADDRESS, &request).await.map(Response::from)
        };
        let response = answer.await.map_err(failed)?;
        match response.status_code() {
            101 | 200 | 404 => Ok(response),
            status => Err(PortError(format!("A room answered {status}."))),
        }
    }
}

#[async_trait(?Send)]
impl Rooms for RoomStub {
    async fn open(&self, room: &RoomId, billing_key: &BillingKey) -> Result<(), PortError> {
        self.call(room, RoomAction::Open(billing_key.clone()), None).await.map(drop)
    }

    async fn connect(&self, room: &RoomId, seat: &JoinRequest) -> Result<Option<Upgrade>, PortError> {
        let response = self.call(room, RoomAction::Connect(seat.clone()), None).await?;
        Ok(response.websocket().map(|socket| Upgrade(Box::new(socket))))
    }

    async fn state(&self, room: &RoomId) -> Result<Option<Vec<u8>>, PortError> {
        let mut response = self.call(room, RoomAction::State, None).await?;
        if response.status_code() == 404 {
            return Ok(None);
        }
        response.bytes().await.map(Some).map_err(failed)
    }

    async fn run(&self, room: &RoomId, run: &RoomRun) -> Result<RoomRunEnd, PortError> {
        let body = serde_json::to_string(run).map_err(|error| PortError(error.to_string()))?;
        let mut response = self.call(room, RoomAction::Run, Some(body)).await?;
        response.json().await.map_err(failed)
    }

    async fn delete(&self, room: &RoomId) -> Result<(), PortError> {
        self.call(room, RoomAction::Delete, None).await.map(drop)
    }
}

fn failed(error: worker::Error) -> PortError {
    PortError(format!("Calling a room failed: {error}"))
}

/// ASCII text with everything else, and the sign itself, as `%` and two digits for each byte.
fn percent_encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn percent_decode(text: &str) -> String {
    form_urlencoded::parse(text.as_bytes()).map(|(name, _)| name.into_owned()).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::room::id::RANDOM_BYTES;
    use docle_room::role::Role;
    use serde_json::json;

    #[test]
    fn room_object_name_unchanged() {
        let room = RoomId::from_random(Kind::Open, [0; RANDOM_BYTES]);
        assert_eq!(name_of_room(&room), format!("room:{room}"));
    }

    #[test]
    fn room_call_format_unchanged() {
        let seat = JoinRequest {
            role: Role::Editor,
            name: Some("Zoë & = 100 %+".into()),
            expires_at: None,
            host: None,
            speaks_yjs: false,
            wants_events: false,
        };
        let call = RoomCall { is_owned: false, what: RoomAction::Connect(seat) };
        let json = serde_json::to_string(&call).unwrap();
        let written = percent_encode(&json);
        assert!(written.is_ascii());
        assert_eq!(percent_decode(&written), json);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["what"]["connect"]["role"], json!("editor"));
        assert_eq!(serde_json::to_value(RoomAction::State).unwrap(), json!("state"));
    }
}
