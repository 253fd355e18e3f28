//! The readers of requests, each with the schema that describes what it takes.

use crate::domain::batch;
use crate::domain::input::problem::FieldError;
use crate::domain::judge;
use crate::domain::key;
use crate::domain::project;
use crate::domain::run;
use crate::domain::run::id::RunId;
use crate::domain::sandbox;
use crate::domain::script;
use crate::domain::timestamp::Timestamp;
use crate::http::routes::accounts::device_login::{read_client, read_device_code};
use crate::http::routes::accounts::sign_in::{read_link_request, read_string};
use crate::http::routes::rooms::project_rooms::{read_new_room, read_program, read_token_request};
use crate::tests::contract::merge;
use docle_api::accounts::Link;
use docle_languages::RunLanguage;
use serde_json::{Value, json};

/// Reads a body, and says which fields are wrong.
pub type Read = fn(Value) -> Result<(), Vec<FieldError>>;

/// This deployment's highest time limit.
const MS: u32 = 300_000;

/// Reads a body of `POST /api/run`, whose tier says what else it holds.
fn read_run(body: Value) -> Result<(), Vec<FieldError>> {
    if body["tier"] == "isolate" {
        return script::request::parse_run(body, MS).map(drop);
    }
    // The body of an interactive run, which has every field.
    run::request::parse_interactive(body, RunId::from_random([0; 16]), MS).map(drop)
}

/// Reads a judgement, with the tests of any judge that it names.
fn read_judgement(mut body: Value) -> Result<(), Vec<FieldError>> {
    if judge::stored::take_id(&mut body)?.is_some() {
        judge::stored::add_settings(&mut body, serde_json::Map::from_iter([("tests".to_owned(), json!([{}]))]));
    }
    judge::request::parse(body, MS).map(drop)
}

/// Reads one test of a judgement.
fn read_test(test: Value) -> Result<(), Vec<FieldError>> {
    let body = json!({ "lang": "python", "code": "", "tests": [test] });
    judge::request::parse(body, MS).map(drop).map_err(|errors| {
        let in_test = |field: String| field.strip_prefix("tests[0].").map_or(field.clone(), str::to_owned);
        errors.into_iter().map(|error| FieldError { field: in_test(error.field), ..error }).collect()
    })
}

/// Every reader with the schema that describes what it takes, and a body that it takes.
pub fn readers() -> Vec<(&'static str, Read, Value)> {
    const NOW: Timestamp = Timestamp(0);
    vec![
        ("RunRequest", read_run, json!({ "lang": "python", "code": "" })),
        ("IsolateRunRequest", read_run, json!({ "tier": "isolate", "lang": "javascript", "code": "" })),
        (
            "InputsRequest",
            |body| batch::request::parse(body, MS).map(drop),
            json!({ "lang": "python", "code": "", "inputs": [{}] }),
        ),
        (
            "BatchRequest",
            |body| batch::request::parse(body, MS).map(drop),
            json!({ "runs": [{ "lang": "python", "code": "" }] }),
        ),
        ("JudgeRequest", read_judgement, json!({ "lang": "python", "code": "", "tests": [{}] })),
        ("JudgeTest", read_test, json!({})),
        ("JudgeSettings", |body| judge::stored::parse(body, MS).map(drop), json!({ "tests": [{}] })),
        ("ScriptRequest", |body| script::request::parse(body, MS).map(drop), json!({ "code": "" })),
        ("Script", |body| script::request::parse_script(body).map(drop), json!({ "code": "" })),
        (
            "StdinMessage",
            |body| run::client_message::read(body, true).map(drop),
            json!({ "type": "stdin", "data": "" }),
        ),
        (
            "ResizeMessage",
            |body| run::client_message::read(body, true).map(drop),
            json!({ "type": "resize", "cols": 80, "rows": 24 }),
        ),
        (
            "DeviceLoginRequest",
            |body| read_client(body).map(drop).map_err(|error| error.fields().to_vec()),
            json!({ "client_id": "docle-cli" }),
        ),
        (
            "DeviceTokenRequest",
            |body| read_device_code(body).map(drop).map_err(|error| error.fields().to_vec()),
            json!({ "grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": "0f".repeat(64) }),
        ),
        ("KeySettings", |body| key::settings::parse_new(body, NOW).map(drop), json!({})),
        ("RunTokenSettings", |body| key::token_settings::parse(body).map(drop), json!({})),
        ("Rotation", |body| key::settings::parse_overlap(body).map(drop), json!({})),
        ("ProjectSettings", |body| project::settings::parse_new(body).map(drop), json!({ "name": "x" })),
        (
            "ProjectChange",
            |body| {
                let settings = project::settings::parse_new(json!({ "name": "x" }))?;
                project::settings::parse_change(body, settings).map(drop)
            },
            json!({}),
        ),
        ("RoomSettings", |body| read_new_room(body).map(drop).map_err(|error| error.fields().to_vec()), json!({})),
        (
            "RoomTokenSettings",
            |body| read_token_request(body).map(drop).map_err(|error| error.fields().to_vec()),
            json!({ "role": "editor" }),
        ),
        ("RoomProgram", |body| read_program(body).map(drop).map_err(|error| error.fields().to_vec()), json!({})),
        ("SandboxSettings", |body| sandbox::settings::parse_new(body).map(drop), json!({})),
        ("SandboxChange", |body| sandbox::settings::parse_change(body).map(drop), json!({})),
        (
            "ExecRequest",
            |body| sandbox::command::parse_exec(body, String::new(), MS).map(drop),
            json!({ "command": "ls" }),
        ),
        ("ExecuteRequest", |body| sandbox::command::parse_execute(body, MS).map(drop), json!({ "file_path": "a.py" })),
        (
            "FileOperation",
            |body| sandbox::file::parse(body).map(drop),
            json!({ "operation": "move", "file_path": "a", "new_path": "b" }),
        ),
        (
            "ProcessStart",
            |body| sandbox::process::parse_start(body, String::new()).map(drop),
            json!({ "command": "ls" }),
        ),
        ("ProcessInput", |body| sandbox::process::parse_input(body).map(drop), json!({ "data": "a" })),
        ("ProcessSignal", |body| sandbox::process::parse_signal(body).map(drop), json!({ "signal": "SIGINT" })),
        ("ProcessWait", |body| sandbox::process::parse_wait(body).map(drop), json!({})),
        ("PortSettings", |body| sandbox::port::parse_port(body).map(drop), json!({ "port": 80 })),
        ("SessionSettings", |body| sandbox::session::parse_session(body).map(drop), json!({})),
        ("ContextSettings", |body| sandbox::cell::parse_context(body, RunLanguage::default_one()).map(drop), json!({})),
        ("CodeRequest", |body| sandbox::cell::parse_cell(body, String::new(), MS).map(drop), json!({ "code": "1" })),
        (
            "CodeRunRequest",
            |body| run::cell::parse(body, RunId::from_random([0; 16]), MS).map(drop),
            json!({ "code": "1" }),
        ),
        ("SnapshotSettings", |body| sandbox::snapshot::parse_snapshot(body).map(drop), json!({})),
        ("SnapshotRestore", |body| sandbox::snapshot::parse_restore(body).map(drop), json!({})),
        ("BranchSettings", |body| sandbox::snapshot::parse_branch(body).map(drop), json!({})),
        ("EnvChange", |body| sandbox::env::parse(body).map(drop), json!({ "env": {} })),
        (
            "CheckoutRequest",
            |body| sandbox::checkout::parse(body, String::new()).map(drop),
            json!({ "url": "https://github.com/owner/name" }),
        ),
        ("MergeRequest", |body| sandbox::snapshot::parse_merge(body).map(drop), json!({ "from": "key:a" })),
        ("MkdirRequest", |body| sandbox::file::parse_mkdir(body).map(drop), json!({ "path": "a" })),
        (
            "TransferRequest",
            |body| sandbox::file::parse_transfer(body, true).map(drop),
            json!({ "from": "a", "to": "b" }),
        ),
        ("ChmodRequest", |body| sandbox::file::parse_chmod(body).map(drop), json!({ "path": "a", "mode": "755" })),
        (
            "LinkRequest",
            |body| read_link_request(body).map(drop).map_err(|error| error.fields().to_vec()),
            json!({ "email": "ada@example.com" }),
        ),
        (
            "Link",
            |body| read_string::<Link>(body).map(drop).map_err(|error| error.fields().to_vec()),
            json!({ "token": "0f".repeat(32) }),
        ),
    ]
}

/// What has to stand beside a field so that it is taken, as a patch of the whole body; null takes a field out.
pub fn companion(schema: &str, path: &str, value: &Value) -> Value {
    match (schema, path) {
        ("JudgeRequest", "judge") if !value.is_null() => json!({ "tests": null }),
        ("JudgeRequest" | "JudgeSettings", path) if path.starts_with("checker") || path.starts_with("interactor") => {
            let (name, inner) = path.split_once('.').unwrap_or((path, ""));
            let mut program = json!({ "lang": "python", "code": "" });
            merge(&mut program, &companion("RunRequest", inner, value));
            json!({ name: program })
        }
        ("JudgeTest", "compare") => json!({ "expected": "" }),
        ("JudgeTest", "epsilon") => json!({ "expected": "", "compare": "float" }),
        ("RunRequest" | "JudgeRequest" | "InputsRequest", path) if path.starts_with("files") => {
            json!({ "code": null, "entrypoint": "f0.py" })
        }
        ("ExecRequest" | "ProcessStart", path) if path.starts_with("argv") => json!({ "command": null }),
        ("RunRequest" | "JudgeRequest" | "InputsRequest", path) if path.starts_with("compile") => {
            json!({ "lang": "c" })
        }
        ("RunRequest" | "JudgeRequest" | "JudgeSettings" | "InputsRequest", "policy.allowedHosts") => {
            json!({ "policy": { "allowNetwork": true } })
        }
        ("RunRequest", path) if path.starts_with("repo") => json!({ "repo": { "url": "https://example.com/a/b" } }),
        ("RunRequest", path) if path.starts_with("webhook") => {
            json!({ "detach": true, "webhook": { "url": "https://example.com" } })
        }
        ("RunRequest", path) if path.starts_with("tty") => json!({ "tty": { "cols": 80, "rows": 24 } }),
        ("RunRequest", "queueTimeoutMs") => json!({ "detach": true }),
        ("RunRequest", "artifactsInline") => json!({ "artifacts": ["a"] }),
        ("CodeRunRequest", "allowedHosts") => json!({ "allowNetwork": true }),
        ("RoomProgram", "policy.allowedHosts") => json!({ "policy": { "allowNetwork": true } }),
        ("IsolateRunRequest", "policy.allowNetwork") => json!({ "policy": { "allowedHosts": ["a.example.com"] } }),
        ("KeySettings", "allowInUrl") => json!({ "expiresAt": "1970-01-02T00:00:00Z", "rateLimitPerMinute": 60 }),
        ("KeySettings", "type") if value == "management" => json!({}),
        ("KeySettings", path) if path == "type" || path.starts_with("limits") => {
            json!({ "type": "publishable", "allowedDomains": ["a.example.com"] })
        }
        _ => json!({}),
    }
}

/// A value that the items of a list may have.
pub fn item(path: &str, index: usize) -> Value {
    match path.rsplit('.').next().unwrap_or(path) {
        "files" => json!({ "path": format!("f{index}.py"), "content": "" }),
        "tests" | "inputs" => json!({}),
        "runs" => json!({ "lang": "python", "code": "" }),
        "allowedHosts" | "allowedDomains" => json!(format!("h{index}.example.com")),
        "allowedAPIs" => json!(docle_api::scripts::RuntimeApi::ALL[index.min(3)].name()),
        "events" => json!("run.completed"),
        "options" => json!(format!("-a{index}")),
        _ => json!(format!("a{index}")),
    }
}
