//! Examples of rooms.

use crate::document::example::{Example, text, time};
use crate::rooms::*;
use crate::runs::RunResult;

const ROOM: &str = "room_0f8fad5bd9cb469fa165";
const TOKEN: &str = "eyJyb29tIjoicm9vbV8wZjhmYWQ1YmQ5Y2I0NjlmYTE2NSJ9.c2lnbmF0dXJl";

impl Example for RoomSettings {
    const NAME: &'static str = "room";

    fn example() -> Self {
        Self { name: Some(text("Interview with Bob")), owner_name: Some(text("Ada")), ttl_seconds: Some(7_200) }
    }
}

impl Example for CreatedRoom {
    const NAME: &'static str = "created";

    fn example() -> Self {
        Self {
            id: text(ROOM),
            name: Some(text("Interview with Bob")),
            url: format!("https://api.docle.co/collab/{ROOM}"),
            websocket: format!("wss://api.docle.co/collab/{ROOM}/websocket"),
            yjs: format!("wss://api.docle.co/collab/{ROOM}/yjs"),
            token: text(TOKEN),
            role: Role::Owner,
            expires_at: time(),
        }
    }
}

impl Example for RoomPage {
    const NAME: &'static str = "rooms";

    fn example() -> Self {
        Self {
            rooms: vec![ListedRoom { id: text(ROOM), name: Some(text("Interview with Bob")), created_at: time() }],
            next_cursor: None,
        }
    }
}

impl Example for RoomTokenSettings {
    const NAME: &'static str = "editor";

    fn example() -> Self {
        Self { role: Role::Editor, name: Some(text("Bob")), ttl_seconds: Some(7_200) }
    }
}

impl Example for RoomToken {
    const NAME: &'static str = "token";

    fn example() -> Self {
        Self { token: text(TOKEN), role: Role::Editor, expires_at: time() }
    }
}

impl Example for RoomProgram {
    const NAME: &'static str = "program";

    fn example() -> Self {
        Self {
            code: Some(text("print(6 * int(input()))")),
            name: None,
            language: Some(text("python")),
            stdin: Some(text("7")),
            policy: None,
        }
    }
}

impl Example for RoomRun {
    const NAME: &'static str = "run";

    fn example() -> Self {
        let result = RunResult { stdout: text("42\n"), ..RunResult::example() };
        Self { success: true, output: text("42\n"), error: String::new(), exit_code: 0, result }
    }
}

impl Example for RoomState {
    const NAME: &'static str = "state";

    fn example() -> Self {
        let ada = RoomUser { id: text("7"), name: text("Ada"), color: text("#51cf66"), role: Role::Editor };
        Self {
            code: text("print(6 * 7)"),
            lang: Some(text("python")),
            users: vec![ada],
            last_update: 1_769_860_800_000,
            rev: 12,
            entrypoint: None,
            packages: Vec::new(),
            files: None,
            result: None,
        }
    }
}
