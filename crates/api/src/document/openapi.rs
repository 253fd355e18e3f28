//! The document: operations, types, headers and ways to authenticate, put together.

use crate::document::headers::Header;
use crate::document::operation::{Body, Caller, Operation, Request, Success, Tag};
use crate::document::parameters::Parameter;
use crate::document::schema::{Schemas, Type};
use crate::document::table::operations;
use crate::errors::{ErrorCode, Problem};
use crate::webhook_messages::WebhookMessage;
use crate::webhooks::WebhookEvent;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const DESCRIPTION: &str = "Runs untrusted code: programs in jails, scripts in isolates, and rooms in which people \
                           edit and run a program together.\n\nA program that fails is a result, with status 200. Errors are for requests \
                           that were not run: they are `application/problem+json`, and their `code` is for programs. Lists come in pages: \
                           the `next_cursor` of a page is the `cursor` of the next page.";

/// Makes the document.
pub fn document() -> Value {
    let mut schemas = Schemas::default();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for one in operations() {
        let segment = |segment: &str| match segment.strip_prefix(':') {
            Some(name) => format!("{{{name}}}"),
            None => segment.to_owned(),
        };
        let path = one.path.split('/').map(segment).collect::<Vec<_>>().join("/");
        let described = describe(&one, &mut schemas);
        let other = paths.entry(path).or_default().insert(one.method.name().to_owned(), described);
        assert!(other.is_none(), "{} has the route of another operation", one.id);
    }
    let webhooks = webhooks(&mut schemas);
    let tags: Vec<Value> =
        Tag::ALL.map(Tag::text).map(|(name, description)| json!({ "name": name, "description": description })).into();
    let headers: Map<String, Value> =
        Header::ALL.iter().map(|header| (header.name().to_owned(), header.description())).collect();
    let described = operations();
    let is_used = |code: &&ErrorCode| {
        let of_all = [ErrorCode::ServiceUnavailable, ErrorCode::Internal];
        of_all.contains(code) || described.iter().any(|one| one.errors.contains(code))
    };
    let problems = ErrorCode::ALL.iter().filter(is_used);
    let problems: Map<String, Value> = problems
        .map(|&code| (code.name().to_owned(), json!({ "summary": code.title(), "value": Problem::example_of(code) })))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Docle",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "FSL-1.1-MIT", "url": "https://fsl.software/FSL-1.1-MIT.template.md" },
        },
        "servers": [
            { "url": "https://api.docle.co", "description": "The service." },
            { "url": "/", "description": "The deployment that serves this document." },
        ],
        "tags": tags,
        "paths": paths,
        "webhooks": webhooks,
        "components": {
            "schemas": schemas.finish(),
            "examples": problems,
            "parameters": Parameter::shared(),
            "headers": headers,
            "securitySchemes": security_schemes(),
        },
    })
}

/// What the service sends to receivers.
fn webhooks(schemas: &mut Schemas) -> Value {
    let header = |name: &str, description: &str| json!({ "name": name, "in": "header", "required": true, "description": description, "schema": { "type": "string" } });
    json!({
        WebhookEvent::RunCompleted.name(): {
            "post": {
                "operationId": "run_completed",
                "tags": [Tag::Runs.text().0],
                "summary": "Report the end of a run",
                "description": "What the URL in `webhook` of a detached run gets when the run has ended.",
                "parameters": [
                    header("webhook-id", "The id of the report, the same in every attempt."),
                    header("webhook-timestamp", "When the attempt was made, in seconds since 1970."),
                    header("webhook-signature", "Signatures as in Standard Webhooks, with blanks between."),
                ],
                "requestBody": {
                    "required": true,
                    "content": contents(&[Body::json::<WebhookMessage>()], |one| schemas.response(one)),
                },
                "responses": {
                    "2XX": { "description": "The receiver has accepted the report." },
                    "4XX": { "description": "It has not, and gets the report again, as with every other status." },
                },
                "security": [],
            },
        },
    })
}

fn describe(one: &Operation, schemas: &mut Schemas) -> Value {
    let mut parameters: Vec<Value> = one.parameters.iter().map(|parameter| parameter.described()).collect();
    parameters.push(Parameter::RequestId.described());
    let mut described = json!({
        "operationId": one.id,
        "tags": [one.tag.text().0],
        "summary": one.summary,
        "description": one.description,
        "parameters": parameters,
        "responses": responses(one, schemas),
        "security": security(one.caller),
    });
    if let Some(request) = &one.request {
        described["requestBody"] = request_body(request, schemas);
    }
    if let Some(messages) = &one.messages {
        let mut list = |types: &[Type], is_sent: bool| -> Value {
            let each = types.iter().map(|&one| if is_sent { schemas.request(one) } else { schemas.response(one) });
            choice(each.collect())
        };
        let (sent, received) = (list(&messages.from_client, true), list(&messages.from_server, false));
        described["x-websocket"] = json!({ "fromClient": sent, "fromServer": received });
    }
    described
}

fn security(caller: Caller) -> Value {
    let each = caller.security().iter().map(|&name| if name.is_empty() { json!({}) } else { json!({ name: [] }) });
    each.collect()
}

fn request_body(request: &Request, schemas: &mut Schemas) -> Value {
    let description = format!("At most {} bytes.", thousands(request.max_bytes));
    json!({
        "required": !request.is_optional,
        "description": description,
        "content": contents(&request.bodies, |one| schemas.request(one)),
    })
}

/// Bodies by their media type; several of one type are a choice.
fn contents(bodies: &[Body], mut schema_of: impl FnMut(Type) -> Value) -> Value {
    let mut kinds: BTreeMap<&str, Vec<&Body>> = BTreeMap::new();
    for body in bodies {
        kinds.entry(body.media_type).or_default().push(body);
    }
    let mut content = Map::new();
    for (media_type, bodies) in kinds {
        let mut names: Vec<&str> = Vec::new();
        let examples = bodies.iter().map(|body| {
            let name = if names.contains(&body.name) { "other" } else { body.name };
            names.push(name);
            (name.to_owned(), json!({ "value": body.example }))
        });
        let examples: Map<String, Value> = examples.collect();
        let schemas: Vec<Value> = bodies.iter().map(|body| body_schema(body, &mut schema_of)).collect();
        content.insert(media_type.to_owned(), json!({ "schema": choice(schemas), "examples": examples }));
    }
    content.into()
}

fn body_schema(body: &Body, schema_of: &mut impl FnMut(Type) -> Value) -> Value {
    match body.one {
        Some(one) => schema_of(one),
        None if body.media_type == "application/json" => json!({ "description": "The description itself." }),
        None => json!({ "type": "string" }),
    }
}

fn choice(mut schemas: Vec<Value>) -> Value {
    if schemas.len() == 1 { schemas.remove(0) } else { json!({ "anyOf": schemas }) }
}

fn responses(one: &Operation, schemas: &mut Schemas) -> Value {
    let mut responses = Map::new();
    for success in &one.successes {
        responses.insert(success.status.to_string(), success_response(one, success, schemas));
    }
    let mut codes: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for &code in one.errors.iter().chain(&[ErrorCode::ServiceUnavailable, ErrorCode::Internal]) {
        codes.entry(code.status()).or_default().push(code);
    }
    for (status, codes) in codes {
        let problem = problem_response(one, &codes, schemas);
        // A status that a page and a problem share has both.
        match responses.get_mut(&status.to_string()) {
            Some(response) => {
                response["content"]["application/problem+json"] = problem["content"]["application/problem+json"].clone()
            }
            None => drop(responses.insert(status.to_string(), problem)),
        }
    }
    responses.into()
}

fn success_response(one: &Operation, success: &Success, schemas: &mut Schemas) -> Value {
    // A session that is used is renewed, whatever it is used for.
    let renewed = one.caller.security().contains(&"session").then_some(Header::SetCookie);
    let mut response = json!({
        "description": success.description,
        "headers": headers(one.tells_rate, success.headers.iter().copied().chain(renewed)),
    });
    if !success.bodies.is_empty() {
        response["content"] = contents(&success.bodies, |one| schemas.response(one));
    }
    response
}

fn problem_response(one: &Operation, codes: &[ErrorCode], schemas: &mut Schemas) -> Value {
    let list: Vec<String> = codes.iter().map(|code| format!("* `{}`: {}", code.name(), code.description())).collect();
    let reference = |code: &ErrorCode| json!({ "$ref": format!("#/components/examples/{}", code.name()) });
    let examples: Map<String, Value> = codes.iter().map(|code| (code.name().to_owned(), reference(code))).collect();
    let retries = codes.iter().any(|code| matches!(code.status(), 429 | 503));
    let asks = codes.iter().any(|code| code.status() == 401 && *code != ErrorCode::SessionRequired);
    let more = [(retries, Header::RetryAfter), (asks, Header::WwwAuthenticate)];
    let upgrade = codes.contains(&ErrorCode::UpgradeRequired).then_some(Header::Upgrade);
    let more = more.into_iter().filter_map(|(has, header)| has.then_some(header)).chain(upgrade);
    // Without a valid key there is no limit to tell of.
    let tells_rate = one.tells_rate && !codes.iter().any(|code| matches!(code.status(), 401 | 403));
    let schema = schemas.response(Type::of::<Problem>());
    json!({
        "description": list.join("\n"),
        "headers": headers(tells_rate, more),
        "content": { "application/problem+json": { "schema": schema, "examples": examples } },
    })
}

fn headers(tells_rate: bool, more: impl Iterator<Item = Header>) -> Value {
    let rate = Header::RATE.into_iter().filter(|_| tells_rate);
    let all = [Header::RequestId].into_iter().chain(rate).chain(more);
    let all: Map<String, Value> = all.map(|header| (header.name().to_owned(), header.reference())).collect();
    all.into()
}

fn security_schemes() -> Value {
    let protocol = "Sec-WebSocket-Protocol";
    json!({
        "apiKey": {
            "type": "http", "scheme": "bearer",
            "description": "An API key of a project: `sk_live_…`. A key may be bound to pages of certain domains.",
        },
        "apiKeyHeader": { "type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key in a header of its own." },
        "publishableKey": {
            "type": "http", "scheme": "bearer",
            "description": "A publishable key: `pk_live_…`. It works from pages of its domains only, whose `Origin` a browser sends.",
        },
        "managementToken": { "type": "http", "scheme": "bearer", "description": "A management token: `mt_live_…`, a key of type `management`. It is refused from web pages." },
        "runToken": { "type": "http", "scheme": "bearer", "description": "A run token: `rt_…`, made with an API key or a session." },
        "apiKeyProtocol": {
            "type": "apiKey", "in": "header", "name": protocol,
            "description": "An API key or a run token for a WebSocket of a page, which can choose no other header: `docle, docle.key.…`.",
        },
        "roomToken": { "type": "http", "scheme": "bearer", "description": "A token for the room." },
        "roomTokenProtocol": {
            "type": "apiKey", "in": "header", "name": protocol,
            "description": "A token for the room for a WebSocket of a page: `docle, docle.token.…`.",
        },
        "session": {
            "type": "apiKey", "in": "cookie", "name": "docle_session",
            "description": "The session of an account. A call that changes something has to come from the service's own pages.",
        },
    })
}

/// A number with commas between its thousands.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
