//! What a token allows, and which tokens are refused.

use super::*;
use crate::domain::key::token_settings::{TokenSettings, parse};
use crate::domain::run::id::RunId;
use crate::domain::{run, script};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};

fn secret(of: char) -> DeploymentSecret {
    DeploymentSecret::parse(&of.to_string().repeat(32), "").unwrap()
}

fn claims(settings: Value) -> Claims {
    let TokenSettings { origin, user_context, limits, .. } = parse(settings).unwrap();
    let (id, key_hash) = ("00".repeat(ID_BYTES), "ab".repeat(32));
    Claims { id, key_hash, expires_at: Timestamp(10), origin, user_context, limits, is_framed: false }
}

fn run(claims: &Claims, body: Value) -> Result<RunRequest, Vec<String>> {
    let mut request = run::request::parse(body, RunId::from_random([0; 16]), 300_000).unwrap();
    claims
        .restrict_run(&mut request)
        .map(|()| request)
        .map_err(|refused| refused.into_iter().map(|error| format!("{} {}", error.field, error.message)).collect())
}

#[test]
fn run_token_format_unchanged() {
    let claims = claims(json!({ "origin": "https://a.example", "userContext": { "id": "u" } }));
    let token = claims.sign(&secret('k'));
    let said = token.strip_prefix("rt_").unwrap().split_once('.').unwrap().0;
    let said: Value = serde_json::from_slice(&BASE64.decode(said).unwrap()).unwrap();
    let limits = json!({ "timeoutMs": 300_000, "memoryMB": 2_048, "allowNetwork": false, "allowPackages": false });
    assert_eq!(
        said,
        json!({
            "id": "0000000000000000",
            "keyHash": "ab".repeat(32),
            "expiresAt": 10,
            "origin": "https://a.example",
            "userContext": { "id": "u" },
            "limits": limits,
        })
    );
    assert_eq!(Claims::verify(&token, &secret('k'), Timestamp(9)), Ok(claims));
}

#[test]
fn a_token_that_has_ended_or_was_changed_is_refused() {
    let claims = claims(json!({}));
    let token = claims.sign(&secret('k'));
    let verify = |token: &str, now: i64| Claims::verify(token, &secret('k'), Timestamp(now));
    assert_eq!(verify(&token, 10), Err(Refusal::Expired { at: Timestamp(10) }));
    assert_eq!(Claims::verify(&token, &secret('l'), Timestamp(0)), Err(Refusal::Unknown));
    let longer = Claims { expires_at: Timestamp(1_000), ..claims }.sign(&secret('k'));
    let (said, signature) = (longer.split_once('.').unwrap().0, token.split_once('.').unwrap().1);
    let forged = format!("{said}.{signature}");
    let cut = &token[..token.len() - 2];
    for wrong in [forged.as_str(), cut, "", "rt_", "rt_.", "rt_a.b", &token[3..], "sk_live_1"] {
        assert_eq!(verify(wrong, 0), Err(Refusal::Unknown), "{wrong}");
    }
}

#[test]
fn a_run_gets_the_lesser_of_what_it_asks_for_and_what_the_token_allows() {
    let short = claims(json!({ "limits": { "timeoutMs": 1_000, "memoryMB": 64 } }));
    let asks = json!({ "code": "1", "lang": "python", "policy": { "timeoutMs": 5_000, "memoryMB": 32 } });
    let limits = run(&short, asks).unwrap().job.limits;
    assert_eq!((limits.timeout_ms, limits.memory_mb), (1_000, 32));
    let limits = run(&claims(json!({})), json!({ "code": "1", "lang": "python" })).unwrap().job.limits;
    assert_eq!((limits.timeout_ms, limits.memory_mb), (3_000, 256));
}

#[test]
fn a_token_allows_network_and_packages_only_if_it_says_so() {
    let asks = json!({ "code": "1", "lang": "python", "packages": ["a"], "policy": { "allowNetwork": true } });
    let refused = run(&claims(json!({})), asks.clone()).unwrap_err();
    assert_eq!(
        refused,
        [
            "policy.allowNetwork is not allowed with this token or publishable key: make one with limits.allowNetwork",
            "packages is not allowed with this token or publishable key: make one with limits.allowPackages",
        ]
    );
    let generous = claims(json!({ "limits": { "allowNetwork": true, "allowPackages": true } }));
    assert_eq!(run(&generous, asks).unwrap().job.network, Network::Public);
}

#[test]
fn the_user_of_a_token_cannot_be_replaced() {
    let claims = claims(json!({ "userContext": { "id": "ada", "tier": "pro" } }));
    let with = |user: Value| json!({ "code": "1", "lang": "python", "userContext": user });
    let user = |request: RunRequest| request.user_context.unwrap().id;
    assert_eq!(run(&claims, json!({ "code": "1", "lang": "python" })).map(user), Ok("ada".to_owned()));
    assert_eq!(run(&claims, with(json!({ "id": "ada", "tier": "pro" }))).map(user), Ok("ada".to_owned()));
    for other in [json!({ "id": "eve" }), json!({ "id": "ada" })] {
        let refused = run(&claims, with(other)).unwrap_err();
        assert_eq!(refused, ["userContext is set by the token and cannot be another: leave it out"]);
    }
}

#[test]
fn a_script_with_a_token_has_neither_models_nor_database() {
    for (settings, expected) in [
        (json!({}), vec![RuntimeApi::Console]),
        (json!({ "limits": { "allowNetwork": true } }), vec![RuntimeApi::Console, RuntimeApi::Api]),
    ] {
        let mut request = script::request::parse(json!({ "code": "return 1" }), 60_000).unwrap();
        claims(settings).restrict_script(&mut request).unwrap();
        assert_eq!(request.apis, expected);
    }
    let mut request = script::request::parse(json!({ "code": "return 1" }), 60_000).unwrap();
    claims(json!({ "limits": { "timeoutMs": 500 } })).restrict_script(&mut request).unwrap();
    assert_eq!(request.timeout_ms, 500);
}

#[test]
fn settings_that_are_wrong_are_told_with_their_field() {
    for (body, expected) in [
        (json!({ "ttlSeconds": 59 }), "ttlSeconds must be an integer from 60 to 86400, got 59"),
        (
            json!({ "origin": "app.example.com" }),
            "origin must be an origin such as \"https://app.example.com\", without a path; got \"app.example.com\"",
        ),
        (
            json!({ "origin": "https://a.example/path" }),
            "origin must be an origin such as \"https://app.example.com\", without a path; got \"https://a.example/path\"",
        ),
        (json!({ "limits": { "timeoutMs": 1 } }), "limits.timeoutMs must be an integer from 100 to 300000, got 1"),
        (json!({ "limits": { "allowNetwork": 1 } }), "limits.allowNetwork must be true or false, got 1"),
        (json!({ "userContext": {} }), "userContext.id is required and must not be empty"),
    ] {
        let errors = parse(body).unwrap_err();
        assert_eq!(format!("{} {}", errors[0].field, errors[0].message), expected);
    }
    // A browser leaves the port of the scheme out.
    for (sent, origin) in [("https://a.example:443", "https://a.example"), ("http://a.example:80", "http://a.example")]
    {
        assert_eq!(parse(json!({ "origin": sent })).unwrap().origin.unwrap(), origin);
    }
    assert_eq!(
        parse(json!({ "origin": "HTTPS://App.Example.com:8443" })).unwrap().origin.unwrap(),
        "https://app.example.com:8443"
    );
}
