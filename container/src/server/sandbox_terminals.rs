//! `GET /v1/sandboxes/:id/terminals/:name`: a viewer of a terminal, through a WebSocket.

use super::answers::{Answer, Denied, broken, find, invalid};
use super::sandbox_checks::{check_env, check_id_of_command};
use crate::jail::terminal::Size;
use crate::sandbox::{NotStarted, Sandbox, Sandboxes, Step, Terminal, file_error};
use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::get;
use docle_protocol::RefusalCode;
use docle_protocol::limits::TERMINAL_CELLS;
use docle_protocol::sandbox::process::{ProcessError, ProcessErrorCode};
use docle_protocol::sandbox::terminal::{
    MAX_TERMINALS, TERMINAL_JOB, TerminalJob, TerminalMessage, ViewerMessage, terminal_path,
};
use futures_util::stream::SplitStream;
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use tokio::sync::mpsc::{Sender, channel};

/// Messages for a viewer beside output, which wait while output is sent.
const WAITING: usize = 4;
/// Bytes of one message of a viewer.
const MAX_MESSAGE: usize = 1 << 20;

pub fn routes() -> Router<Arc<Sandboxes>> {
    Router::new().route(&terminal_path("{id}", "{name}"), get(attach))
}

async fn attach(
    State(sandboxes): State<Arc<Sandboxes>>,
    Path((id, name)): Path<(String, String)>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    let job = headers.get(TERMINAL_JOB).ok_or_else(|| invalid(format!("{TERMINAL_JOB}: missing")))?;
    let job: TerminalJob = serde_json::from_slice(job.as_bytes()).map_err(|error| invalid(error.to_string()))?;
    check_id_of_command(&name).map_err(invalid)?;
    check_env(&job.env).map_err(invalid)?;
    let size = size_of(job.cols, job.rows).ok_or_else(|| invalid("cols, rows: out of range"))?;
    let (size, cwd) = ((!job.is_view).then_some(size), job.cwd.clone());
    let terminal = sandbox.terminal(&name, job).await.map_err(|failure| match failure {
        NotStarted::Directory(errno) => Denied::File(file_error(errno, cwd.as_bytes())),
        NotStarted::TooManySessions => Denied::Process(ProcessError {
            code: ProcessErrorCode::TooManySessions,
            message: format!("{MAX_TERMINALS} terminals of the sandbox are open, the most that may. End a shell."),
        }),
        NotStarted::Duplicate => Denied::of(RefusalCode::Duplicate, "a command with this id runs"),
        NotStarted::Failed(error) => broken(&sandbox, &error),
    })?;
    let upgrade = upgrade.max_message_size(MAX_MESSAGE);
    Ok(upgrade.on_upgrade(async move |socket| serve(&sandbox, &terminal, socket, size).await))
}

fn size_of(cols: u16, rows: u16) -> Option<Size> {
    [cols, rows].iter().all(|cells| TERMINAL_CELLS.contains(cells)).then_some(Size { cols, rows })
}

/// Serves one viewer until it leaves or the shell ends. A viewer without a size only watches.
async fn serve(sandbox: &Sandbox, terminal: &Terminal, socket: WebSocket, size: Option<Size>) {
    let mut viewer = terminal.attach(size);
    let (mut sink, stream) = socket.split();
    let (say, mut said) = channel(WAITING);
    let (sizes, mut resized) = channel(WAITING);
    let typing = listen(terminal, stream, size.is_some(), say, sizes);
    let telling = async {
        loop {
            let message = tokio::select! {
                step = viewer.next() => match step {
                    Step::Output(bytes) => Message::Binary(bytes.into()),
                    Step::Ready => text(&TerminalMessage::Ready),
                    Step::Exit((code, signal)) => {
                        let _ = sink.send(text(&TerminalMessage::Exit { code, signal })).await;
                        break close_code::NORMAL;
                    }
                },
                Some(message) = said.recv() => text(&message),
                Some(size) = resized.recv() => {
                    viewer.resize(size);
                    continue;
                }
                () = sandbox.end.cancelled() => break close_code::AWAY,
            };
            if sink.send(message).await.is_err() {
                break close_code::AWAY;
            }
        }
    };
    let code = tokio::select! {
        () = typing => close_code::NORMAL,
        code = telling => code,
    };
    let _ = sink.send(Message::Close(Some(CloseFrame { code, reason: "".into() }))).await;
}

/// Passes on what a viewer types, until it leaves.
async fn listen(
    terminal: &Terminal,
    mut stream: SplitStream<WebSocket>,
    may_type: bool,
    say: Sender<TerminalMessage>,
    sizes: Sender<Size>,
) {
    while let Some(Ok(message)) = stream.next().await {
        match message {
            Message::Binary(bytes) if may_type => {
                let typed = terminal.write(&bytes).await;
                if typed.is_err() {
                    // The shell has ended, which the viewer is told after its output.
                    std::future::pending::<()>().await;
                }
            }
            Message::Text(text) => {
                let size = match serde_json::from_str(&text) {
                    Ok(ViewerMessage::Resize { cols, rows }) => size_of(cols, rows),
                    Err(_) => None,
                };
                let _ = match size {
                    Some(size) if may_type => sizes.send(size).await.is_ok(),
                    Some(_) => true,
                    None => say.send(TerminalMessage::Error { message: unknown() }).await.is_ok(),
                };
            }
            Message::Close(_) => return,
            _ => {}
        }
    }
}

fn unknown() -> String {
    let (least, most) = (TERMINAL_CELLS.start(), TERMINAL_CELLS.end());
    format!(
        "A text message must be {{\"type\":\"resize\",\"cols\":…,\"rows\":…}} with {least} to {most}. Send what is typed in binary messages."
    )
}

fn text(message: &TerminalMessage) -> Message {
    Message::Text(serde_json::to_string(message).unwrap_or_default().into())
}
