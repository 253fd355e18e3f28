//! JSON Schema of the types, as OpenAPI 3.1 takes it, and the changes that schemars cannot be told in attributes.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// Marks a property of a request that may be null.
const NULLABLE: &str = "x-nullable";

/// Where the document keeps schemas.
const DEFINITIONS: &str = "/components/schemas";

/// A type that the document describes: its schema, by reference.
#[derive(Clone, Copy)]
pub struct Type(fn(&mut SchemaGenerator) -> Schema);

impl Type {
    /// The type `T`.
    pub const fn of<T: JsonSchema>() -> Self {
        Self(SchemaGenerator::subschema_for::<T>)
    }
}

/// Collects the schemas of all types that are referred to.
pub struct Schemas {
    requests: SchemaGenerator,
    responses: SchemaGenerator,
}

impl Default for Schemas {
    fn default() -> Self {
        let settings =
            || SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = DEFINITIONS.into());
        Self { requests: settings().into_generator(), responses: settings().for_serialize().into_generator() }
    }
}

impl Schemas {
    /// A reference to the schema of a request, in which a field that may be absent is optional.
    pub fn request(&mut self, one: Type) -> Value {
        cleaned((one.0)(&mut self.requests))
    }

    /// A reference to the schema of a response, in which a field that may be null is always there.
    pub fn response(&mut self, one: Type) -> Value {
        cleaned((one.0)(&mut self.responses))
    }

    /// Every schema by its name.
    ///
    /// # Panics
    /// Where a type is described differently in requests and in responses.
    pub fn finish(mut self) -> Map<String, Value> {
        let mut all = self.requests.take_definitions(true);
        for (name, schema) in self.responses.take_definitions(true) {
            if let Some(other) = all.get(&name) {
                assert!(*other == schema, "{name} is one thing in requests and another in responses: {other} {schema}");
            }
            all.insert(name, schema);
        }
        all.into_iter().map(|(name, schema)| (name, cleaned_value(schema))).collect()
    }
}

fn without_null(property: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = property.get_mut("type") {
        types.retain(|one| one != "null");
        if let [only] = &types[..] {
            property["type"] = only.clone();
        }
    }
    if let Some(Value::Array(values)) = property.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    let Some(Value::Array(choices)) = property.get_mut("anyOf") else { return };
    choices.retain(|choice| choice["type"] != "null");
    if let [Value::Object(only)] = &choices[..] {
        let only = only.clone();
        property.remove("anyOf");
        property.extend(only);
    }
}

/// Takes null out of the properties that may be absent, unless one is marked as nullable: what is absent is not null.
fn absent_is_not_null(schema: &mut Schema) {
    let required = schema.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| required.as_array().is_some_and(|names| names.iter().any(|one| one == name));
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    for (name, property) in properties {
        let Some(property) = property.as_object_mut() else { continue };
        if property.remove(NULLABLE).is_none() && !is_required(name) {
            without_null(property);
        }
    }
}

/// Makes of a list of described constants one enumeration, whose description lists them.
fn plain_enum(schema: &mut Schema) {
    let Some(Value::Array(choices)) = schema.get("oneOf") else { return };
    if !choices.iter().all(|choice| choice["const"].is_string()) {
        return;
    }
    let values: Vec<Value> = choices.iter().map(|choice| choice["const"].clone()).collect();
    let list: String = choices
        .iter()
        .map(|choice| format!("\n* `{}`: {}", text(&choice["const"]), unwrapped(text(&choice["description"]))))
        .collect();
    let description = format!("{}\n{list}", schema.get("description").map(text).unwrap_or_default());
    schema.remove("oneOf");
    schema.insert("type".to_owned(), json!("string"));
    schema.insert("enum".to_owned(), values.into());
    schema.insert("description".to_owned(), json!(description));
}

/// Describes the field that tells the objects of a choice apart.
fn tagged(schema: &mut Schema) {
    let Some(Value::Array(choices)) = schema.get_mut("oneOf") else { return };
    for choice in choices.iter_mut() {
        if let Some(kind) = choice.pointer_mut("/properties/type").and_then(Value::as_object_mut) {
            kind.insert("description".to_owned(), json!("The kind of the message."));
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn cleaned(schema: Schema) -> Value {
    cleaned_value(schema.to_value())
}

/// The schema in OpenAPI's words: without the widths of integers that only Rust has.
fn cleaned_value(schema: Value) -> Value {
    let mut schema = Schema::try_from(schema).unwrap_or_default();
    Clean.transform(&mut schema);
    schema.to_value()
}

struct Clean;

impl Transform for Clean {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        plain_enum(schema);
        tagged(schema);
        absent_is_not_null(schema);
        let known = ["date-time", "uuid", "email", "uri", "uri-reference", "int32", "int64", "double", "float"];
        if schema.get("format").is_some_and(|format| !known.contains(&text(format))) {
            schema.remove("format");
        }
        schema.remove("title");
        // Lines of a comment are lines of one paragraph, unless the next one begins a list.
        if let Some(Value::String(description)) = schema.get_mut("description") {
            *description = unwrapped(description);
        }
    }
}

/// The text with its lines joined, except at empty lines and before items of a list.
fn unwrapped(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    for line in text.lines() {
        let starts_anew = line.is_empty() || line.starts_with("* ") || joined.ends_with('\n');
        if !joined.is_empty() {
            joined.push(if starts_anew { '\n' } else { ' ' });
        }
        joined.push_str(line);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_paragraph_are_joined() {
        assert_eq!(unwrapped("a\nb\n\n* c\n  d\n* e"), "a b\n\n* c   d\n* e");
    }
}
