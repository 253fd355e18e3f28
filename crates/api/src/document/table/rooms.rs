//! Operations on rooms.

use crate::document::headers::Header;
use crate::document::operation::{Body, Caller, Method, Operation, Success, Tag};
use crate::document::parameters::Parameter;
use crate::document::schema::Type;
use crate::errors::ErrorCode::*;
use crate::limits::{MAX_BODY_BYTES, MAX_SETTINGS_BYTES};
use crate::room_messages::{RoomClientMessage, RoomServerMessage};
use crate::rooms::*;

const ID: Parameter = Parameter::Id("The id of the room.");

pub fn operations() -> Vec<Operation> {
    let with_key = (Tag::Rooms, Caller::Key);
    let member = (Tag::Rooms, Caller::RoomMember);
    let page = Success {
        status: 200,
        description: "The page.",
        headers: Vec::new(),
        bodies: vec![Body::text("text/html", "<!doctype html>…")],
    };
    vec![
        Operation::new(
            "create_open_room",
            (Method::Get, "/collab"),
            (Tag::Rooms, Caller::Anyone),
            "Make an open room",
            "Makes a room that has no project, and redirects to it. Everyone who knows its id may edit it. No program can be run in it.",
        )
        .empty(302, "The room is at `Location`.")
        .header(Header::Location),
        Operation::new(
            "get_room",
            (Method::Get, "/collab/:id"),
            (Tag::Rooms, Caller::Anyone),
            "Show the page of a room",
            "A page that says how to connect to the room.",
        )
        .with(ID)
        .answers(page)
        .fails(&[RoomNotFound]),
        Operation::new(
            "get_room_state",
            (Method::Get, "/collab/:id/state"),
            (Tag::Rooms, Caller::RoomGuest),
            "Read a room",
            "The text, the people in the room, and the last result.",
        )
        .with(ID)
        .with(Parameter::RoomName)
        .gives::<RoomState>(200, "What everyone in the room sees."),
        socket(
            "connect_room",
            "/collab/:id/websocket",
            "Connect to a room",
            "A WebSocket that speaks the JSON protocol, or the protocol of y-websocket where the first frame is binary. A \
             connection ends with its token.",
        )
        .socket(vec![Type::of::<RoomClientMessage>()], vec![Type::of::<RoomServerMessage>()]),
        socket(
            "connect_yjs",
            "/collab/:id/yjs",
            "Connect to a room with Yjs",
            "A WebSocket that speaks the protocol of y-websocket. With `events=1`, frames of message type 100 hold a string, \
             which is a message of the JSON protocol about a run.",
        ),
        Operation::new(
            "create_room",
            (Method::Post, "/api/rooms"),
            with_key,
            "Make a room",
            "Makes a room of the key's project, and a token of its owner's. A project may have 500 rooms. A room that nobody \
             uses for 90 days is deleted.",
        )
        .takes(MAX_SETTINGS_BYTES, vec![Body::json::<RoomSettings>()])
        .body_is_optional()
        .gives::<CreatedRoom>(201, "The room and the token.")
        .fails(&[UnsupportedMediaType, RateLimitExceeded, TooManyRooms, QuotaFull]),
        Operation::new(
            "list_rooms",
            (Method::Get, "/api/rooms"),
            with_key,
            "List a project's rooms",
            "The rooms of the key's project, the newest first.",
        )
        .paged()
        .gives::<RoomPage>(200, "One page of rooms.")
        .fails(&[RateLimitExceeded]),
        Operation::new(
            "delete_room",
            (Method::Delete, "/api/rooms/:id"),
            member,
            "Delete a room",
            "Closes all connections to the room and deletes everything in it. It takes the role `owner`.",
        )
        .with(ID)
        .empty(204, "The room is gone.")
        .fails(&[RoomRoleTooLow, RateLimitExceeded]),
        Operation::new(
            "create_room_token",
            (Method::Post, "/api/rooms/:id/tokens"),
            member,
            "Make a token for a room",
            "Makes a token with which a person connects to the room. It takes the role `owner`; a token of an owner's makes tokens of lesser roles, \
             which end with it at the latest.",
        )
        .with(ID)
        .takes(MAX_SETTINGS_BYTES, vec![Body::json::<RoomTokenSettings>()])
        .gives::<RoomToken>(201, "The token.")
        .fails(&[RoomRoleTooLow, RateLimitExceeded, UnsupportedMediaType]),
        Operation::new(
            "run_in_room",
            (Method::Post, "/api/rooms/:id/run"),
            member,
            "Run a program in a room",
            "Runs the program of the room, or the one in the body, and everyone in the room sees it run. It takes the role `runner`, \
             `editor` where the body brings a program, and `owner` where it brings a policy.",
        )
        .with(ID)
        .takes(MAX_BODY_BYTES, vec![Body::json::<RoomProgram>()])
        .gives::<RoomRun>(200, "How the run ended.")
        .fails(&[
            RoomRoleTooLow,
            RoomBusy,
            RateLimitExceeded,
            UnsupportedMediaType,
            RunnerBusy,
            QueueFull,
            QuotaExceeded,
            RunnerUnavailable,
            LanguageUnavailable,
            RunnerMismatch,
        ]),
        Operation::new(
            "stop_run_in_room",
            (Method::Delete, "/api/rooms/:id/run"),
            member,
            "Stop the program in a room",
            "Stops the program that runs in the room, and answers when it has ended. Everyone in the room gets its result, with the \
             status `cancelled`. Without a program that runs nothing changes. It takes the role `runner`.",
        )
        .with(ID)
        .empty(204, "No program runs, or it has not started yet.")
        .fails(&[RoomRoleTooLow, RateLimitExceeded]),
    ]
}

fn socket(id: &'static str, path: &'static str, summary: &'static str, description: &'static str) -> Operation {
    Operation::new(id, (Method::Get, path), (Tag::Rooms, Caller::RoomSocket), summary, description)
        .with(ID)
        .with(Parameter::RoomName)
        .with(Parameter::RoomEvents)
        .empty(
            101,
            "The connection is a WebSocket now. A client that may not use the room receives the reason as a message, and a \
             close with a code from 4400 to 4499.",
        )
        .header(Header::Upgrade)
        .header(Header::Protocol)
        .fails(&[InvalidRequest, UpgradeRequired])
}
