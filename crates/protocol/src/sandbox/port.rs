//! Requests to what listens on a port of a sandbox.
//!
//! `POST` of [`port_path`] sends one request to the program, `GET` with `Upgrade: websocket` opens a WebSocket there. [`PORT_HEAD`]
//! carries what the program is sent as a [`PortRequest`] in ASCII; the body is its body. The answer of the program comes in the same
//! way: 200, or 101 for a WebSocket, with a [`PortResponse`] in [`PORT_HEAD`] and with its body. So nothing between the two
//! interprets a header of the program. 422 with a [`PortFailure`] means that the program has given no answer.

use serde::{Deserialize, Serialize};

/// The place of one port of a sandbox.
pub fn port_path(id: &str, port: &str) -> String {
    format!("/v1/sandboxes/{id}/ports/{port}")
}

/// The header with a [`PortRequest`] or a [`PortResponse`], as JSON in ASCII.
pub const PORT_HEAD: &str = "docle-head";

/// Bytes of the JSON of a [`PortResponse`]. All headers of a response may have 128 KiB on the platform.
pub const MAX_PORT_HEAD_BYTES: usize = 96 * 1_024;

/// Headers in order, as the program gets or has sent them. Each byte of a value is one character, because values need not be UTF-8.
pub type PortHeaders = Vec<(String, String)>;

/// A request to a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PortRequest {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// With `Host`, without those of the connection.
    pub headers: PortHeaders,
    /// Whether a body follows.
    pub has_body: bool,
}

/// The answer of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortResponse {
    pub status: u16,
    pub headers: PortHeaders,
}

/// Why a program gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortFailure {
    pub code: PortFailureCode,
    /// For the log.
    pub message: String,
}

/// The code of a [`PortFailure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortFailureCode {
    /// Nothing listens on the port, on IPv4 or on IPv6.
    NotListening,
    /// The program took the connection and closed it, or did not answer in time.
    NoAnswer,
    /// What the program has sent is no HTTP, or has more headers than may be.
    NotHttp,
    /// As many connections of the sandbox are open as may be.
    TooManyConnections,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn port_format_unchanged() {
        let headers = vec![("host".to_owned(), "a".to_owned()), ("x".to_owned(), "\u{e9}".to_owned())];
        let request =
            PortRequest { method: "GET".into(), target: "/a?b".into(), headers: headers.clone(), has_body: false };
        let wire =
            json!({ "method": "GET", "target": "/a?b", "headers": [["host", "a"], ["x", "\u{e9}"]], "hasBody": false });
        assert_eq!(serde_json::to_value(&request).unwrap(), wire);
        let response = PortResponse { status: 200, headers };
        let wire = json!({ "status": 200, "headers": [["host", "a"], ["x", "\u{e9}"]] });
        assert_eq!(serde_json::to_value(&response).unwrap(), wire);
        let error = PortFailure { code: PortFailureCode::NotListening, message: "m".into() };
        assert_eq!(serde_json::to_value(&error).unwrap(), json!({ "code": "not_listening", "message": "m" }));
        assert_eq!(port_path("sbx_a", "80"), "/v1/sandboxes/sbx_a/ports/80");
    }
}
