//! The description of this API in OpenAPI 3.1, made of the table of routes; the test below keeps openapi.json equal to
//! it.
//!
//! Shapes are in [`shapes`], what values may be in [`ranges`].

mod ranges;
mod script_shapes;
mod shapes;

use crate::http::error::ErrorCode;
use crate::http::openapi::ranges::range;
use crate::http::openapi::shapes::Field;
use crate::http::table::{Caller, ROUTES, Route, Verb};
use serde_json::{Map, Value, json};

/// What the table of routes does not say of an operation.
struct Operation {
    summary: &'static str,
    query: &'static [&'static str],
    takes: Option<&'static str>,
    status: u16,
    gives: Option<&'static str>,
}

const PAGE: &[&str] = &["limit", "cursor"];

/// What an operation is, by its handler's name.
fn operation(name: &str) -> Operation {
    let of = |summary, takes, status, gives| Operation { summary, query: &[], takes, status, gives };
    let list = |summary, gives| Operation { summary, query: PAGE, takes: None, status: 200, gives: Some(gives) };
    match name {
        "create_run" => of("Run a program", Some("RunRequest"), 200, Some("RunResult")),
        "interactive_run" => of("Run a program and talk to it while it goes on: a WebSocket", None, 101, None),
        "get_run" => of("Read a result again, for 7 days", None, 200, Some("StoredRun")),
        "execute_script" => of("Run a script in an isolate", Some("ScriptRequest"), 200, Some("ScriptResult")),
        "validate_script" => of("Say what is wrong with a script", Some("Script"), 200, Some("Validation")),
        "list_executions" => Operation {
            query: &["limit", "cursor", "offset"],
            ..of("The scripts that the key's project has run", None, 200, Some("ExecutionPage"))
        },
        "get_execution" => of("Read a script's result again, for 7 days", None, 200, Some("Execution")),
        "list_languages" => of("Languages of all tiers, with versions", None, 200, Some("Languages")),
        "get_docs" => of("The runtime APIs of scripts", None, 200, Some("Docs")),
        "get_errors" => of("What each error means, and what to do then", None, 200, None),
        "request_link" => of("Mail a login link", Some("LinkRequest"), 200, Some("Message")),
        "get_verify" => Operation { query: &["token"], ..of("The page that a login link opens", None, 200, None) },
        "redeem_link" => of("Redeem a login link for a session", Some("Link"), 200, Some("Message")),
        "sign_out" => of("End this session", None, 200, Some("Message")),
        "get_me" => of("Who is signed in", None, 200, Some("Account")),
        "delete_account" => of("Delete the account with everything in it", None, 204, None),
        "export_account" => of("Everything that is known of the account", None, 200, Some("AccountExport")),
        "list_own_events" => list("What one did", "EventPage"),
        "list_sessions" => list("Where one is signed in", "SessionPage"),
        "end_session" => of("Sign out somewhere else", None, 204, None),
        "create_project" => of("Make a project", Some("ProjectSettings"), 201, Some("Project")),
        "list_projects" => list("One's projects", "ProjectPage"),
        "get_project" => of("Read a project", None, 200, Some("Project")),
        "change_project" => of("Change a project", Some("ProjectChange"), 200, Some("Project")),
        "delete_project" => of("Delete a project with its keys and statistics", None, 204, None),
        "create_open_room" => of("Make a room that is nobody's, and go there", None, 302, None),
        "get_room" => of("The page of a room", None, 200, None),
        "get_room_state" => of("What everybody in a room sees", None, 200, Some("RoomState")),
        "connect_room" => Operation {
            query: &["name", "events"],
            ..of("Connect to a room: JSON, or Yjs where the first frame is binary", None, 101, None)
        },
        "connect_yjs" => {
            Operation { query: &["name", "events"], ..of("Connect to a room with y-websocket", None, 101, None) }
        }
        "create_room" => of("Make a room", Some("RoomSettings"), 201, Some("CreatedRoom")),
        "list_rooms" => list("The rooms of the key's project", "RoomPage"),
        "delete_room" => of("Delete a room with everything in it", None, 204, None),
        "create_room_token" => of("Let somebody into a room", Some("RoomTokenSettings"), 201, Some("RoomToken")),
        "run_in_room" => of("Run a program in sight of a room", Some("RoomProgram"), 200, Some("RoomRun")),
        "create_key" => of("Make a key", Some("KeySettings"), 201, Some("CreatedKey")),
        "list_keys" => list("The keys of a project", "KeyPage"),
        "change_key" => of("Change a key", Some("KeySettings"), 200, Some("Key")),
        "rotate_key" => of("Make a successor to a key", Some("Rotation"), 201, Some("RotatedKey")),
        "revoke_key" => of("Revoke a key", None, 204, None),
        "get_usage" => Operation {
            query: &["limit", "cursor", "interval"],
            ..of("What a project was used for", None, 200, Some("Usage"))
        },
        "list_project_events" => list("What was done with a project", "EventPage"),
        "export_end_user" => Operation {
            query: &["id", "limit", "cursor"],
            ..of("The runs for one end user", None, 200, Some("RunPage"))
        },
        "delete_end_user" => {
            Operation { query: &["id"], ..of("Delete the runs for one end user", None, 200, Some("Deletion")) }
        }
        "list_outbox" => of("Mail that a development machine did not send", None, 200, Some("Outbox")),
        "get_index" => of("What this is", None, 200, Some("Index")),
        "get_openapi" => of("This description", None, 200, Some("Anything")),
        "get_health" => of("Whether the service works", None, 200, Some("Anything")),
        other => panic!("{other} is not described"),
    }
}

fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let path = route.path.replace(":id", "{id}");
        let entry = paths.entry(path).or_insert_with(|| json!({}));
        let verb = match route.verb {
            Verb::Get => "get",
            Verb::Post => "post",
            Verb::Patch => "patch",
            Verb::Delete => "delete",
        };
        entry[verb] = describe(route);
    }
    let takes: Vec<&str> = ROUTES.iter().filter_map(|route| operation(route.name).takes).collect();
    let mut schemas = Map::new();
    for (name, fields) in shapes::all() {
        // What may be absent from a request is always there in an answer, and may be null.
        let is_request = takes.contains(&name)
            || ["Policy", "Packages", "SourceFile", "UserContext", "ScriptConfig", "IsolateSettings"].contains(&name);
        schemas.insert(name.to_owned(), shape(name, &fields, is_request));
    }
    schemas.insert("Problem".to_owned(), problem());
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Docle", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "apiKey": { "type": "http", "scheme": "bearer" },
                "session": { "type": "apiKey", "in": "cookie", "name": "docle_session" },
            },
        },
    })
}

fn describe(route: &Route) -> Value {
    let operation = operation(route.name);
    let mut parameters = Vec::new();
    if route.path.contains(":id") {
        parameters.push(json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }));
    }
    for name in operation.query {
        let required = matches!(*name, "id" | "token");
        let mut schema = json!({ "type": if matches!(*name, "limit" | "offset") { "integer" } else { "string" } });
        merge(&mut schema, range("query", name));
        parameters.push(json!({ "name": name, "in": "query", "required": required, "schema": schema }));
    }
    let json_of = |name: &str| json!({ "application/json": { "schema": reference(name) } });
    let mut success = json!({ "description": operation.summary });
    if let Some(name) = operation.gives {
        success["content"] = json_of(name);
    }
    if matches!(route.name, "create_run" | "execute_script") {
        success["content"]["text/event-stream"] = json!({ "schema": { "type": "string" } });
    }
    let problem = json!({ "application/problem+json": { "schema": reference("Problem") } });
    let mut described = json!({
        "operationId": route.name,
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {
            operation.status.to_string(): success,
            "default": { "description": "A problem", "content": problem },
        },
    });
    if let Some(name) = operation.takes {
        described["requestBody"] = json!({ "required": true, "content": json_of(name) });
    }
    let security = match (route.caller, route.name) {
        (Caller::ApiClient, "get_run") => Some(json!([{}, { "apiKey": [] }, { "session": [] }])),
        (Caller::ApiClient, _) => Some(json!([{ "apiKey": [] }])),
        (Caller::SignedIn, _) => Some(json!([{ "session": [] }])),
        (Caller::Anyone | Caller::Visitor, _) => None,
    };
    if let Some(security) = security {
        described["security"] = security;
    }
    described
}

fn shape(name: &str, fields: &[Field], is_request: bool) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (field, kind) in fields {
        let plain = kind.trim_end_matches(['?', '~']);
        let mut described = type_of(plain);
        merge(&mut described, range(name, field));
        if plain == *kind || (kind.ends_with('?') && !is_request) {
            required.push(*field);
        }
        let nullable = kind.ends_with('?') && (!is_request || *field == "expiresAt" || name == "IsolateSettings");
        let described = if nullable { json!({ "anyOf": [described, { "type": "null" }] }) } else { described };
        properties.insert((*field).to_owned(), described);
    }
    let mut shape = json!({ "type": "object", "properties": properties, "required": required });
    if is_request {
        shape["additionalProperties"] = json!(false);
    }
    shape
}

fn merge(schema: &mut Value, more: Value) {
    if let (Value::Object(schema), Value::Object(more)) = (schema, more) {
        schema.extend(more);
    }
}

fn type_of(kind: &str) -> Value {
    if let Some(item) = kind.strip_prefix("[]") {
        return json!({ "type": "array", "items": type_of(item) });
    }
    match (kind, kind.strip_prefix('@')) {
        (_, Some(name)) => reference(name),
        ("any", _) => json!({}),
        ("time", _) => json!({ "type": "string", "format": "date-time" }),
        (plain, _) => json!({ "type": plain }),
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn problem() -> Value {
    let mut shape = shape(
        "Problem",
        &[
            ("type", "string"),
            ("title", "string"),
            ("status", "integer"),
            ("detail", "string"),
            ("instance", "string"),
            ("error", "string"),
            ("message", "string"),
            ("requestId", "string"),
        ],
        false,
    );
    shape["properties"]["code"] = json!({ "type": "string", "enum": ErrorCode::ALL.map(ErrorCode::name).as_slice() });
    if let Value::Array(required) = &mut shape["required"] {
        required.push(json!("code"));
    }
    shape["properties"]["errors"] = type_of("[]@FieldError");
    shape
}

/// `UPDATE_OPENAPI=1 cargo test -p docle openapi` writes the file anew.
#[test]
fn openapi_document_is_up_to_date() {
    let expected = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/openapi.json"), &expected).unwrap();
        return;
    }
    let file = include_str!("openapi.json");
    assert!(file == expected, "run UPDATE_OPENAPI=1 cargo test -p docle openapi, and look at what changed");
}

#[test]
fn openapi_references_lead_somewhere() {
    let text = document().to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(name == "Problem" || shapes::all().any(|(shape, _)| shape == name), "{name}");
    }
}
