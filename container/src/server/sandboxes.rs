//! Persistent sandboxes: made, looked at, ended, and the commands in them.

use super::answers::{Answer, Denied, HEARTBEAT, Posted, broken, event_stream, find, invalid, json, read_body};
use super::sandbox_checks::{check_command, check_env, check_id_of_command};
use super::{sandbox_files, sandbox_ports, sandbox_processes, sandbox_terminals, sandbox_trees};
use crate::sandbox::{Created, NotStarted, Refused, Running, Sandbox, Sandboxes, file_error};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use docle_protocol::RefusalCode;
use docle_protocol::sandbox::process::{ProcessError, ProcessErrorCode};
use docle_protocol::sandbox::session::{MAX_SESSIONS, session_path};
use docle_protocol::sandbox::{
    ExecJob, SandboxSpec, archive_path, content_path, directory_path, env_path, exec_path, files_path, one_exec_path,
    sandbox_path,
};
use docle_protocol::tree::tree_path;
use futures_util::stream;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::RangeInclusive;
use std::sync::Arc;
use tokio::time::timeout;

/// Memory and disk that a sandbox may have, in MiB.
const MEMORY_MB: RangeInclusive<u32> = 16..=65_536;
const DISK_MB: RangeInclusive<u32> = 1..=65_536;
/// Of the id of a sandbox, after its prefix.
const ID_LENGTH: usize = 26;

/// Everything below the path of a sandbox.
pub fn routes<S>(sandboxes: Arc<Sandboxes>) -> Router<S> {
    Router::new()
        .route(&sandbox_path("{id}"), put(create_sandbox).get(read_sandbox).delete(delete_sandbox))
        .route(&env_path("{id}"), put(set_env))
        .route(&exec_path("{id}"), post(execute))
        .route(&one_exec_path("{id}", "{exec}"), delete(cancel_exec))
        .route(&files_path("{id}"), post(sandbox_files::work))
        .route(&content_path("{id}"), get(sandbox_files::read_content).put(sandbox_files::write_content))
        .route(&archive_path("{id}"), get(sandbox_files::read_archive).put(sandbox_files::write_archive))
        .route(&directory_path("{id}"), get(sandbox_files::export_directory).put(sandbox_files::import_directory))
        .route(&session_path("{id}", "{session}"), delete(delete_session))
        .merge(sandbox_processes::routes())
        .merge(sandbox_ports::routes())
        .merge(sandbox_terminals::routes())
        .route(
            &tree_path("{id}"),
            post(sandbox_trees::save_tree).put(sandbox_trees::restore_tree).patch(sandbox_trees::patch_tree),
        )
        .with_state(sandboxes)
}

async fn create_sandbox(State(sandboxes): State<Arc<Sandboxes>>, Path(id): Path<String>, body: Posted) -> Answer {
    let spec: SandboxSpec = read_body(body)?;
    check_id(&id).and_then(|()| check_spec(&spec)).map_err(invalid)?;
    let Created { sandbox, is_new } = sandboxes.create(&id, spec).await.map_err(|refused| match refused {
        Refused::Busy => Denied::of(RefusalCode::Busy, "there are as many sandboxes as there may be"),
        Refused::Unable => {
            Denied::of(RefusalCode::Busy, "no sandboxes here, because the runner may make no namespaces")
        }
        Refused::Stopping => Denied::of(RefusalCode::Stopping, "the runner is stopping"),
        Refused::Failed(error) => {
            eprintln!("sandbox.not_made sandbox.id={id} error={:?}", error.to_string());
            Denied::of(RefusalCode::Internal, error.to_string())
        }
    })?;
    answer_state(&sandbox, if is_new { StatusCode::CREATED } else { StatusCode::OK }).await
}

async fn read_sandbox(State(sandboxes): State<Arc<Sandboxes>>, Path(id): Path<String>) -> Answer {
    answer_state(&*find(&sandboxes, &id)?, StatusCode::OK).await
}

async fn set_env(State(sandboxes): State<Arc<Sandboxes>>, Path(id): Path<String>, body: Posted) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    let env: BTreeMap<String, String> = read_body(body)?;
    check_env(&env).map_err(invalid)?;
    sandbox.set_env(env);
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn answer_state(sandbox: &Sandbox, status: StatusCode) -> Answer {
    let state = sandbox.state().await.map_err(|error| broken(sandbox, &error))?;
    Ok(json(status, &state))
}

async fn delete_sandbox(State(sandboxes): State<Arc<Sandboxes>>, Path(id): Path<String>) -> Response {
    sandboxes.delete(&id).await;
    StatusCode::NO_CONTENT.into_response()
}

async fn execute(State(sandboxes): State<Arc<Sandboxes>>, Path(id): Path<String>, body: Posted) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    let job: ExecJob = read_body(body)?;
    check_exec(&job).map_err(invalid)?;
    let cwd = job.cwd.clone();
    let running = sandbox.execute(job).await.map_err(|failure| match failure {
        NotStarted::Duplicate => Denied::of(RefusalCode::Duplicate, "a command with this id runs"),
        NotStarted::TooManySessions => Denied::Process(ProcessError {
            code: ProcessErrorCode::TooManySessions,
            message: format!("The sandbox has {MAX_SESSIONS} sessions, the most that it may have. Delete one."),
        }),
        NotStarted::Directory(errno) => Denied::File(file_error(errno, cwd.as_bytes())),
        NotStarted::Failed(error) => broken(&sandbox, &error),
    })?;
    Ok(answer_events(running))
}

async fn cancel_exec(State(sandboxes): State<Arc<Sandboxes>>, Path((id, exec)): Path<(String, String)>) -> Answer {
    if find(&sandboxes, &id)?.cancel(&exec) {
        return Ok(StatusCode::ACCEPTED.into_response());
    }
    Err(Denied::of(RefusalCode::NotFound, "no command with this id runs"))
}

async fn delete_session(
    State(sandboxes): State<Arc<Sandboxes>>,
    Path((id, session)): Path<(String, String)>,
) -> Answer {
    if find(&sandboxes, &id)?.end_session(&session).await {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let message = "neither a shell nor a terminal of this session is there".to_owned();
    Err(Denied::Process(ProcessError { code: ProcessErrorCode::UnknownSession, message }))
}

/// The stream goes on with [`Running`], so that closing it ends the command.
pub(super) fn answer_events(running: Running) -> Response {
    let body = stream::unfold(running, |mut running| async move {
        let line = match timeout(HEARTBEAT, running.lines.recv()).await {
            Err(_) => Bytes::from_static(b"\n"),
            Ok(line) => line?,
        };
        Some((Ok::<_, Infallible>(line), running))
    });
    event_stream(Body::from_stream(body))
}

fn check_id(id: &str) -> Result<(), String> {
    let letters = id.strip_prefix("sbx_").unwrap_or_default();
    let is_clean = letters.len() == ID_LENGTH && letters.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
    if is_clean { Ok(()) } else { Err("id: sbx_ and 26 characters of a-z and 2-7 expected".into()) }
}

fn check_spec(spec: &SandboxSpec) -> Result<(), String> {
    for (name, range, value) in [("memoryMB", MEMORY_MB, spec.memory_mb), ("diskMB", DISK_MB, spec.disk_mb)] {
        if !range.contains(&value) {
            return Err(format!("{name}: {} to {} expected", range.start(), range.end()));
        }
    }
    check_env(&spec.env)
}

fn check_exec(job: &ExecJob) -> Result<(), String> {
    check_id_of_command(&job.id)?;
    if job.timeout_ms == 0 {
        return Err("timeoutMs: at least 1 expected".into());
    }
    if let Some(session) = &job.session {
        check_id_of_command(&session.id).map_err(|error| format!("session.{error}"))?;
        check_env(&session.env)?;
        let is_name = |name: &String| {
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            name.bytes().all(is_letter) && !name.as_bytes()[0].is_ascii_digit()
        };
        if !job.env.keys().filter(|name| !name.is_empty()).all(is_name) || job.stdin.contains('\0') {
            return Err("env, stdin: names of a shell, and no NUL, expected in a session".into());
        }
    }
    check_command(&job.command, &job.cwd, &job.env)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_exactly_of_its_alphabet() {
        assert_eq!(check_id("sbx_abcdefghijklmnopqrstuvwx27"), Ok(()));
        for wrong in [
            "",
            "sbx_",
            "abcdefghijklmnopqrstuvwxyz2345",
            "sbx_abcdefghijklmnopqrstuvwxy1",
            "sbx_../../../../../../../../../..",
        ] {
            assert!(check_id(wrong).is_err(), "{wrong}");
        }
    }
}
