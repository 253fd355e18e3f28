//! The document is up to date, complete, and holds together.

use super::*;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

/// `UPDATE_OPENAPI=1 cargo test -p docle-api` writes the file anew.
#[test]
fn document_is_up_to_date() {
    let expected = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(PATH, &expected).unwrap();
        return;
    }
    let file = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(file == expected, "run UPDATE_OPENAPI=1 cargo test -p docle-api, and look at what changed");
}

/// Every object below `value`, with where it stands.
fn objects<'a>(value: &'a Value, at: String, found: &mut Vec<(String, &'a Map<String, Value>)>) {
    match value {
        Value::Object(object) => {
            found.push((at.clone(), object));
            for (name, value) in object {
                objects(value, format!("{at}/{name}"), found);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                objects(value, format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_property_and_parameter_is_described() {
    let document = document();
    let mut found = Vec::new();
    objects(&document, String::new(), &mut found);
    let undescribed = found
        .iter()
        .filter(|(at, object)| {
            let parent = at.rsplit_once('/').map_or("", |(parent, _)| parent);
            // A schema, which may be that of a property called "properties", says its type.
            let is_schema = document.pointer(parent).is_some_and(|parent| parent["type"].is_string());
            let is_property = parent.ends_with("/properties") && !is_schema && !at.contains("/examples/");
            let is_parameter = object.contains_key("in") && object.contains_key("name");
            (is_property || is_parameter) && !object.contains_key("description") && !object.contains_key("$ref")
                || is_property && object.contains_key("$ref") && !object.contains_key("description")
        })
        .map(|(at, _)| at.as_str());
    assert_eq!(undescribed.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn every_schema_is_described_and_referred_to_and_every_reference_leads_somewhere() {
    let document = document();
    let text = document.to_string();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(schema["description"].is_string(), "{name}");
        assert!(text.contains(&format!("\"#/components/schemas/{name}\"")), "{name}");
    }
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let path = reference.split('"').next().unwrap();
        assert!(document.pointer(path).is_some(), "{path}");
    }
}

#[test]
fn parameters_of_paths_are_there() {
    for path in document()["paths"].as_object().unwrap().keys() {
        assert!(!path.contains("/:"), "{path} names a parameter as the router does");
    }
    for one in operations() {
        let has = one.parameters.iter().any(|parameter| matches!(parameter, Parameter::Id(_)));
        assert_eq!(has, one.path.contains(":id"), "{}", one.id);
        assert!(!one.successes.is_empty() && one.summary.len() < 60 && one.description.ends_with('.'), "{}", one.id);
    }
}

#[test]
fn every_code_but_those_of_no_operation_is_told_of_one() {
    let of_no_operation = [
        ErrorCode::NotFound,
        ErrorCode::MethodNotAllowed,
        ErrorCode::ServiceUnavailable,
        ErrorCode::Internal,
        // At the URLs of ports.
        ErrorCode::PreviewNotFound,
        ErrorCode::PreviewStarting,
        ErrorCode::PortNotListening,
        ErrorCode::PortNoAnswer,
        ErrorCode::TooManyConnections,
    ];
    for code in ErrorCode::ALL.iter().filter(|code| !of_no_operation.contains(code)) {
        assert!(operations().iter().any(|one| one.errors.contains(code)), "{}", code.name());
    }
}
