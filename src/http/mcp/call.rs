//! `tools/call`: the operation of the API that a tool stands for, and its answer as content.

use crate::app::App;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::mcp::answer::{Answer, Failure};
use crate::http::mcp::content::{refusal, tool_result};
use crate::http::mcp::message::{INVALID_PARAMS, Message, RpcError};
use crate::http::mcp::progress;
use crate::http::mcp::tools::Tool;
use crate::http::request::accept::wants_event_stream;
use crate::http::request::body;
use crate::http::request::call::Call;
use crate::http::response::whole::whole;
use crate::http::routes::runs::{judge, run};
use crate::http::routes::sandboxes::{cells, exec, file_operation, ports, sandbox, snapshots};
use crate::http::routes::scripts::docs;
use crate::ports::http_messages::Response;
use ::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use ::http::{HeaderMap, HeaderName};
use serde_json::{Map, Value, json};

/// Headers of the message that are none of the operation.
const OF_THE_MESSAGE: [HeaderName; 4] = [
    CONTENT_LENGTH,
    CONTENT_ENCODING,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("last-event-id"),
];
/// The longest answer of an operation that becomes a message, in bytes: an isolate has 128 MiB, and a message is made of copies.
const MAX_ANSWER_BYTES: usize = 24 * 1_024 * 1_024;

/// Calls a tool.
pub async fn call_tool(app: &App, call: Call, message: &Message) -> Result<Answer, Failure> {
    let invalid = |text: String| RpcError::new(INVALID_PARAMS, text);
    let name = message.params.get("name").and_then(Value::as_str).unwrap_or_default();
    let Some(tool) = Tool::named(name) else {
        let names = Tool::ALL.map(Tool::name).join(", ");
        return Err(invalid(format!("There is no tool {name:?}. There are {names}.")).into());
    };
    let mut arguments = match message.params.get("arguments") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(arguments)) => arguments.clone(),
        Some(_) => return Err(invalid("`arguments` must be an object.".to_owned()).into()),
    };
    let known = || tool.parameters().iter().chain(tool.fields()).copied();
    if let Some(unknown) = arguments.keys().find(|name| known().all(|known| known != name.as_str())) {
        let known = known().collect::<Vec<_>>().join(", ");
        return Err(invalid(format!("{name} has no argument {unknown:?}. It has: {known}.")).into());
    }
    let mut parameters = Vec::new();
    for parameter in tool.parameters() {
        match arguments.remove(*parameter) {
            Some(Value::String(text)) => parameters.push(text),
            _ => return Err(invalid(format!("`{parameter}` is required and must be a string.")).into()),
        }
    }
    let is_streamed = wants_event_stream(call.headers());
    let call = operation(tool, call, parameters, arguments);
    let response = match tool {
        Tool::RunCode => run::create_run(app, call).await,
        Tool::RunTests => judge::judge_run(app, call).await,
        Tool::GetRun => run::get_run(app, call).await,
        Tool::CancelRun => run::cancel_run(app, call).await,
        Tool::ListLanguages => docs::list_languages(app, call).await,
        Tool::CreateSandbox => sandbox::create_sandbox(app, call).await,
        Tool::ListSandboxes => sandbox::list_sandboxes(app, call).await,
        Tool::Exec => exec::exec_in_sandbox(app, call).await,
        Tool::RunCell => cells::run_code(app, call).await,
        Tool::ReadFile | Tool::WriteFile | Tool::ListFiles => file_operation::change_sandbox_files(app, call).await,
        Tool::Snapshot => snapshots::create_snapshot(app, call).await,
        Tool::Restore => snapshots::restore_snapshot(app, call).await,
        Tool::ExposePort => ports::expose_port(app, call).await,
        Tool::DeleteSandbox => sandbox::delete_sandbox(app, call).await,
    };
    match (response, rest_of(tool)) {
        (Ok(response), Some(rest)) => Ok(Answer::Response(progress::translate(response, message, is_streamed, rest))),
        (response, _) => finished(response).await,
    }
}

/// How the rest of a long output is had, with tools whose output is told as it comes.
const fn rest_of(tool: Tool) -> Option<&'static str> {
    match tool {
        Tool::RunCode => Some("`get_run` returns all of it."),
        Tool::Exec => Some("Let the command write to a file, and read the parts that you need."),
        _ => None,
    }
}

/// The call of the operation that a tool stands for.
fn operation(tool: Tool, call: Call, mut parameters: Vec<String>, mut arguments: Map<String, Value>) -> Call {
    let mut call = plain(call);
    if rest_of(tool).is_some() {
        call.parts.headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    }
    let action = match tool {
        Tool::ReadFile => Some("read"),
        Tool::WriteFile => Some("update"),
        Tool::ListFiles => Some("list"),
        _ => None,
    };
    if let Some(action) = action {
        let names = ["file_path", "content"];
        let of_files = parameters.drain(1..).zip(names).map(|(value, name)| (name.to_owned(), Value::String(value)));
        arguments.extend(of_files);
        arguments.insert("operation".to_owned(), json!(action));
    }
    if tool == Tool::RunCode && arguments.contains_key("artifacts") {
        arguments.insert("artifactsInline".to_owned(), json!(true));
    }
    call.params = parameters;
    call.body = body::of(Value::Object(arguments).to_string().into_bytes());
    call
}

/// The call of an operation by the same client.
fn plain(mut call: Call) -> Call {
    let headers: &mut HeaderMap = &mut call.parts.headers;
    OF_THE_MESSAGE.iter().for_each(|name| drop(headers.remove(name)));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    call
}

/// The answer of an operation as the result of its tool.
async fn finished(response: Result<Response, ApiError>) -> Result<Answer, Failure> {
    let response = match response {
        Ok(response) => response,
        Err(error) => return failed(error),
    };
    let Some(bytes) = whole(response.into_body(), MAX_ANSWER_BYTES).await else {
        let text = "The result is longer than a message may be: GET /api/run/:id returns it.";
        return Ok(Answer::Result(refusal(text)));
    };
    // What was deleted has no description.
    let value = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!({}));
    drop(bytes);
    Ok(Answer::Result(tool_result(value)))
}

/// An error of an operation. What is wrong with the arguments is wrong with the message; what is wrong with the caller is for the
/// program around the model; the rest a model can act on.
fn failed(error: ApiError) -> Result<Answer, Failure> {
    match error.code() {
        ErrorCode::InvalidRequest | ErrorCode::InvalidJson => {
            Err(RpcError::new(INVALID_PARAMS, error.message().to_owned()).into())
        }
        code if [401, 403].contains(&code.status()) => Err(Failure::Api(error)),
        code => Ok(Answer::Result(refusal(&format!("{} ({})", error.message(), code.name())))),
    }
}
