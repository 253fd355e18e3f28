//! Rooms over HTTP: create, list, connect, run, delete.

use crate::app::purge::purge;
use crate::app::rooms::programs::RoomPrograms;
use crate::domain::room::id::{Kind, RoomId};
use crate::ports::rooms::RoomProject;
use crate::tests::app::{Answer, TestApp, key, secret};
use ::http::{Method, StatusCode};
use docle_api::limits::MAX_ROOMS_PER_PROJECT;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A new room of `proj_1`: its id and the owner's token.
fn new_room(test: &mut TestApp) -> (String, String) {
    let request = test.request(Method::POST, "/api/rooms").header("content-type", "application/json");
    let made = test.send(request, "{}".to_owned()).json();
    (made["id"].as_str().unwrap().to_owned(), made["token"].as_str().unwrap().to_owned())
}

fn create(test: &mut TestApp, body: Value) -> Answer {
    let request = test.request(Method::POST, "/api/rooms").header("content-type", "application/json");
    test.send(request, body.to_string())
}

fn token_of(test: &mut TestApp, room: &str, owner: &str, role: &str) -> String {
    let request = test.visit(Method::POST, &format!("/api/rooms/{room}/tokens"));
    let request = request.header("authorization", format!("Bearer {owner}"));
    text(&test.send(request, json!({ "role": role }).to_string()).json()["token"])
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// `POST /api/rooms/:id/run` with a key or a token.
fn run(test: &mut TestApp, room: &str, bearer: &str, body: Value) -> Answer {
    let request = test.visit(Method::POST, &format!("/api/rooms/{room}/run"));
    test.send(request.header("authorization", format!("Bearer {bearer}")), body.to_string())
}

/// `DELETE /api/rooms/:id/run` with a key or a token.
fn stop(test: &mut TestApp, room: &str, bearer: &str) -> Answer {
    let request = test.visit(Method::DELETE, &format!("/api/rooms/{room}/run"));
    test.send(request.header("authorization", format!("Bearer {bearer}")), String::new())
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
fn who_may_run_may_stop_and_without_a_program_nothing_changes() {
    let mut test = TestApp::new();
    let (room, owner) = new_room(&mut test);
    let (viewer, runner) = (token_of(&mut test, &room, &owner, "viewer"), token_of(&mut test, &room, &owner, "runner"));
    for (bearer, status) in [
        (viewer.as_str(), StatusCode::FORBIDDEN),
        (&runner, StatusCode::NO_CONTENT),
        (&owner, StatusCode::NO_CONTENT),
        (key(1).reveal(), StatusCode::NO_CONTENT),
        ("rt_made-up", StatusCode::UNAUTHORIZED),
    ] {
        assert_eq!(stop(&mut test, &room, bearer).status, status, "{bearer}");
    }
}

#[test]
fn a_guest_says_a_name_for_a_run_within_the_limit() {
    let mut test = TestApp::new();
    let (room, owner) = new_room(&mut test);
    let runner = token_of(&mut test, &room, &owner, "editor");
    let named = run(&mut test, &room, &runner, json!({ "code": "print(1)", "name": "Bob" }));
    assert_eq!(named.status, StatusCode::OK, "{}", named.text());
    for name in [String::new(), "x".repeat(41)] {
        let refused = run(&mut test, &room, &runner, json!({ "code": "print(1)", "name": name }));
        assert_eq!(refused.json()["errors"][0]["field"], "name", "{}", refused.text());
    }
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
fn the_name_of_a_room_was_that_of_its_owner_and_no_list_showed_it() {
    let mut test = TestApp::new();
    let named = create(&mut test, json!({ "name": "Interview", "ownerName": "Ada" }));
    assert_eq!(named.json()["name"], "Interview");
    let unnamed = create(&mut test, json!({}));
    let request = test.request(Method::GET, "/api/rooms");
    let rooms = test.send(request, String::new()).json()["rooms"].clone();
    let names: BTreeMap<String, Value> =
        rooms.as_array().unwrap().iter().map(|room| (text(&room["id"]), room["name"].clone())).collect();
    assert_eq!(names[&text(&named.json()["id"])], "Interview");
    assert_eq!(names[&text(&unnamed.json()["id"])], Value::Null);
    let wrong = create(&mut test, json!({ "name": " ", "ownerName": "x".repeat(41) })).json();
    let fields: Vec<&Value> = wrong["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    assert_eq!(fields, ["name", "ownerName"]);
}

#[test]
fn a_project_could_make_rooms_without_end() {
    let mut test = TestApp::new();
    let rows = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MAX_ROOMS_PER_PROJECT}) \
         INSERT INTO rooms (id, project_id, created_at) SELECT 'room ' || i, 'proj_1', 0 FROM n"
    );
    test.sql.run(&rows);
    let refused = create(&mut test, json!({}));
    assert_eq!((refused.status, &refused.json()["code"]), (StatusCode::CONFLICT, &json!("too_many_rooms")));
    assert!(refused.text().contains("DELETE /api/rooms/:id"), "{}", refused.text());
    test.sql.run("DELETE FROM rooms WHERE id = 'room 1'");
    assert_eq!(create(&mut test, json!({})).status, StatusCode::CREATED);
}

#[test]
fn a_run_in_a_room_had_no_input_and_no_policy_and_an_empty_room_ran() {
    let mut test = TestApp::new();
    let (room, token) = new_room(&mut test);
    let empty = run(&mut test, &room, &token, json!({}));
    assert_eq!((empty.status, &empty.json()["errors"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("code")));
    assert!(test.run_pools.jobs.borrow().is_empty());

    let policy = json!({ "timeoutMs": 9_000, "memoryMB": 64 });
    let body = json!({ "code": "print(input())", "language": "python", "stdin": "7", "policy": policy });
    assert_eq!(run(&mut test, &room, &token, body.clone()).status, StatusCode::OK);
    let job = test.run_pools.jobs.borrow()[0].clone();
    assert_eq!((job.stdin.as_str(), job.limits.timeout_ms, job.limits.memory_mb), ("7", 9_000, 64));

    let editor = token_of(&mut test, &room, &token, "editor");
    let refused = run(&mut test, &room, &editor, body);
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text().contains("omit `policy`"), "{}", refused.text());
    let wrong = json!({ "code": "1", "policy": { "timeoutMs": 1 } });
    let wrong = run(&mut test, &room, &token, wrong);
    assert_eq!(wrong.json()["errors"][0]["field"], "policy.timeoutMs", "{}", wrong.text());
}

#[test]
fn a_refused_handshake_looked_like_a_lost_connection() {
    let mut test = TestApp::new();
    let (room, _) = new_room(&mut test);
    let made_up = format!("room_{}", "0".repeat(32));
    // The Worker alone answers: no object can be reached, and the database has no tables.
    test.rooms.fails.set(true);
    test.sql.run("DROP TABLE rooms");
    for (path, bearer, code, name) in [
        (format!("/collab/{room}/websocket"), "", 4401, "room_token_required"),
        (format!("/collab/{room}/websocket"), "Bearer x.y", 4401, "room_token_required"),
        (format!("/collab/{made_up}/websocket"), "", 4404, "room_not_found"),
        (format!("/collab/{room}/websocket?token=x"), "", 4400, "invalid_request"),
    ] {
        test.sockets.heard.borrow_mut().clear();
        let request = test.visit(Method::GET, &path).header("upgrade", "websocket").header("authorization", bearer);
        let answer = test.send(request, String::new());
        assert_eq!(answer.status, StatusCode::SWITCHING_PROTOCOLS, "{path}");
        assert_eq!(test.sockets.closed.take(), Some(code), "{path}");
        let heard: Value = serde_json::from_str(&test.sockets.heard.borrow()[0]).unwrap();
        assert_eq!((&heard["type"], &heard["data"]["code"]), (&json!("error"), &json!(name)));

        let yjs = test.visit(Method::GET, &path.replace("websocket", "yjs")).header("upgrade", "websocket");
        assert_eq!(test.send(yjs, String::new()).status, StatusCode::SWITCHING_PROTOCOLS);
        assert_eq!(test.sockets.closed.take(), Some(code), "{path}");
        assert_eq!(test.sockets.heard.borrow().len(), 1, "a stock Yjs client fails on text");
    }
    // Without a WebSocket the statuses stay.
    for (path, status) in [(format!("/collab/{room}/state"), 401), (format!("/collab/{made_up}/yjs"), 404)] {
        let request = test.visit(Method::GET, &path);
        assert_eq!(test.send(request, String::new()).status.as_u16(), status, "{path}");
    }
    // What passes by itself is an HTTP error, after which clients come back.
    let request = test.request(Method::GET, &format!("/collab/{room}/yjs")).header("upgrade", "websocket");
    assert_eq!(test.send(request, String::new()).status, StatusCode::SERVICE_UNAVAILABLE);
}

/// A project of Ada's with rooms, in each of which there is a person.
fn project_with_rooms(test: &mut TestApp, rooms: usize) -> (String, String, Vec<String>) {
    let cookie = test.sign_in("ada@example.com");
    let project = text(&test.call(&cookie, Method::POST, "/api/projects", json!({ "name": "Shop" })).json()["id"]);
    let settings = json!({ "rateLimitPerMinute": 10_000 });
    let key = test.call(&cookie, Method::POST, &format!("/api/projects/{project}/keys"), settings).json();
    let bearer = format!("Bearer {}", text(&key["key"]));
    let mut ids = vec![];
    for _ in 0..rooms {
        let request = test.visit(Method::POST, "/api/rooms").header("authorization", &bearer);
        let room = text(&test.send(request, "{}".to_owned()).json()["id"]);
        let request = test.visit(Method::GET, &format!("/collab/{room}/yjs")).header("upgrade", "websocket");
        let answer = test.send(request.header("authorization", &bearer), String::new());
        assert_eq!(answer.status, StatusCode::SWITCHING_PROTOCOLS);
        ids.push(room);
    }
    (cookie, project, ids)
}

#[test]
fn rooms_of_a_deleted_project_kept_their_connections_until_a_purge_reached_them() {
    let mut test = TestApp::new();
    let (cookie, project, rooms) = project_with_rooms(&mut test, 3);
    for number in 0..250 {
        let id = RoomId::from_random(Kind::Owned, [number, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], &secret());
        test.sql.run(&format!("INSERT INTO rooms (id, project_id, created_at) VALUES ('{id}', '{project}', 0)"));
    }
    let deleted = test.call(&cookie, Method::DELETE, &format!("/api/projects/{project}"), Value::Null);
    assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{}", deleted.text());
    assert_eq!(test.rooms.stored(), [""; 0]);
    assert!(rooms.iter().all(|room| test.rooms.sockets(room).open().is_empty()));
    assert_eq!((test.sql.dump("rooms").len(), test.sql.dump("room_orphans").len()), (0, 0));
}

#[test]
fn one_room_that_failed_stopped_the_deletion_of_the_others_and_the_purge() {
    let mut test = TestApp::new();
    let (cookie, project, rooms) = project_with_rooms(&mut test, 3);
    *test.rooms.broken.borrow_mut() = Some(rooms[0].clone());
    test.logs.fails.set(true);
    let deleted = test.call(&cookie, Method::DELETE, &format!("/api/projects/{project}"), Value::Null);
    assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{}", deleted.text());
    assert_eq!(test.rooms.stored(), [rooms[0].clone()]);

    // The log of the project, which the purge deletes after it has tried the rooms.
    let logs = |test: &TestApp| test.sql.dump("usage_orphans").len();
    assert_eq!(logs(&test), 1);
    test.logs.fails.set(false);
    let app = test.app.clone();
    test.pool.run_until(purge(&app));
    assert_eq!((logs(&test), test.rooms.stored().len()), (0, 1));
    let logged = format!("{:?}", test.log.0.borrow());
    assert!(logged.contains("A room of a deleted project could not be deleted."), "{logged}");

    test.rooms.broken.take();
    test.pool.run_until(purge(&app));
    assert_eq!(test.rooms.stored(), [""; 0]);
    assert_eq!((test.sql.dump("rooms").len(), test.sql.dump("room_orphans").len()), (0, 0));
}

#[test]
fn a_room_is_not_made_for_a_project_that_is_gone() {
    let mut test = TestApp::new();
    new_room(&mut test);
    // The gate still knows the key.
    test.sql.run("DELETE FROM api_keys WHERE project_id = 'proj_1'");
    test.sql.run("DELETE FROM projects WHERE id = 'proj_1'");
    assert_ne!(create(&mut test, json!({})).status, StatusCode::CREATED);
    assert_eq!(test.rooms.stored().len(), 1);
}

#[test]
fn a_connection_outlived_an_expired_key() {
    let mut test = TestApp::new();
    let (programs, hash) = (RoomPrograms(test.app.clone()), key(1).hash());
    assert!(test.pool.run_until(programs.has_key(&hash)).unwrap());
    test.sql.run("UPDATE api_keys SET expires_at = 1 WHERE id = 'key_1'");
    test.clock.pass_ms(2);
    test.pool.run_until(test.app.gates.refresh(&hash)).unwrap();
    assert!(!test.pool.run_until(programs.has_key(&hash)).unwrap());
    let revoked = key(3).hash();
    assert!(!test.pool.run_until(programs.has_key(&revoked)).unwrap());
}
