//! Messages of JSON-RPC 2.0 in both revisions of the protocol.

use ::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// The revision without sessions and handshake.
pub const MODERN: &str = "2026-07-28";
/// The last revision with a handshake, and those before it whose messages are the same.
pub const LEGACY: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/// The keys of `_meta` with which a message says what it is written in.
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";
/// The key of `_meta` in which a result says who made it.
const SERVER_KEY: &str = "io.modelcontextprotocol/serverInfo";

/// The codes of JSON-RPC and of the protocol.
pub const PARSE_ERROR: i32 = -32700;
pub const INVALID_REQUEST: i32 = -32600;
pub const METHOD_NOT_FOUND: i32 = -32601;
pub const INVALID_PARAMS: i32 = -32602;
pub const INTERNAL_ERROR: i32 = -32603;
const HEADER_MISMATCH: i32 = -32020;
const UNSUPPORTED_VERSION: i32 = -32022;

/// Which revision a message is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    Modern,
    Legacy,
}

/// What a client asks for.
#[derive(Debug)]
pub struct Message {
    pub era: Era,
    /// `None` if nobody waits for an answer.
    pub id: Option<Value>,
    pub method: String,
    pub params: Map<String, Value>,
}

/// Why a message has no result.
#[derive(Debug)]
pub struct RpcError {
    pub status: StatusCode,
    pub code: i32,
    pub message: String,
    pub data: Option<Value>,
}

impl RpcError {
    /// An error that a client of the modern revision also sees in the status of the response.
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        let status = match code {
            METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
            INTERNAL_ERROR => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, code, message: message.into(), data: None }
    }

    /// The same as a message for the request with this id.
    pub fn json(&self, id: Option<&Value>) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(data) = &self.data {
            error["data"] = data.clone();
        }
        json!({ "jsonrpc": "2.0", "id": id, "error": error })
    }
}

impl Message {
    /// Reads a message and checks its headers.
    ///
    /// # Errors
    /// With the id of the message, as far as it has one.
    pub fn read(body: Value, headers: &HeaderMap) -> Result<Self, (Option<Value>, RpcError)> {
        let Value::Object(mut fields) = body else {
            let message = "Send one JSON-RPC message as a JSON object; lists of messages are not taken.";
            return Err((None, RpcError::new(INVALID_REQUEST, message)));
        };
        let id = fields.remove("id").filter(|id| id.is_string() || id.is_i64() || id.is_u64());
        let refused = |code, message: &str| (id.clone(), RpcError::new(code, message));
        if fields.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return Err(refused(INVALID_REQUEST, "`jsonrpc` must be \"2.0\"."));
        }
        let Some(Value::String(method)) = fields.remove("method") else {
            return Err(refused(INVALID_REQUEST, "`method` must be the name of a method."));
        };
        let params = match fields.remove("params") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(params)) => params,
            Some(_) => return Err(refused(INVALID_PARAMS, "`params` must be an object.")),
        };
        let era = era(&params, headers).map_err(|error| (id.clone(), error))?;
        let message = Self { era, id, method, params };
        match era {
            Era::Modern => message.check_headers(headers).map_err(|error| (message.id.clone(), error))?,
            Era::Legacy => {}
        }
        Ok(message)
    }

    /// The headers repeat what the message says, so that proxies need not read it.
    fn check_headers(&self, headers: &HeaderMap) -> Result<(), RpcError> {
        let name = self.params.get("name").or_else(|| self.params.get("uri")).and_then(Value::as_str);
        let has_name = matches!(self.method.as_str(), "tools/call" | "prompts/get" | "resources/read");
        let expected = [
            ("mcp-protocol-version", Some(MODERN)),
            ("mcp-method", Some(self.method.as_str())),
            ("mcp-name", name.filter(|_| has_name)),
        ];
        for (header, expected) in expected {
            let Some(expected) = expected else { continue };
            let sent = headers.get(header).and_then(|value| value.to_str().ok()).map(decoded);
            if sent.as_deref() != Some(expected) {
                let message = format!("The header {header} must be {expected:?}, as the message has it.");
                return Err(RpcError::new(HEADER_MISMATCH, message));
            }
        }
        Ok(())
    }

    /// A result of this message as a message.
    pub fn answer(&self, mut result: Value) -> Value {
        if self.era == Era::Modern {
            result["resultType"] = json!("complete");
            result["_meta"][SERVER_KEY] = server_info();
        }
        json!({ "jsonrpc": "2.0", "id": self.id, "result": result })
    }

    /// What the client counts the progress of this call by.
    pub fn progress_token(&self) -> Option<&Value> {
        self.params.get("_meta")?.get("progressToken").filter(|token| token.is_string() || token.is_number())
    }
}

/// What this server says of itself.
pub fn server_info() -> Value {
    json!({ "name": "docle", "title": "Docle", "version": env!("CARGO_PKG_VERSION") })
}

fn era(params: &Map<String, Value>, headers: &HeaderMap) -> Result<Era, RpcError> {
    let meta = params.get("_meta");
    let unsupported = |requested: &str| {
        let supported: Vec<&str> = [MODERN].into_iter().chain(LEGACY).collect();
        let message = format!("This server does not speak revision {requested:?} of the protocol.");
        let data = json!({ "supported": supported, "requested": requested });
        RpcError { data: Some(data), ..RpcError::new(UNSUPPORTED_VERSION, message) }
    };
    match meta.and_then(|meta| meta.get(VERSION_KEY)) {
        Some(Value::String(version)) if version == MODERN => {
            if meta.and_then(|meta| meta.get(CAPABILITIES_KEY)).is_none_or(|value| !value.is_object()) {
                let message = format!("`_meta[\"{CAPABILITIES_KEY}\"]` must be an object.");
                return Err(RpcError::new(INVALID_PARAMS, message));
            }
            Ok(Era::Modern)
        }
        Some(Value::String(version)) => Err(unsupported(version)),
        Some(_) => Err(RpcError::new(INVALID_PARAMS, format!("`_meta[\"{VERSION_KEY}\"]` must be a string."))),
        None => match headers.get("mcp-protocol-version").map(|value| value.to_str().unwrap_or_default()) {
            Some(MODERN) => Err(RpcError::new(INVALID_PARAMS, format!("`_meta[\"{VERSION_KEY}\"]` is missing."))),
            Some(version) if !LEGACY.contains(&version) => Err(unsupported(version)),
            _ => Ok(Era::Legacy),
        },
    }
}

/// The value of a header that may be in base64, as names are that HTTP does not allow there.
fn decoded(value: &str) -> String {
    let inner = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?="));
    let bytes = inner.and_then(|text| STANDARD.decode(text).ok());
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (::http::HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn modern(method: &str, params: Value) -> Value {
        let mut params = params;
        params["_meta"] = json!({ VERSION_KEY: MODERN, CAPABILITIES_KEY: {} });
        json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
    }

    #[test]
    fn what_is_no_message_is_refused_with_its_id() {
        for (body, code, id) in [
            (json!([]), INVALID_REQUEST, None),
            (json!("x"), INVALID_REQUEST, None),
            (json!({ "id": 7, "method": "ping" }), INVALID_REQUEST, Some(json!(7))),
            (json!({ "jsonrpc": "2.0", "id": "a" }), INVALID_REQUEST, Some(json!("a"))),
            (json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": [] }), INVALID_PARAMS, Some(json!(1))),
        ] {
            let (found, error) = Message::read(body.clone(), &HeaderMap::new()).unwrap_err();
            assert_eq!((error.code, found), (code, id), "{body}");
        }
    }

    #[test]
    fn a_message_says_its_revision_and_headers_must_agree() {
        let right = [("mcp-protocol-version", MODERN), ("mcp-method", "tools/call"), ("mcp-name", "run_code")];
        let call = || modern("tools/call", json!({ "name": "run_code" }));
        assert_eq!(Message::read(call(), &headers(&right)).unwrap().era, Era::Modern);
        let encoded = [right[0], right[1], ("mcp-name", "=?base64?cnVuX2NvZGU=?=")];
        assert_eq!(Message::read(call(), &headers(&encoded)).unwrap().era, Era::Modern);
        for (index, wrong) in [(0, "2025-11-25"), (1, "tools/list"), (2, "other")] {
            let mut sent = right;
            sent[index].1 = wrong;
            assert_eq!(Message::read(call(), &headers(&sent)).unwrap_err().1.code, HEADER_MISMATCH, "{wrong}");
            let missing: Vec<_> = right.into_iter().filter(|(name, _)| *name != right[index].0).collect();
            assert_eq!(Message::read(call(), &headers(&missing)).unwrap_err().1.code, HEADER_MISMATCH);
        }
    }

    #[test]
    fn unknown_revisions_and_half_a_meta_are_refused() {
        let legacy = |version: &str| {
            let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
            Message::read(body, &headers(&[("mcp-protocol-version", version)])).map_err(|(_, error)| error.code)
        };
        assert_eq!(legacy("2025-11-25").unwrap().era, Era::Legacy);
        assert_eq!(legacy("1999-01-01").unwrap_err(), UNSUPPORTED_VERSION);
        assert_eq!(legacy(MODERN).unwrap_err(), INVALID_PARAMS);
        let mut future = modern("ping", json!({}));
        future["params"]["_meta"][VERSION_KEY] = json!("2099-01-01");
        let (_, error) = Message::read(future, &HeaderMap::new()).unwrap_err();
        assert_eq!((error.code, &error.data.unwrap()["requested"]), (UNSUPPORTED_VERSION, &json!("2099-01-01")));
        let mut half = modern("ping", json!({}));
        half["params"]["_meta"] = json!({ VERSION_KEY: MODERN });
        assert_eq!(Message::read(half, &HeaderMap::new()).unwrap_err().1.code, INVALID_PARAMS);
    }
}
