//! The JSON protocol: reads the messages of its clients and writes error messages.

use docle_api::limits::{MAX_ROOM_PACKAGES as MAX_PACKAGES, MAX_ROOM_WORD_CHARS as MAX_WORD_CHARS};
use docle_languages::RunLanguage;
use serde_json::{Map, Value, json};

/// A message from a client. Its `userId` is ignored: the connection identifies the user.
#[derive(Debug, PartialEq)]
pub enum JsonMessage {
    Update(UpdateData),
    /// The cursor's offset in `code`, in UTF-16 code units.
    Cursor(u32),
    Sync,
    /// Runs the program with this standard input and this policy.
    Run {
        stdin: Option<String>,
        policy: Option<Value>,
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

/// The fields of `data`, by the type of the message; a message without one of them has no effect.
const UPDATE_FIELDS: [&str; 4] = ["code", "lang", "entrypoint", "packages"];
const JOIN_FIELDS: [&str; 2] = ["name", "color"];
const RUN_FIELDS: [&str; 2] = ["stdin", "policy"];
const CURSOR_FIELDS: [&str; 1] = ["cursor"];

/// Reads a text frame. Unknown fields are ignored, except those that stand in the wrong place.
///
/// # Errors
/// When it is not JSON, or not a message of the protocol.
pub fn read(text: &str) -> Result<JsonMessage, InvalidMessage> {
    let message: Value = serde_json::from_str(text).map_err(|error| invalid("", &format!("is not JSON: {error}")))?;
    let Value::Object(mut message) = message else {
        return Err(invalid("", "must be an object, such as {\"type\":\"sync\"}"));
    };
    let kind = message.remove("type");
    match kind.as_ref().and_then(Value::as_str) {
        Some("update") => {
            let rev = message.remove("rev");
            let mut data = data_of(message, &UPDATE_FIELDS, true)?;
            let rev = match rev.or_else(|| data.remove("rev")) {
                None | Some(Value::Null) => None,
                Some(rev) => Some(rev.as_u64().ok_or_else(|| invalid("rev", "must be the number of a revision"))?),
            };
            Ok(JsonMessage::Update(UpdateData {
                code: text_of(&mut data, "code", "data.code", usize::MAX)?,
                rev,
                lang: language_of(&mut data)?,
                entrypoint: text_of(&mut data, "entrypoint", "data.entrypoint", MAX_WORD_CHARS)?,
                packages: packages_of(&mut data)?,
            }))
        }
        Some("cursor") => {
            let data = data_of(message, &CURSOR_FIELDS, true)?;
            let offset = data.get("cursor").and_then(Value::as_u64).and_then(|offset| u32::try_from(offset).ok());
            offset.map(JsonMessage::Cursor).ok_or_else(|| invalid("data.cursor", "must be an offset of 0 or more"))
        }
        Some("sync") => Ok(JsonMessage::Sync),
        Some("run") => {
            let mut data = data_of(message, &RUN_FIELDS, false)?;
            let stdin = text_of(&mut data, "stdin", "data.stdin", usize::MAX)?;
            let policy = data.remove("policy").filter(|policy| !policy.is_null());
            if policy.as_ref().is_some_and(|policy| !policy.is_object()) {
                return Err(invalid("data.policy", "must be an object, as in the run API"));
            }
            Ok(JsonMessage::Run { stdin, policy })
        }
        Some("join") => {
            let mut data = data_of(message, &JOIN_FIELDS, true)?;
            Ok(JsonMessage::Join {
                name: text_of(&mut data, "name", "data.name", usize::MAX)?,
                color: text_of(&mut data, "color", "data.color", MAX_WORD_CHARS)?,
            })
        }
        _ => Err(invalid("type", &format!("must be {TYPES}"))),
    }
}

fn invalid(field: &'static str, message: &str) -> InvalidMessage {
    InvalidMessage { field, message: message.to_owned() }
}

/// The `data` of a message, which has some of these fields. Without `is_required` it may have none.
fn data_of(
    mut message: Map<String, Value>,
    fields: &'static [&'static str],
    is_required: bool,
) -> Result<Map<String, Value>, InvalidMessage> {
    if let Some(field) = fields.iter().find(|field| message.contains_key(**field)) {
        return Err(invalid(field, &format!("must be in data: send {{\"data\":{{\"{field}\":…}}}}")));
    }
    let names = || fields.join(", ");
    match message.remove("data") {
        Some(Value::Object(data)) if !is_required || fields.iter().any(|field| data.contains_key(*field)) => Ok(data),
        Some(Value::Object(_)) => Err(invalid("data", &format!("must have at least one of: {}", names()))),
        None | Some(Value::Null) if !is_required => Ok(Map::new()),
        None | Some(Value::Null) => Err(invalid("data", &format!("is required: an object with {}", names()))),
        Some(_) => Err(invalid("data", &format!("must be an object with {}", names()))),
    }
}

/// The language: an id, or a name that editors have for it. A program in another language could not run.
fn language_of(data: &mut Map<String, Value>) -> Result<Option<String>, InvalidMessage> {
    let language = text_of(data, "lang", "data.lang", MAX_WORD_CHARS)?;
    match language {
        Some(name) if !name.is_empty() && RunLanguage::in_rooms(&name).is_none() => {
            Err(invalid("data.lang", &format!("must be {}: nothing was changed", RunLanguage::listed())))
        }
        other => Ok(other),
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
            (r#"{"type":"run","data":{}}"#, JsonMessage::Run { stdin: None, policy: None }),
            (r#"{"type":"run"}"#, JsonMessage::Run { stdin: None, policy: None }),
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
            (r#"{"type":"run","data":{"policy":1}}"#, "data.policy"),
        ] {
            assert_eq!(read(text).unwrap_err().field, field, "{text}");
        }
    }

    #[test]
    fn a_message_of_a_known_type_in_a_wrong_shape_got_no_answer() {
        for (text, field, way_out) in [
            (r#"{"type":"update"}"#, "data", "an object with code"),
            (r#"{"type":"update","data":null}"#, "data", "an object with code"),
            (r#"{"type":"update","code":"x"}"#, "code", r#""data":{"code""#),
            (r#"{"type":"update","data":{"text":"x"}}"#, "data", "at least one of: code"),
            (r#"{"type":"cursor","cursor":5}"#, "cursor", r#""data":{"cursor""#),
            (r#"{"type":"join","name":"Ada"}"#, "name", r#""data":{"name""#),
            (r#"{"type":"join","data":{}}"#, "data", "name, color"),
            (r#"{"type":"run","stdin":"1"}"#, "stdin", r#""data":{"stdin""#),
            (r#"{"type":"run","data":"1"}"#, "data", "stdin, policy"),
        ] {
            let error = read(text).expect_err(text);
            assert_eq!(error.field, field, "{text}");
            assert!(error.message.contains(way_out), "{text}: {}", error.message);
        }
    }

    #[test]
    fn a_language_that_no_run_takes_was_accepted_on_update() {
        for name in ["ruby-on-rails", "Cobol"] {
            let error = read(&format!(r#"{{"type":"update","data":{{"lang":"{name}"}}}}"#)).unwrap_err();
            assert_eq!(error.field, "data.lang");
            assert!(RunLanguage::all().all(|language| error.message.contains(language.name())), "{}", error.message);
        }
        let names = RunLanguage::all().map(RunLanguage::row).flat_map(|row| row.program_names.iter().chain([&row.id]));
        for name in names {
            assert!(read(&format!(r#"{{"type":"update","data":{{"lang":"{name}"}}}}"#)).is_ok(), "{name}");
        }
    }
}
