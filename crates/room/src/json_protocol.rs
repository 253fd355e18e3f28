//! The JSON protocol: reads the messages of its clients and writes error messages.

use docle_api::limits::{MAX_ROOM_PACKAGES as MAX_PACKAGES, MAX_ROOM_WORD_CHARS as MAX_WORD_CHARS};
use serde_json::{Map, Value, json};

/// A message from a client. Its `userId` is ignored: the connection identifies the user.
#[derive(Debug, PartialEq)]
pub enum JsonMessage {
    Update(UpdateData),
    /// The cursor's offset in `code`, in UTF-16 code units.
    Cursor(u32),
    Sync,
    /// Runs the program with this standard input.
    Run {
        stdin: Option<String>,
    },
    /// Sets the name and the colour of the user.
    Join {
        name: Option<String>,
        color: Option<String>,
    },
}

/// The data of an `update`; fields that are `None` stay unchanged.
#[derive(Debug, Default, PartialEq)]
pub struct UpdateData {
    pub code: Option<String>,
    /// The revision that `code` is based on.
    pub rev: Option<u64>,
    pub lang: Option<String>,
    pub entrypoint: Option<String>,
    pub packages: Option<Vec<String>>,
}

/// The invalid field of a message, and what is wrong with it.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidMessage {
    pub field: &'static str,
    pub message: String,
}

const TYPES: &str = "update, cursor, sync, run or join";

/// Reads a text frame.
///
/// # Errors
/// When it is not JSON, or not a message of the protocol.
pub fn read(text: &str) -> Result<JsonMessage, InvalidMessage> {
    let invalid = |field, message: &str| InvalidMessage { field, message: message.to_owned() };
    let message: Value = serde_json::from_str(text).map_err(|error| invalid("", &format!("is not JSON: {error}")))?;
    let Value::Object(mut message) = message else { return Err(invalid("", "must be an object")) };
    let kind = message.remove("type");
    let rev = message.remove("rev");
    let mut data = match message.remove("data") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(data)) => data,
        Some(_) => return Err(invalid("data", "must be an object")),
    };
    match kind.as_ref().and_then(Value::as_str) {
        Some("update") => {
            let rev = match rev.or_else(|| data.remove("rev")) {
                None | Some(Value::Null) => None,
                Some(rev) => Some(rev.as_u64().ok_or_else(|| invalid("rev", "must be the number of a revision"))?),
            };
            Ok(JsonMessage::Update(UpdateData {
                code: text_of(&mut data, "code", "data.code", usize::MAX)?,
                rev,
                lang: text_of(&mut data, "lang", "data.lang", MAX_WORD_CHARS)?,
                entrypoint: text_of(&mut data, "entrypoint", "data.entrypoint", MAX_WORD_CHARS)?,
                packages: packages_of(&mut data)?,
            }))
        }
        Some("cursor") => {
            let offset = data.get("cursor").and_then(Value::as_u64).and_then(|offset| u32::try_from(offset).ok());
            offset.map(JsonMessage::Cursor).ok_or_else(|| invalid("data.cursor", "must be an offset of 0 or more"))
        }
        Some("sync") => Ok(JsonMessage::Sync),
        Some("run") => Ok(JsonMessage::Run { stdin: text_of(&mut data, "stdin", "data.stdin", usize::MAX)? }),
        Some("join") => Ok(JsonMessage::Join {
            name: text_of(&mut data, "name", "data.name", usize::MAX)?,
            color: text_of(&mut data, "color", "data.color", MAX_WORD_CHARS)?,
        }),
        _ => Err(invalid("type", &format!("must be {TYPES}"))),
    }
}

/// The error message for an invalid or rejected message.
pub fn error(code: &str, field: &str, message: &str) -> Value {
    json!({ "type": "error", "data": { "code": code, "field": field, "message": message } })
}

fn text_of(
    data: &mut Map<String, Value>,
    name: &str,
    field: &'static str,
    max_chars: usize,
) -> Result<Option<String>, InvalidMessage> {
    match data.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if max_chars == usize::MAX || text.chars().count() <= max_chars => Ok(Some(text)),
        Some(Value::String(_)) => {
            Err(InvalidMessage { field, message: format!("must have at most {max_chars} characters") })
        }
        Some(_) => Err(InvalidMessage { field, message: "must be a string".to_owned() }),
    }
}

fn packages_of(data: &mut Map<String, Value>) -> Result<Option<Vec<String>>, InvalidMessage> {
    let invalid =
        || InvalidMessage { field: "data.packages", message: format!("must be at most {MAX_PACKAGES} strings") };
    let values = match data.remove("packages") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(values)) if values.len() <= MAX_PACKAGES => values,
        Some(_) => return Err(invalid()),
    };
    let text = |value| match value {
        Value::String(text) if text.chars().count() <= MAX_WORD_CHARS => Ok(text),
        _ => Err(invalid()),
    };
    values.into_iter().map(text).collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_documented() {
        let update =
            UpdateData { code: Some(String::new()), lang: Some("python".into()), rev: Some(3), ..Default::default() };
        let cases = [
            (
                r#"{"type":"update","userId":"user-123","rev":3,"data":{"code":"","lang":"python"}}"#,
                JsonMessage::Update(update),
            ),
            (r#"{"type":"cursor","data":{"cursor":42}}"#, JsonMessage::Cursor(42)),
            (r#"{"type":"sync"}"#, JsonMessage::Sync),
            (r#"{"type":"run","data":{}}"#, JsonMessage::Run { stdin: None }),
        ];
        for (text, message) in cases {
            assert_eq!(read(text), Ok(message), "{text}");
        }
    }

    #[test]
    fn the_invalid_field_is_named() {
        for (text, field) in [
            ("", ""),
            ("[]", ""),
            (r#"{"type":"delete"}"#, "type"),
            (r#"{"type":"update","data":{"code":1}}"#, "data.code"),
            (r#"{"type":"update","rev":-1,"data":{"code":"a"}}"#, "rev"),
            (r#"{"type":"update","data":{"packages":["a",1]}}"#, "data.packages"),
            (r#"{"type":"cursor","data":{"cursor":1.5}}"#, "data.cursor"),
            (r#"{"type":"cursor","data":[]}"#, "data"),
        ] {
            assert_eq!(read(text).unwrap_err().field, field, "{text}");
        }
    }
}
