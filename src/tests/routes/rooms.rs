//! Rooms over HTTP: create, list, connect, run, delete.

use crate::app::purge::purge;
use crate::tests::app::{Answer, TestApp, key};
use ::http::{Method, StatusCode};
use serde_json::{Value, json};

/// A new room of `proj_1`: its id and the owner's token.
fn new_room(test: &mut TestApp) -> (String, String) {
    let request = test.request(Method::POST, "/api/rooms").header("content-type", "application/json");
    let made = test.send(request, "{}".to_owned()).json();
    (made["id"].as_str().unwrap().to_owned(), made["token"].as_str().unwrap().to_owned())
}

/// `POST /api/rooms/:id/run` with a key or a token.
fn run(test: &mut TestApp, room: &str, bearer: &str, body: Value) -> Answer {
    let request = test.visit(Method::POST, &format!("/api/rooms/{room}/run"));
    test.send(request.header("authorization", format!("Bearer {bearer}")), body.to_string())
}

fn state(test: &mut TestApp, room: &str) -> Answer {
    let request = test.request(Method::GET, &format!("/collab/{room}/state"));
    test.send(request, String::new())
}

fn connect(test: &mut TestApp, room: &str) -> Answer {
    let request = test.request(Method::GET, &format!("/collab/{room}/websocket")).header("upgrade", "websocket");
    test.send(request, String::new())
}

#[test]
fn a_program_in_a_room_is_followed_by_its_clients_and_recorded_for_the_key() {
    let mut test = TestApp::new();
    let (room, token) = new_room(&mut test);
    assert_eq!(connect(&mut test, &room).status, StatusCode::SWITCHING_PROTOCOLS);
    for bearer in [key(1).reveal(), &token] {
        let ran = run(&mut test, &room, bearer, json!({ "code": "print(1)", "language": "python" }));
        assert_eq!((ran.status, ran.json()["output"].clone()), (StatusCode::OK, json!("1\n")), "{}", ran.text());
    }
    assert_eq!(state(&mut test, &room).json()["result"]["stdout"], "1\n");
    assert_eq!(test.recorded().len(), 2);
    assert_eq!(test.rooms.sockets(&room).open().len(), 1);
}

#[test]
fn a_token_that_does_not_fit_is_answered_with_what_to_send() {
    let mut test = TestApp::new();
    let (room, token) = new_room(&mut test);
    let refused = run(&mut test, &room, "no token", json!({}));
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(refused.text().contains("Send a valid token for this room"), "{}", refused.text());

    let request = test.visit(Method::POST, &format!("/api/rooms/{room}/tokens"));
    let request = request.header("authorization", format!("Bearer {token}"));
    let runner = test.send(request, json!({ "role": "runner" }).to_string()).json();
    let refused = run(&mut test, &room, runner["token"].as_str().unwrap(), json!({ "code": "print(2)" }));
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let message = "The role runner can only run the room's program: omit `code`, or use an editor token.";
    assert!(refused.text().contains(message), "{}", refused.text());
}

#[test]
fn a_room_that_cannot_be_reached_is_no_missing_room() {
    let mut test = TestApp::new();
    let (room, _) = new_room(&mut test);
    test.rooms.fails.set(true);
    assert_eq!(state(&mut test, &room).status, StatusCode::SERVICE_UNAVAILABLE);
    test.rooms.fails.set(false);
    let request = test.request(Method::DELETE, &format!("/api/rooms/{room}"));
    assert_eq!(test.send(request, String::new()).status, StatusCode::NO_CONTENT);
    assert_eq!(state(&mut test, &room).status, StatusCode::NOT_FOUND);
}

#[test]
fn a_project_lists_its_rooms_and_takes_them_with_it() {
    let mut test = TestApp::new();
    let request = test.request(Method::POST, "/api/rooms").header("content-type", "application/json");
    let made = test.send(request, "{}".to_owned());
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let request = test.request(Method::GET, "/api/rooms");
    assert_eq!(test.send(request, String::new()).json()["rooms"][0]["id"], json!(id));

    let app = &test.app;
    test.pool.run_until(purge(app)).unwrap();
    assert_eq!(test.rooms.stored(), [id]);
    test.sql.run("DELETE FROM api_keys WHERE project_id = 'proj_1'");
    test.sql.run("DELETE FROM projects WHERE id = 'proj_1'");
    test.pool.run_until(purge(app)).unwrap();
    test.pool.run_until(purge(app)).unwrap();
    assert_eq!(test.rooms.stored(), [""; 0]);
}
