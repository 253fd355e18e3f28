//! Rooms of projects, as far as they are in the database.

use crate::app::purge::purge;
use crate::tests::app::TestApp;
use ::http::{Method, StatusCode};
use serde_json::json;

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
    assert!(test.rooms.deleted.borrow().is_empty());
    test.sql.run("DELETE FROM api_keys WHERE project_id = 'proj_1'");
    test.sql.run("DELETE FROM projects WHERE id = 'proj_1'");
    test.pool.run_until(purge(app)).unwrap();
    test.pool.run_until(purge(app)).unwrap();
    assert_eq!(*test.rooms.deleted.borrow(), [id]);
}
