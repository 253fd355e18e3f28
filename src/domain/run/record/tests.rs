//! What is kept of runs, as it is written.

use super::*;
use crate::domain::run::id::RunId;
use docle_api::repositories::{Repository, RepositoryToken};
use serde_json::json;

fn example(code: &str) -> (Owner, RunRequest, Bytes) {
    let owner = Owner { project_id: "proj_1".into(), log_id: LogId::default(), key_id: "key_1".into() };
    let body = json!({
        "code": code, "lang": "python", "stdin": "in", "args": ["a"], "env": { "TOKEN": "secret" },
        "packages": { "packages": ["requests"] }, "userContext": { "id": "u" },
        "policy": { "allowNetwork": true, "allowedHosts": ["a.com"] },
    });
    let request = crate::domain::run::request::parse(body, RunId::from_random([0; 16]), 300_000).unwrap();
    let result = json!({ "id": "x", "stdout": "é".repeat(500), "truncated": { "stdout": false } }).to_string();
    (owner, request, result.into())
}

#[test]
fn record_format_unchanged() {
    let (owner, request, result) = example("print(1)");
    let record: Value = serde_json::from_str(&encode(&owner, Timestamp(0), &request, &result).unwrap()).unwrap();
    let expected = json!({
        "v": 1,
        "projectId": "proj_1",
        "keyId": "key_1",
        "createdAt": "1970-01-01T00:00:00.000Z",
        "result": serde_json::from_slice::<Value>(&result).unwrap(),
        "input": {
            "code": "print(1)",
            "lang": "python",
            "entrypoint": "main.py",
            "packages": ["requests"],
            "stdin": "in",
            "args": ["a"],
            "envNames": ["TOKEN"],
            "policy": {
                "timeoutMs": 3000, "memoryMB": 256, "maxOutputBytes": 1_048_576,
                "allowNetwork": true, "allowedHosts": ["a.com"],
            },
            "truncated": false,
        },
        "userContext": { "id": "u" },
    });
    assert_eq!(record, expected);
    let (mut request, tty) = (request, TerminalSize { cols: 80, rows: 24 });
    request.job.tty = Some(tty);
    let record: Value = serde_json::from_str(&encode(&owner, Timestamp(0), &request, &result).unwrap()).unwrap();
    assert_eq!(record["input"].get("repo"), None);
    let token = Some(RepositoryToken("secret".into()));
    request.job.repo =
        Some(Repository { url: "https://a.org/b".into(), reference: Some("c".into()), subdir: None, token });
    let with_repo: Value = serde_json::from_str(&encode(&owner, Timestamp(0), &request, &result).unwrap()).unwrap();
    assert_eq!(with_repo["input"]["repo"], json!({ "url": "https://a.org/b", "ref": "c" }));
    assert_eq!(record["input"]["tty"], json!({ "cols": 80, "rows": 24 }));
}

#[test]
fn a_record_that_is_too_large_loses_input_first_and_output_then() {
    let (owner, request, result) = example(&"#".repeat(5_000));
    let encoded = |max_bytes| {
        let record = encode_within(max_bytes, &owner, Timestamp(0), &request, &result).unwrap();
        assert!(record.len() <= max_bytes);
        serde_json::from_str::<Value>(&record).unwrap()
    };
    let without_input = encoded(2_000);
    assert_eq!(without_input["input"]["code"], "");
    assert_eq!(without_input["input"]["truncated"], true);
    assert_eq!(without_input["result"]["truncated"]["stdout"], false);
    let cut = encoded(1_000);
    assert_eq!(cut["result"]["truncated"]["stdout"], true);
    assert!(cut["result"]["stdout"].as_str().unwrap().starts_with('é'));
}
