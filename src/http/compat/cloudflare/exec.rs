//! `POST …/exec` of the bridge: executes a command.

use crate::app::App;
use crate::http::auth::sandbox_caller::SandboxCaller;
use crate::http::compat::cloudflare::refusal::{in_workspace, refused};
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::body;
use crate::http::request::call::Call;
use crate::http::response::event_stream;
use crate::http::routes::sandboxes::exec::job_of;
use crate::http::routes::sandboxes::exec_output;
use crate::ports::http_messages::Response;
use ::http::HeaderName;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use docle_api::limits::{MAX_OUTPUT_BYTES, TIMEOUT_MS};
use docle_protocol::sandbox::ExecEvent;
use futures::StreamExt;
use serde_json::{Value, json};

/// The session that a command is executed in.
const SESSION: HeaderName = HeaderName::from_static("session-id");

/// `POST /compat/cloudflare/v1/sandbox/:id/exec`: the bytes of both streams in base64 as they come, and then the exit code.
pub async fn exec_in_bridge_sandbox(app: &App, call: Call) -> Result<Response, ApiError> {
    exec(app, call).await.map_err(|error| error.shaped(refused))
}

async fn exec(app: &App, mut call: Call) -> Result<Response, ApiError> {
    body::check_declared_size(&call.parts.headers, &mut call.body).await?;
    let caller = SandboxCaller::extract_key(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    let session = call.header(SESSION).map(str::to_owned);
    let sent = body::take_untyped_json(&mut call.body).await?;
    let job = job_of(app, asked(&sent, session, app.config.max_timeout_ms)?)?;
    let events = exec_output::events(app.sandboxes.exec(&sandbox, &job, None).await?.value);
    let told = events.scan(Told::default(), |told, event| {
        let lines = match event {
            Ok(event) => told.event(event),
            Err(refusal) => {
                let message = ApiError::from(refusal).message().to_owned();
                line("error", &json!({ "error": message, "code": "exec_transport_error" }).to_string())
            }
        };
        std::future::ready(Some(Bytes::from(lines)))
    });
    Ok(event_stream::of(app, told.filter(|lines| std::future::ready(!lines.is_empty())).boxed_local()))
}

/// The body of `POST /api/v1/sandboxes/:id/exec` that does the same. Without a time limit a command has the longest one, and none has
/// a longer one.
fn asked(sent: &Value, session: Option<String>, max_timeout_ms: u32) -> Result<Value, ApiError> {
    if sent["argv"].as_array().is_none_or(Vec::is_empty) {
        return Err(ApiError::new(ErrorCode::InvalidRequest, "argv must be a non-empty array"));
    }
    let longest = f64::from(max_timeout_ms);
    let timeout_ms = sent["timeout_ms"].as_f64().unwrap_or(longest).clamp(f64::from(*TIMEOUT_MS.start()), longest);
    let mut asked =
        json!({ "argv": sent["argv"], "timeoutMs": timeout_ms as u32, "maxOutputBytes": MAX_OUTPUT_BYTES.end() });
    if let Some(cwd) = sent["cwd"].as_str() {
        asked["cwd"] = json!(in_workspace(cwd, "cwd")?);
    }
    if let Some(session) = session {
        asked["session"] = json!(session);
    }
    Ok(asked)
}

/// What was told of a command. The client for JavaScript reads each piece of output as text of its own, so a character that
/// comes in two pieces waits for its end. All other bytes are passed on as they are.
#[derive(Default)]
struct Told {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Told {
    fn event(&mut self, event: ExecEvent) -> String {
        match event {
            ExecEvent::Start { .. } => String::new(),
            ExecEvent::Stdout { data } => output("stdout", &mut self.stdout, &data.0),
            ExecEvent::Stderr { data } => output("stderr", &mut self.stderr, &data.0),
            ExecEvent::Complete { report } => {
                let mut rest = line_unless_empty("stdout", &self.stdout) + &line_unless_empty("stderr", &self.stderr);
                if report.stdout_truncated || report.stderr_truncated {
                    let message = format!("\n[output above {} bytes was cut]\n", MAX_OUTPUT_BYTES.end());
                    rest.push_str(&line_unless_empty("stderr", message.as_bytes()));
                }
                rest + &line("exit", &json!({ "exit_code": report.exit_code }).to_string())
            }
        }
    }
}

/// The line for what `held` and `data` have but a last character that has only begun, which is held.
fn output(stream: &str, held: &mut Vec<u8>, data: &[u8]) -> String {
    held.extend_from_slice(data);
    let rest = held.split_off(held.len() - begun(held));
    let whole = std::mem::replace(held, rest);
    line_unless_empty(stream, &whole)
}

/// How many bytes at the end begin a character in UTF-8 that has more of them.
fn begun(bytes: &[u8]) -> usize {
    let is_begun = |count: &usize| {
        let tail = &bytes[bytes.len() - count..];
        std::str::from_utf8(tail).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    };
    (1..=bytes.len().min(3)).find(is_begun).unwrap_or(0)
}

fn line_unless_empty(stream: &str, bytes: &[u8]) -> String {
    if bytes.is_empty() { String::new() } else { line(stream, &STANDARD.encode(bytes)) }
}

fn line(event: &str, data: &str) -> String {
    format!("event: {event}\ndata: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_in_two_pieces_was_told_as_two_broken_ones() {
        let mut held = Vec::new();
        let mut told = String::new();
        for piece in ["a\u{20ac}".as_bytes()[..2].to_vec(), "\u{20ac}".as_bytes()[1..].to_vec(), vec![0xff, b'b', 0xc3]]
        {
            told += &output("stdout", &mut held, &piece);
        }
        let bytes: Vec<Vec<u8>> =
            told.lines().filter_map(|line| STANDARD.decode(line.strip_prefix("data: ")?).ok()).collect();
        assert_eq!(bytes, [b"a".to_vec(), "\u{20ac}".as_bytes().to_vec(), vec![0xff, b'b']]);
        assert_eq!(held, [0xc3], "it may go on");
    }

    #[test]
    fn a_time_limit_is_within_those_of_the_service() {
        for (sent, timeout_ms) in
            [(json!(null), 300_000), (json!(30_000), 30_000), (json!(1), 100), (json!(9e9), 300_000)]
        {
            let asked = asked(&json!({ "argv": ["ls"], "timeout_ms": sent }), None, 300_000).unwrap();
            assert_eq!(asked["timeoutMs"], timeout_ms);
        }
    }
}
