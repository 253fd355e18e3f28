//! The API's description and the Worker hold to each other: same routes, and readers that take what the schemas allow.

use crate::domain::input::problem::FieldError;
use crate::http::table::{Caller, ROUTES, Verb};
use docle_api::document::operation::{Caller as Described, Method};
use docle_api::document::table::INTERNAL;
use docle_api::document::{document, operations};
use readers::{Read, companion, item, readers};
use serde_json::{Map, Value, json};

mod readers;

#[test]
fn every_route_is_described_and_every_described_operation_has_its_route() {
    let described = operations();
    for route in ROUTES.iter().filter(|route| !INTERNAL.contains(&route.name)) {
        let one = described.iter().find(|one| one.id == route.name);
        let one = one.unwrap_or_else(|| panic!("{} is not described in docle-api", route.name));
        let method = match route.verb {
            Verb::Get => Method::Get,
            Verb::Post => Method::Post,
            Verb::Put => Method::Put,
            Verb::Patch => Method::Patch,
            Verb::Delete => Method::Delete,
        };
        let caller = match one.caller {
            Described::Anyone => Caller::Anyone,
            Described::Visitor => Caller::Visitor,
            Described::Session => Caller::SignedIn,
            Described::Manager => Caller::Manager,
            Described::Reader | Described::Owner | Described::KeyOrOwner => Caller::KeyOrSession,
            Described::Key
            | Described::KeyOrToken
            | Described::SecretKeyOrToken
            | Described::KeyOrTokenSocket
            | Described::RoomMember
            | Described::RoomGuest
            | Described::RoomSocket => Caller::ApiClient,
        };
        assert_eq!((one.method, one.path, caller), (method, route.path, route.caller), "{}", route.name);
    }
    for one in described {
        assert!(ROUTES.iter().any(|route| route.name == one.id), "{} is described and has no route", one.id);
    }
}

/// One reader's test: its schemas, and how to read.
struct Probe<'a> {
    schema: &'a str,
    read: Read,
    base: &'a Value,
    schemas: &'a Map<String, Value>,
}

impl Probe<'_> {
    /// The reader's answer to the base with `value` at `path`.
    fn answer(&self, path: &str, value: &Value) -> Result<(), Vec<FieldError>> {
        let mut body = self.base.clone();
        merge(&mut body, &companion(self.schema, path, value));
        put(&mut body, path, value.clone());
        (self.read)(body)
    }

    /// The reader's answer to the base without the field at `path`.
    fn answer_without(&self, path: &str) -> Result<(), Vec<FieldError>> {
        let mut body = self.base.clone();
        merge(&mut body, &companion(self.schema, path, &Value::Null));
        put(&mut body, path, Value::Null);
        let parent = match path.rsplit_once('.') {
            Some((parent, _)) => body.pointer_mut(&format!("/{}", parent.replace('.', "/"))),
            None => Some(&mut body),
        };
        let name = path.rsplit('.').next().unwrap_or(path);
        parent.and_then(Value::as_object_mut).unwrap().remove(name);
        (self.read)(body)
    }

    fn takes(&self, path: &str, value: &Value) {
        let answer = self.answer(path, value);
        assert!(answer.is_ok(), "{} {path} should take {}: {answer:?}", self.schema, shown(value));
    }

    fn refuses(&self, path: &str, value: &Value) {
        let problems = self.answer(path, value).expect_err(&format!("{} {path} takes {}", self.schema, shown(value)));
        let named =
            problems.iter().any(|problem| problem.field == path || problem.field.starts_with(&format!("{path}[")));
        assert!(named, "{} {path} {}: {problems:?}", self.schema, shown(value));
    }

    /// Tries the values at the edges of what `schema` allows at `path`.
    fn try_value(&self, path: &str, schema: &Value) {
        let kinds: Vec<&str> = match &schema["type"] {
            Value::String(kind) => vec![kind],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            if self.schemas[name]["type"] != "object" {
                return self.try_value(path, &self.schemas[name]);
            }
            self.refuses(path, &json!(1));
            return self.try_object(path, &self.schemas[name]);
        }
        if let Some(choices) = schema["anyOf"].as_array() {
            return choices.iter().for_each(|choice| self.try_value(path, choice));
        }
        if kinds.is_empty() {
            // Any JSON.
            return [json!(null), json!([1]), json!({ "a": 1 })].iter().for_each(|value| self.takes(path, value));
        }
        // What is null is absent.
        assert_eq!(self.answer(path, &json!(null)), self.answer_without(path), "{} {path}", self.schema);
        match kinds[0] {
            "integer" => self.try_integer(path, schema),
            "number" => self.try_number(path, schema),
            "string" => self.try_string(path, schema),
            "boolean" => {
                self.takes(path, &json!(false));
                self.takes(path, &json!(true));
                self.refuses(path, &json!("true"));
            }
            "array" => self.try_array(path, schema),
            "object" => self.try_map(path, schema),
            kind => panic!("{path} is of type {kind}, for which there is no test"),
        }
    }

    fn try_integer(&self, path: &str, schema: &Value) {
        let (least, most) = (schema["minimum"].as_i64().unwrap(), schema["maximum"].as_i64().unwrap());
        for value in [least, most] {
            self.takes(path, &json!(value));
        }
        for value in [json!(least - 1), json!(most + 1), json!(least as f64 + 0.5), json!("1")] {
            self.refuses(path, &value);
        }
        assert!(schema["default"].is_null() || (least..=most).contains(&schema["default"].as_i64().unwrap()));
    }

    fn try_number(&self, path: &str, schema: &Value) {
        let (least, most) = (schema["minimum"].as_f64().unwrap(), schema["maximum"].as_f64().unwrap());
        for value in [least, (least + most) / 2.0, most] {
            self.takes(path, &json!(value));
        }
        for value in [json!(least - 0.1), json!(most + 0.1), json!("1")] {
            self.refuses(path, &value);
        }
    }

    fn try_string(&self, path: &str, schema: &Value) {
        self.refuses(path, &json!(1));
        if let Some(values) = schema["enum"].as_array() {
            values.iter().for_each(|value| self.takes(path, value));
            return self.refuses(path, &json!("nope"));
        }
        // Values with a form of their own are tried where they are read.
        if schema["format"].is_string() {
            return;
        }
        const LARGEST: u64 = 1_000_000;
        match schema["maxLength"].as_u64().filter(|most| *most <= LARGEST) {
            Some(most) if !["path", "entrypoint", "subdir"].iter().any(|name| path.ends_with(name)) => {
                self.takes(path, &json!("a".repeat(most as usize)));
                self.refuses(path, &json!("a".repeat(most as usize + 1)));
            }
            Some(most) => self.refuses(path, &json!("a".repeat(most as usize + 1))),
            None => {}
        }
        if schema["minLength"].as_u64() == Some(1) {
            self.refuses(path, &json!(""));
        }
    }

    fn try_array(&self, path: &str, schema: &Value) {
        let items = |count: u64| -> Value { (0..count as usize).map(|index| item(path, index)).collect() };
        let most = schema["maxItems"].as_u64().unwrap();
        for count in [schema["minItems"].as_u64().unwrap_or(0), most] {
            self.takes(path, &items(count));
        }
        self.refuses(path, &items(most + 1));
        self.refuses(path, &json!("text"));
        if schema["minItems"].as_u64() == Some(1) {
            self.refuses(path, &items(0));
        }
        let inner = &schema["items"];
        // An option begins with a dash.
        let letter = if path.ends_with("options") { "-" } else { "a" };
        match inner["maxLength"].as_u64() {
            Some(most) => {
                self.takes(path, &json!([letter.repeat((most as usize).min(200))]));
                self.refuses(path, &json!([letter.repeat(most as usize + 1)]));
            }
            None => self.refuses(path, &json!([1])),
        }
    }

    fn try_map(&self, path: &str, schema: &Value) {
        self.refuses(path, &json!([]));
        let Some(most) = schema["maxProperties"].as_u64() else { return self.takes(path, &json!({ "any": [1] })) };
        let entries = |count: u64| -> Value {
            (0..count).map(|index| (format!("N{index}"), json!(""))).collect::<Map<_, _>>().into()
        };
        self.takes(path, &entries(most));
        self.refuses(path, &entries(most + 1));
        let longest = schema["additionalProperties"]["maxLength"].as_u64().unwrap() as usize;
        self.takes(path, &json!({ "N": "a".repeat(longest) }));
        let problems = self.answer(path, &json!({ "N": "a".repeat(longest + 1) })).unwrap_err();
        assert_eq!(problems[0].field, format!("{path}.N"));
    }

    /// Tries every field of an object, one that it does not have, and each required one that is absent.
    fn try_object(&self, at: &str, schema: &Value) {
        let join = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
        assert_eq!(schema["additionalProperties"], json!(false), "{} {at}", self.schema);
        for (name, property) in schema["properties"].as_object().unwrap() {
            // The context of a user has to name the user, whatever else it says.
            let path = join(name);
            if at.ends_with("userContext") && name != "id" {
                let mut body = self.base.clone();
                put(&mut body, &join("id"), json!("u"));
                Probe { base: &body, ..*self }.try_value(&path, property);
            } else {
                self.try_value(&path, property);
            }
        }
        self.refuses(&join("zzzzzzzzzz"), &json!(1));
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        // Without its tier, a body is that of a program; without its runs, a batch is one program with inputs.
        for name in required.filter(|name| !matches!(*name, "tier" | "runs")) {
            let mut body = self.base.clone();
            if at.is_empty() {
                body.as_object_mut().unwrap().remove(name);
            } else {
                put(&mut body, at, json!({}));
            }
            let problems = (self.read)(body).expect_err(&format!("{} needs {}", self.schema, join(name)));
            assert!(problems.iter().any(|problem| problem.field == join(name)), "{}: {problems:?}", join(name));
        }
    }
}

/// Puts `value` at `path` of `body`, and objects on the way there.
fn put(body: &mut Value, path: &str, value: Value) {
    let mut at = body;
    for name in path.split('.') {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[name];
    }
    *at = value;
}

pub fn merge(body: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else { return *body = patch.clone() };
    for (name, value) in patch {
        match value {
            Value::Null => drop(body.as_object_mut().map(|body| body.remove(name))),
            value => merge(&mut body[name], value),
        }
    }
}

fn shown(value: &Value) -> String {
    value.to_string().chars().take(80).collect()
}

#[test]
fn readers_take_what_the_schemas_allow_and_name_what_they_do_not() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (schema, read, base) in readers() {
        let probe = Probe { schema, read, base: &base, schemas };
        assert_eq!((probe.read)(base.clone()), Ok(()), "{schema}");
        probe.try_object("", &schemas[schema]);
    }
}

#[test]
fn every_schema_of_a_request_has_a_reader() {
    let document = document();
    let bodies = operations().into_iter().filter_map(|one| one.request.map(|_| one.id));
    let readers: Vec<&str> = readers().iter().map(|(schema, ..)| *schema).collect();
    for id in bodies {
        let paths = document["paths"].as_object().unwrap().values();
        let one =
            paths.flat_map(|path| path.as_object().unwrap().values()).find(|one| one["operationId"] == id).unwrap();
        let text = one["requestBody"]["content"].to_string();
        for name in text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(readers.contains(&name), "{id} takes {name}, which has no reader here");
        }
    }
}
