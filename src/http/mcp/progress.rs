//! The events of a run as messages: notifications of its progress, and its result at the end.

use crate::http::mcp::content::{refusal, tool_result};
use crate::http::mcp::message::{INTERNAL_ERROR, Message, RpcError};
use crate::http::response::sse_reader;
use crate::ports::http_messages::{Body, Response};
use ::http::header::{CONTENT_TYPE, HeaderValue};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, LocalBoxStream};
use serde_json::{Value, json};

/// So many notifications are sent at once; later ones only after more output.
const FIRST_NOTIFICATIONS: u32 = 20;
const LATER_EVERY_BYTES: usize = 4 * 1_024;
/// How much of the last output a notification shows, in characters.
const SHOWN_CHARS: usize = 200;
/// The most of each stream that a result has, in bytes. A model reads no more, and a message has it twice.
const MAX_OUTPUT_BYTES: usize = 128 * 1_024;
/// The most content of files that a result has, in characters of base64.
const MAX_CONTENT_CHARS: usize = 512 * 1_024;
/// The longest message, in bytes: clients in Python refuse longer events than 1 MiB.
const MAX_MESSAGE_BYTES: usize = 1_000_000;

/// The response to a call of a tool, made of the response to the run: its events become messages. Where the client takes no
/// stream, it is the last message, with spaces before it while the program is silent. `rest` says how the rest of a long output is had.
pub fn translate(response: Response, message: &Message, is_streamed: bool, rest: &'static str) -> Response {
    let (mut parts, body) = response.into_parts();
    let events = match body {
        Body::Stream(events) => events,
        Body::Whole(bytes) => stream::once(async { bytes }).boxed_local(),
        Body::Empty | Body::Socket(_) | Body::Proxied(_) => stream::empty().boxed_local(),
    };
    let media_type = if is_streamed { "text/event-stream; charset=utf-8" } else { "application/json" };
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    let run = Run {
        token: message.progress_token().cloned().filter(|_| is_streamed),
        answer: message.answer(json!({})),
        id: message.id.clone(),
        output: [String::new(), String::new()],
        written: 0,
        told: 0,
        told_at: 0,
        is_streamed,
        rest,
    };
    Response::from_parts(parts, Body::Stream(run.follow(events)))
}

/// What is known of a run.
struct Run {
    token: Option<Value>,
    /// The last message, with an empty result.
    answer: Value,
    id: Option<Value>,
    /// Standard output and standard error.
    output: [String; 2],
    /// Bytes of both.
    written: usize,
    /// How many notifications were sent, and after how many bytes the last one.
    told: u32,
    told_at: usize,
    is_streamed: bool,
    rest: &'static str,
}

impl Run {
    fn follow(self, events: LocalBoxStream<'static, Bytes>) -> LocalBoxStream<'static, Bytes> {
        let messages = stream::unfold(Some((self, sse_reader::data_of(events))), |state| async move {
            let (mut run, mut events) = state?;
            let message = match events.next().await {
                None => {
                    let error = RpcError::new(INTERNAL_ERROR, "The run ended without a result.");
                    return Some((run.last(&error.json(run.id.as_ref())), None));
                }
                Some(None) => {
                    if run.is_streamed {
                        b":\n\n".to_vec()
                    } else {
                        b" ".to_vec()
                    }
                }
                Some(Some(data)) if data["type"] == "complete" => return Some((run.complete(data).into(), None)),
                Some(Some(data)) if data["type"] == "error" => return Some((run.failed(&data), None)),
                Some(Some(data)) => run.notification(&data),
            };
            Some((message.into(), Some((run, events))))
        });
        messages.filter(|bytes: &Bytes| futures::future::ready(!bytes.is_empty())).boxed_local()
    }

    /// Takes an event; answers with the message that tells of it, if one is wanted and due.
    fn notification(&mut self, event: &Value) -> Vec<u8> {
        let stream = match event["type"].as_str() {
            Some("stdout") => 0,
            Some("stderr") => 1,
            _ => return Vec::new(),
        };
        let text = event["data"].as_str().unwrap_or_default();
        self.written += text.len();
        if self.output[stream].len() <= MAX_OUTPUT_BYTES {
            self.output[stream].push_str(text);
        }
        let is_due = self.told < FIRST_NOTIFICATIONS || self.written >= self.told_at + LATER_EVERY_BYTES;
        let Some(token) = self.token.as_ref().filter(|_| is_due && !text.is_empty()) else { return Vec::new() };
        (self.told, self.told_at) = (self.told + 1, self.written);
        let skipped = text.chars().count().saturating_sub(SHOWN_CHARS);
        let shown: String = text.chars().skip(skipped).collect();
        let params = json!({ "progressToken": token, "progress": self.written, "message": shown });
        self.encoded(&json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params }))
    }

    /// The last message, which has the output as it has come, up to what a message may have.
    fn complete(&mut self, mut result: Value) -> Vec<u8> {
        if let Some(fields) = result.as_object_mut() {
            fields.remove("type");
        }
        let mut content_chars = 0;
        for artifact in result.get_mut("artifacts").and_then(Value::as_array_mut).into_iter().flatten() {
            content_chars += artifact["base64"].as_str().map_or(0, str::len);
            if let Some(fields) = artifact.as_object_mut().filter(|_| content_chars > MAX_CONTENT_CHARS)
                && fields.remove("base64").is_some()
            {
                fields.insert("error".to_owned(), json!("inline_full"));
            }
        }
        let mut most = MAX_OUTPUT_BYTES;
        loop {
            let message = self.encoded(&self.answer_with(result.clone(), most));
            // What has to be escaped takes several times its length.
            if message.len() <= MAX_MESSAGE_BYTES || most < 1_024 {
                return message;
            }
            most /= 2;
        }
    }

    /// The last message about a command whose sandbox was lost.
    fn failed(&self, error: &Value) -> Bytes {
        let text = |name: &str| error[name].as_str().unwrap_or_default();
        let text = format!("{} ({})", text("message"), text("code"));
        let mut answer = self.answer.clone();
        for (name, value) in refusal(&text).as_object_mut().map(std::mem::take).unwrap_or_default() {
            answer["result"][name] = value;
        }
        self.last(&answer)
    }

    /// The last message with so many bytes of each stream.
    fn answer_with(&self, mut result: Value, most: usize) -> Value {
        let mut is_cut = false;
        for (name, text) in ["stdout", "stderr"].into_iter().zip(&self.output) {
            let kept = &text[..text.floor_char_boundary(most)];
            result[name] = json!(kept);
            if kept.len() < text.len() {
                is_cut = true;
                result["truncated"][name] = json!(true);
            }
        }
        let mut called = tool_result(result);
        if let Some(content) = called["content"].as_array_mut().filter(|_| is_cut) {
            content.push(json!({ "type": "text", "text": format!("The output is longer than this. {}", self.rest) }));
        }
        let mut answer = self.answer.clone();
        for (name, value) in called.as_object_mut().map(std::mem::take).unwrap_or_default() {
            answer["result"][name] = value;
        }
        answer
    }

    fn last(&self, message: &Value) -> Bytes {
        self.encoded(message).into()
    }

    fn encoded(&self, message: &Value) -> Vec<u8> {
        let text = message.to_string();
        if self.is_streamed { format!("event: message\ndata: {text}\n\n").into_bytes() } else { text.into_bytes() }
    }
}
