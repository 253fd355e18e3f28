//! The calls of a Room object, and the stub that sends them.

use crate::domain::room::id::RoomId;
use crate::objects::call::{self, Answer, CallError, ObjectCall};
use crate::platform::fetch;
use crate::ports::PortError;
use crate::ports::http_messages::Upgrade;
use crate::ports::rooms::{BillingKey, JoinRequest, RoomRun, RoomRunEnd, Rooms, RunningProgram};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use worker::wasm_bindgen::JsValue;
use worker::{ObjectNamespace, Response};

/// The calls of a Room object; [`Rooms`] documents what each of them does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RoomCall {
    Open(BillingKey),
    /// The answer is a WebSocket.
    Connect(JoinRequest),
    /// The answer is the body.
    State,
    /// The body has a [`RoomRun`], and the body of the answer a [`RoomRunEnd`]: both may be larger than a header.
    Run,
    Running,
    Delete,
}

/// Why a Room object refuses a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RoomRefusal {
    NoSuchRoom,
    /// The object has logged why.
    Failed,
}

impl ObjectCall for RoomCall {
    type Refusal = RoomRefusal;

    fn may_repeat(&self) -> bool {
        match self {
            Self::Open(_) | Self::State | Self::Running | Self::Delete => true,
            // A second call would open a second connection, or run the program twice.
            Self::Connect(_) | Self::Run => false,
        }
    }

    fn opens_socket(&self) -> bool {
        matches!(self, Self::Connect(_))
    }
}

const PREFIX: &str = "room:";

/// The name of a room's object.
pub fn object_of_room(room: &RoomId) -> String {
    format!("{PREFIX}{room}")
}

/// The room whose object has this name.
pub fn room_of_object(object: &str) -> Option<RoomId> {
    object.strip_prefix(PREFIX).and_then(RoomId::parse)
}

/// [`Rooms`] by calling Room objects.
pub struct RoomStub {
    pub namespace: ObjectNamespace,
}

impl RoomStub {
    /// The answer of a room; `None` if there is no such room.
    async fn call(&self, room: &RoomId, call: RoomCall, body: Option<String>) -> Result<Option<Answer>, PortError> {
        let body = body.map(JsValue::from);
        match call::call(&self.namespace, &object_of_room(room), &call, body.as_ref(), None).await {
            Ok(answer) => Ok(Some(answer)),
            Err(CallError::Refused(RoomRefusal::NoSuchRoom)) => Ok(None),
            Err(CallError::Refused(RoomRefusal::Failed)) => Err(PortError("A room refused a call.".to_owned())),
            Err(CallError::Lost(why)) => Err(PortError(format!("Calling a room failed: {why}"))),
        }
    }
}

#[async_trait(?Send)]
impl Rooms for RoomStub {
    async fn open(&self, room: &RoomId, billing_key: &BillingKey) -> Result<(), PortError> {
        self.call(room, RoomCall::Open(billing_key.clone()), None).await.map(drop)
    }

    async fn connect(&self, room: &RoomId, join: &JoinRequest) -> Result<Option<Upgrade>, PortError> {
        let Some(answer) = self.call(room, RoomCall::Connect(join.clone()), None).await? else { return Ok(None) };
        match Response::from(answer.0).websocket() {
            Some(socket) => Ok(Some(Upgrade(Box::new(socket)))),
            None => Err(PortError("A room opened no WebSocket.".to_owned())),
        }
    }

    async fn state(&self, room: &RoomId) -> Result<Option<Vec<u8>>, PortError> {
        match self.call(room, RoomCall::State, None).await? {
            Some(answer) => fetch::bytes(&answer.0).await.map(Some).map_err(unreadable),
            None => Ok(None),
        }
    }

    async fn run(&self, room: &RoomId, run: &RoomRun) -> Result<RoomRunEnd, PortError> {
        let body = serde_json::to_string(run).map_err(unreadable)?;
        let Some(answer) = self.call(room, RoomCall::Run, Some(body)).await? else {
            return Ok(RoomRunEnd::NoSuchRoom);
        };
        let end = fetch::bytes(&answer.0).await.map_err(unreadable)?;
        serde_json::from_slice(&end).map_err(unreadable)
    }

    async fn running(&self, room: &RoomId) -> Result<Option<RunningProgram>, PortError> {
        match self.call(room, RoomCall::Running, None).await? {
            Some(answer) => answer.value().map(Option::flatten).map_err(unreadable),
            None => Ok(None),
        }
    }

    async fn delete(&self, room: &RoomId) -> Result<(), PortError> {
        self.call(room, RoomCall::Delete, None).await.map(drop)
    }
}

fn unreadable(error: impl std::fmt::Display) -> PortError {
    PortError(format!("What a room was sent or answered is unreadable: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::room::id::{Kind, RANDOM_BYTES};
    use crate::domain::run::record::Owner;
    use crate::domain::usage_log::name::LogId;
    use crate::tests::app::secret;
    use docle_room::role::Role;
    use serde_json::json;

    fn open() -> RoomCall {
        let owner = Owner { project_id: "proj_1".into(), log_id: LogId::default(), key_id: "key_1".into() };
        RoomCall::Open(BillingKey { key_hash: "ab".into(), owner })
    }

    fn connect() -> RoomCall {
        RoomCall::Connect(JoinRequest {
            role: Role::Editor,
            name: Some("Zoë & = 100 %+".into()),
            expires_at: None,
            host: None,
            speaks_yjs: false,
            wants_events: false,
            key_hash: None,
        })
    }

    #[test]
    fn room_object_name_unchanged() {
        for kind in [Kind::Open, Kind::Owned] {
            let room = RoomId::from_random(kind, [0; RANDOM_BYTES], &secret());
            assert_eq!(object_of_room(&room), format!("room:{room}"));
            assert_eq!(room_of_object(&object_of_room(&room)), Some(room));
        }
    }

    #[test]
    fn an_object_that_is_not_named_after_a_room_is_no_room() {
        let made_up = RoomId::from_random(Kind::Owned, [0; RANDOM_BYTES], &secret()).to_string().to_uppercase();
        for name in ["", "room:", "room:open_", "key:ab", &made_up, &format!("room:{made_up}")] {
            assert_eq!(room_of_object(name), None, "{name}");
        }
    }

    #[test]
    fn room_call_format_unchanged() {
        let written = |call: RoomCall| serde_json::to_value(call).unwrap();
        let owner = json!({ "projectId": "proj_1", "logId": "0000000000", "keyId": "key_1" });
        assert_eq!(written(open()), json!({ "open": { "keyHash": "ab", "owner": owner } }));
        let join = json!({
            "role": "editor", "name": "Zoë & = 100 %+", "expiresAt": null, "host": null, "speaksYjs": false,
            "wantsEvents": false,
        });
        assert_eq!(written(connect()), json!({ "connect": join }));
        assert_eq!(written(RoomCall::State), json!("state"));
        assert_eq!(written(RoomCall::Run), json!("run"));
        assert_eq!(written(RoomCall::Running), json!("running"));
        let running = RunningProgram { project_id: "proj_1".into(), run: "550e8400".into() };
        assert_eq!(serde_json::to_value(running).unwrap(), json!({ "projectId": "proj_1", "run": "550e8400" }));
        assert_eq!(written(RoomCall::Delete), json!("delete"));
        assert_eq!(serde_json::to_value(RoomRefusal::NoSuchRoom).unwrap(), json!("noSuchRoom"));
    }

    #[test]
    fn a_run_and_a_connection_are_never_sent_twice() {
        assert!([open(), RoomCall::State, RoomCall::Running, RoomCall::Delete].iter().all(RoomCall::may_repeat));
        assert!(![connect(), RoomCall::Run].iter().any(RoomCall::may_repeat));
    }
}
