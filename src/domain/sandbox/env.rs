//! Variables of a sandbox, as a request may set and remove them.

use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::Reader;
use crate::domain::run::request::read_env;
use docle_api::fields;
use docle_api::sandboxes::EnvChange;
use serde_json::Value;
use std::collections::BTreeMap;

/// What is to become of variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub set: BTreeMap<String, String>,
    pub remove: Vec<String>,
}

/// Reads the body that sets and removes variables. No message has a value.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(body: Value) -> Result<Change, Vec<FieldError>> {
    let nulls = body.get("env").and_then(Value::as_object).into_iter().flatten();
    let remove = nulls.filter(|(_, value)| value.is_null()).map(|(name, _)| name.clone()).collect();
    let mut problems = Problems::default();
    let known = fields::of::<EnvChange>();
    let change = Reader::open(body, String::new(), known, &mut problems).map(|mut fields| {
        if !fields.has("env") {
            fields.note("env", "is required: an object of strings such as { \"NAME\": \"value\" }");
        }
        Change { set: read_env(&mut fields, 0), remove }
    });
    problems.conclude(change)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_are_set_and_removed_by_name() {
        let change = parse(json!({ "env": { "A": "1", "B": null, "C": "" } })).unwrap();
        assert_eq!(change.set, [("A".to_owned(), "1".to_owned()), ("C".to_owned(), String::new())].into());
        assert_eq!(change.remove, ["B"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, field) in [
            (json!({}), "env"),
            (json!({ "env": "A=1" }), "env"),
            (json!({ "env": { "": "1" } }), "env"),
            (json!({ "env": { "A=B": "1" } }), "env"),
            (json!({ "env": { "A": "a\0" } }), "env.A"),
            (json!({ "env": { "A": 1 } }), "env.A"),
            (json!({ "env": {}, "A": "1" }), "A"),
        ] {
            assert_eq!(parse(body.clone()).unwrap_err()[0].field, field, "{body}");
        }
    }
}
