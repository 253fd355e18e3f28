//! Ports that a sandbox exposes: the request for one, and the token in its URL.

use crate::domain::base32_code::{code, constant_time_eq, digits, is_code};
use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::Reader;
use crate::domain::sandbox::id::SandboxId;
use crate::domain::secret::{DeploymentSecret, Purpose};
use docle_api::fields;
use docle_api::limits::{MAX_PORT_NAME_CHARS, MAX_PORT_TOKEN_CHARS};
use docle_api::sandbox_ports::{HostHeader, PortSettings};
use serde_json::Value;
use std::ops::RangeInclusive;

/// Random bytes in a token, of which 50 bits are used.
pub const RANDOM_BYTES: usize = 7;
const RANDOM_CHARS: usize = 10;
const PORTS: RangeInclusive<u32> = 1..=65_535;

/// A port to expose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPort {
    pub port: u16,
    pub name: Option<String>,
    pub token: Option<String>,
    pub is_public: bool,
    pub host_header: HostHeader,
}

/// Reads the body that exposes a port.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_port(body: Value) -> Result<NewPort, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<PortSettings>();
    let port = Reader::open(body, String::new(), known, &mut problems).and_then(|mut fields| {
        if !fields.has("port") {
            fields.note("port", "is required: a number from 1 to 65535");
        }
        let port = fields.integer("port", &PORTS);
        let name = fields.string("name");
        if name.as_ref().is_some_and(|name| name.is_empty() || name.chars().count() > MAX_PORT_NAME_CHARS) {
            fields.note("name", format!("must have 1 to {MAX_PORT_NAME_CHARS} characters"));
        }
        let token = fields.string("token");
        if token.as_ref().is_some_and(|token| !is_token(token)) {
            fields.note("token", format!("must have 1 to {MAX_PORT_TOKEN_CHARS} of a-z, 0-9 and _, or be absent"));
        }
        let is_public = fields.boolean("public").unwrap_or(false);
        if is_public && token.is_some() {
            fields.note("token", "must be absent with public: a public URL has no token");
        }
        let host_header = match fields.string("hostHeader").as_deref() {
            None | Some("preview") => HostHeader::Preview,
            Some("localhost") => HostHeader::Localhost,
            Some(_) => {
                fields.note("hostHeader", "must be preview or localhost");
                HostHeader::Preview
            }
        };
        Some(NewPort { port: u16::try_from(port?).ok()?, name, token, is_public, host_header })
    });
    problems.conclude(port)
}

/// The port that a segment of a path is.
pub fn parse_number(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if is_plain { text.parse().ok() } else { None }
}

/// Whether this may be a token, made or chosen.
pub fn is_token(text: &str) -> bool {
    let is_char = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=MAX_PORT_TOKEN_CHARS).contains(&text.len()) && text.bytes().all(is_char)
}

/// A new token for a port. Its last characters are a code that needs the secret of the deployment, so that the Worker knows a token
/// that was never made.
pub fn new_token(random: [u8; RANDOM_BYTES], id: &SandboxId, port: u16, secret: &DeploymentSecret) -> String {
    let random = digits(&random, RANDOM_CHARS);
    let code = code(secret, Purpose::PortToken, &coded(&random, id, port));
    format!("{random}{code}")
}

/// Whether this deployment has made a token for a port, which may have another one since.
pub fn is_made(token: &str, id: &SandboxId, port: u16, secret: &DeploymentSecret) -> bool {
    let Some((random, code)) = token.split_at_checked(RANDOM_CHARS) else { return false };
    is_code(secret, Purpose::PortToken, &coded(random, id, port), code)
}

/// Whether the URL of a port names its token, or none where it has none.
pub fn opens(token: Option<&str>, named: Option<&str>) -> bool {
    match (token, named) {
        (None, None) => true,
        (Some(token), Some(named)) => constant_time_eq(token, named),
        _ => false,
    }
}

fn coded(random: &str, id: &SandboxId, port: u16) -> String {
    format!("{id} {port} {random}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn id() -> SandboxId {
        SandboxId::parse("sbx_aaaaaaaaaaaaaaaaaaaaaaaaaa").unwrap()
    }

    #[test]
    fn a_made_token_is_known_for_its_port_and_sandbox_only() {
        let secret = |letter: &str| DeploymentSecret::parse(&letter.repeat(32), "").unwrap();
        let token = new_token([0xab; RANDOM_BYTES], &id(), 3_000, &secret("k"));
        assert_eq!(token, "vov2xk5lvotaqhbu");
        assert!(is_token(&token) && is_made(&token, &id(), 3_000, &secret("k")));
        assert!(!is_made(&token, &id(), 3_001, &secret("k")) && !is_made(&token, &id(), 3_000, &secret("l")));
        let other = SandboxId::parse("sbx_baaaaaaaaaaaaaaaaaaaaaaaaa").unwrap();
        assert!(!is_made(&token, &other, 3_000, &secret("k")));
        for made_up in ["", "a", "aaaaaaaaaaaaaaaa", &token[..15], &format!("{token}a"), "ééééééé"] {
            assert!(!is_made(made_up, &id(), 3_000, &secret("k")), "{made_up}");
        }
    }

    #[test]
    fn a_url_opens_with_its_token_alone() {
        assert!(opens(None, None) && opens(Some("a"), Some("a")));
        for (token, named) in [(None, Some("a")), (Some("a"), None), (Some("a"), Some("b")), (Some("a"), Some("ab"))] {
            assert!(!opens(token, named));
        }
    }

    #[test]
    fn what_is_wrong_with_a_port_is_named() {
        let read = |body: Value| {
            parse_port(body).map_err(|errors| {
                assert_eq!(errors.len(), 1, "a port that was wrong was said to be missing as well: {errors:?}");
                errors[0].field.clone()
            })
        };
        let port = read(json!({ "port": 3000, "name": "web", "token": "my_1", "hostHeader": "localhost" })).unwrap();
        assert_eq!((port.port, port.token.as_deref(), port.host_header), (3_000, Some("my_1"), HostHeader::Localhost));
        for port in [1, 65_535] {
            assert_eq!(read(json!({ "port": port })).unwrap().port, port);
        }
        for (body, field) in [
            (json!({}), "port"),
            (json!({ "port": null }), "port"),
            (json!({ "port": 0 }), "port"),
            (json!({ "port": 65_536 }), "port"),
            (json!({ "port": 1.5 }), "port"),
            (json!({ "port": "80" }), "port"),
            (json!({ "port": 80, "token": "" }), "token"),
            (json!({ "port": 80, "token": "A" }), "token"),
            (json!({ "port": 80, "token": "a-b" }), "token"),
            (json!({ "port": 80, "token": "aaaaaaaaaaaaaaaaa" }), "token"),
            (json!({ "port": 80, "token": "a", "public": true }), "token"),
            (json!({ "port": 80, "hostHeader": "evil" }), "hostHeader"),
            (json!({ "port": 80, "name": "" }), "name"),
            (json!({ "port": 80, "more": 1 }), "more"),
        ] {
            assert_eq!(read(body.clone()), Err(field.to_owned()), "{body}");
        }
        for (text, port) in [("80", Some(80)), ("0", None), ("080", None), ("65536", None), ("+80", None), ("", None)] {
            assert_eq!(parse_number(text), port, "{text}");
        }
    }
}
