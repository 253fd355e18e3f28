//! What may be asked of the sessions of a sandbox.

use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::Reader;
use crate::domain::run::request::read_env;
use crate::domain::sandbox::file;
use docle_api::fields;
use docle_api::limits::MAX_SESSION_ID_CHARS;
use docle_api::sandbox_sessions::SessionSettings;
use serde_json::Value;
use std::collections::BTreeMap;

/// A session to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    pub id: Option<String>,
    /// An empty one is `/workspace`.
    pub cwd: String,
    pub env: BTreeMap<String, String>,
}

/// Reads the body that makes a session.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_session(body: Value) -> Result<NewSession, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<SessionSettings>();
    let session = Reader::open(body, String::new(), known, &mut problems).map(|mut fields| NewSession {
        id: read_id(&mut fields, "id"),
        cwd: file::read_path(&mut fields, "cwd").unwrap_or_default(),
        env: read_env(&mut fields, 0),
    });
    problems.conclude(session)
}

/// Reads the id of a session.
pub fn read_id(fields: &mut Reader<'_>, name: &str) -> Option<String> {
    let id = fields.string(name)?;
    if !is_id(&id) {
        fields.note(name, format!("must have 1 to {MAX_SESSION_ID_CHARS} letters, digits, - and _"));
    }
    Some(id)
}

/// Whether this may be the id of a session.
pub fn is_id(id: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=MAX_SESSION_ID_CHARS).contains(&id.len()) && id.bytes().all(is_letter)
}

/// Whether a shell can have a variable of this name.
pub fn is_variable(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(is_letter) && !name.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_wrong_is_named() {
        let new = parse_session(json!({ "id": "build-1", "cwd": "src", "env": { "A": "1" } })).unwrap();
        assert_eq!((new.id.as_deref(), new.cwd.as_str(), new.env.len()), (Some("build-1"), "src", 1));
        for (body, field) in
            [(json!({ "id": " " }), "id"), (json!({ "id": "a/b" }), "id"), (json!({ "isolation": true }), "isolation")]
        {
            assert_eq!(parse_session(body).unwrap_err()[0].field, field);
        }
    }
}
