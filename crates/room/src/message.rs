//! The JSON protocol: what its clients send, and errors that they are told.

use serde_json::{Map, Value, json};

/// A message from a client. `userId` is not read: a connection speaks for itself.
#[derive(Debug, PartialEq)]
pub enum Message {
    Update(NewText),
    /// The cursor's offset in `code`, in UTF-16 code units.
    Cursor(u32),
    Sync,
    /// Run the program with this on its standard input.
    Run {
        stdin: Option<String>,
    },
    /// How one wants to be called and drawn.
    Join {
        name: Option<String>,
        color: Option<String>,
    },
}

/// What an `update` says; what is `None` stays as it is.
#[derive(Debug, Default, PartialEq)]
pub struct NewText {
    pub code: Option<String>,
    /// The revision that the client made `code` of.
    pub rev: Option<u64>,
    pub lang: Option<String>,
    pub entrypoint: Option<String>,
    pub packages: Option<Vec<String>>,
}

/// A message that cannot be followed: which field, and what it should be.
#[derive(Debug, PartialEq, Eq)]
pub struct Invalid {
    pub field: &'static str,
    pub message: String,
}

const TYPES: &str = "update, cursor, sync, run or join";
/// Enough for the name of any language, and for a path.
const MAX_WORD_CHARS: usize = 255;
const MAX_PACKAGES: usize = 100;

/// Reads a text frame.
///
/// # Errors
/// Where it is not JSON, or none of the messages.
pub fn read(text: &str) -> Result<Message, Invalid> {
    let invalid = |field, message: &str| Invalid { field, message: message.to_owned() };
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
                Some(rev) => Some(rev.as_u64().ok_or_else(|| invalid("rev", "must be the number you were sent"))?),
            };
            Ok(Message::Update(NewText {
                code: text_of(&mut data, "code", "data.code", usize::MAX)?,
                rev,
                lang: text_of(&mut data, "lang", "data.lang", MAX_WORD_CHARS)?,
                entrypoint: text_of(&mut data, "entrypoint", "data.entrypoint", MAX_WORD_CHARS)?,
                packages: packages_of(&mut data)?,
            }))
        }
        Some("cursor") => {
            let offset = data.get("cursor").and_then(Value::as_u64).and_then(|offset| u32::try_from(offset).ok());
            offset.map(Message::Cursor).ok_or_else(|| invalid("data.cursor", "must be an offset: 0 or more"))
        }
        Some("sync") => Ok(Message::Sync),
        Some("run") => Ok(Message::Run { stdin: text_of(&mut data, "stdin", "data.stdin", usize::MAX)? }),
        Some("join") => Ok(Message::Join {
            name: text_of(&mut data, "name", "data.name", usize::MAX)?,
            color: text_of(&mut data, "color", "data.color", MAX_WORD_CHARS)?,
        }),
        _ => Err(invalid("type", &format!("must be {TYPES}"))),
    }
}

/// The message that says what was wrong with one of the client's.
pub fn error(code: &str, field: &str, message: &str) -> Value {
    json!({ "type": "error", "data": { "code": code, "field": field, "message": message } })
}

fn text_of(
    data: &mut Map<String, Value>,
    name: &str,
    field: &'static str,
    max_chars: usize,
) -> Result<Option<String>, Invalid> {
    match data.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if max_chars == usize::MAX || text.chars().count() <= max_chars => Ok(Some(text)),
        Some(Value::String(_)) => Err(Invalid { field, message: format!("must have at most {max_chars} characters") }),
        Some(_) => Err(Invalid { field, message: "must be a string".to_owned() }),
    }
}

fn packages_of(data: &mut Map<String, Value>) -> Result<Option<Vec<String>>, Invalid> {
    let wrong = || Invalid { field: "data.packages", message: format!("must be at most {MAX_PACKAGES} strings") };
    let values = match data.remove("packages") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(values)) if values.len() <= MAX_PACKAGES => values,
        Some(_) => return Err(wrong()),
    };
    let text = |value| match value {
        Value::String(text) if text.chars().count() <= MAX_WORD_CHARS => Ok(text),
        _ => Err(wrong()),
    };
    values.into_iter().map(text).collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_documented() {
        let update =
            NewText { code: Some(String::new()), lang: Some("python".into()), rev: Some(3), ..Default::default() };
        let cases = [
            (
                r#"{"type":"update","userId":"user-123","rev":3,"data":{"code":"","lang":"python"}}"#,
                Message::Update(update),
            ),
            (r#"{"type":"cursor","data":{"cursor":42}}"#, Message::Cursor(42)),
            (r#"{"type":"sync"}"#, Message::Sync),
            (r#"{"type":"run","data":{}}"#, Message::Run { stdin: None }),
        ];
        for (text, message) in cases {
            assert_eq!(read(text), Ok(message), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
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
