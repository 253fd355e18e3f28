//! The Room object: one per room. The shell around [`RoomLogic`].

use crate::bindings;
use crate::domain::room::id::RoomId;
use crate::objects::call::{self, Incoming};
use crate::objects::room::call::{RoomCall, RoomRefusal, room_of_object};
use crate::objects::room::live::RoomPorts;
use crate::objects::room::logic::RoomLogic;
use crate::objects::runtime::ObjectRuntime;
use crate::platform::console::Console;
use crate::platform::room_sockets::RuntimeRoomSockets;
use crate::ports::rooms::RoomRun;
use crate::ports::{Level, Log, PortError};
use docle_room::room::Incoming as Frame;
use serde_json::json;
use std::rc::Rc;
use worker::{
    DurableObject, Env, Error, Request, Response, Result, State, WebSocket, WebSocketIncomingMessage, durable_object,
    wasm_bindgen,
};

/// One per room; [`RoomLogic`] says what it does.
#[durable_object]
pub struct Room {
    logic: RoomLogic,
    sockets: Rc<RuntimeRoomSockets>,
}

impl DurableObject for Room {
    fn new(state: State, env: Env) -> Self {
        let sockets = Rc::new(RuntimeRoomSockets::of(&state));
        let (programs, project) = bindings::room_ports(&env, &state);
        let ObjectRuntime { storage, clock, entropy, background, log } = bindings::object_runtime(&state);
        let ports = RoomPorts { storage, sockets: sockets.clone(), project, clock, entropy, background, log };
        Self { logic: RoomLogic::new(ports, programs), sockets }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let Incoming { object, call } = call::receive::<RoomCall>(&request)?;
        let room = room_of_object(&object).ok_or("This object is not named after a room.")?;
        let run = match call {
            RoomCall::Run => Some(request.json().await?),
            _ => None,
        };
        match self.answer(room, call, run).await {
            Ok(response) => response,
            Err(error) => {
                log_failure(&error);
                call::refuse(&RoomRefusal::Failed)
            }
        }
    }

    async fn websocket_message(&self, socket: WebSocket, message: WebSocketIncomingMessage) -> Result<()> {
        let frame = match &message {
            WebSocketIncomingMessage::String(text) => Frame::Text(text),
            WebSocketIncomingMessage::Binary(bytes) => Frame::Binary(bytes),
        };
        if let Err(error) = self.logic.on_frame(self.sockets.connection_of(&socket), frame).await {
            log_failure(&error);
        }
        Ok(())
    }

    async fn websocket_close(&self, socket: WebSocket, _code: usize, _reason: String, _clean: bool) -> Result<()> {
        self.on_close(&socket).await
    }

    async fn websocket_error(&self, socket: WebSocket, _error: Error) -> Result<()> {
        self.on_close(&socket).await
    }

    /// The runtime repeats an alarm that fails.
    async fn alarm(&self) -> Result<Response> {
        self.logic.alarm().await.map_err(|error| {
            log_failure(&error);
            "The room could not do what was due."
        })?;
        Response::empty()
    }
}

impl Room {
    async fn answer(
        &self,
        room: RoomId,
        call: RoomCall,
        run: Option<RoomRun>,
    ) -> std::result::Result<Result<Response>, PortError> {
        let kind = room.kind();
        let no_such_room = || call::refuse(&RoomRefusal::NoSuchRoom);
        Ok(match call {
            RoomCall::Open(billing_key) => call::answer(&self.logic.open(room, billing_key).await?),
            RoomCall::Connect(join) => {
                match self.logic.connect(kind, join).await?.map(|upgrade| upgrade.0.downcast()) {
                    Some(Ok(client)) => Response::from_websocket(*client),
                    Some(Err(_)) => {
                        return Err(PortError("A room accepted something that is no WebSocket.".to_owned()));
                    }
                    None => no_such_room(),
                }
            }
            RoomCall::State => match self.logic.state(kind).await? {
                Some(state) => Response::from_json(&state),
                None => no_such_room(),
            },
            RoomCall::Run => match run {
                Some(run) => Response::from_json(&self.logic.run(run).await?),
                None => return Err(PortError("A run came without a body.".to_owned())),
            },
            RoomCall::Running => call::answer(&self.logic.running()),
            RoomCall::Delete => call::answer(&self.logic.delete().await?),
        })
    }

    async fn on_close(&self, socket: &WebSocket) -> Result<()> {
        // The client waits for this. After hibernation the runtime may not list the socket any more.
        let _ = socket.close(Some(1000), Some(""));
        if let Err(error) = self.logic.on_close(self.sockets.connection_of(socket)).await {
            log_failure(&error);
        }
        Ok(())
    }
}

fn log_failure(error: &PortError) {
    Console.write(Level::Error, json!({ "message": "A room failed.", "error": error.0 }));
}
