//! Contexts of sandboxes: made, looked at, restarted, ended, and the cells in them.

use super::answers::{Answer, Denied, Posted, broken, find, invalid, json, read_body};
use super::sandbox_checks::{check_env, check_id_of_command};
use super::sandboxes::answer_events;
use crate::sandbox::{NoContext, NotReady, Opened, Sandbox, Sandboxes, file_error};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post, put};
use docle_protocol::RefusalCode;
use docle_protocol::context::{
    CellJob, ContextSpec, MAX_CODE_BYTES, MAX_CONTEXTS, cells_path, context_path, contexts_path, interrupt_path,
    restart_path,
};
use std::sync::Arc;

/// A context of a sandbox, by their ids.
type Ids = Path<(String, String)>;

/// Everything below the contexts of a sandbox.
pub fn routes<S>(sandboxes: Arc<Sandboxes>) -> Router<S> {
    Router::new()
        .route(&contexts_path("{id}"), get(list_contexts))
        .route(&context_path("{id}", "{context}"), put(open_context).delete(close_context))
        .route(&restart_path("{id}", "{context}"), post(restart_context))
        .route(&interrupt_path("{id}", "{context}"), post(interrupt_context))
        .route(&cells_path("{id}", "{context}"), post(run_cell))
        .with_state(sandboxes)
}

async fn list_contexts(State(sandboxes): State<Arc<Sandboxes>>, Path(id): Path<String>) -> Answer {
    Ok(json(StatusCode::OK, &find(&sandboxes, &id)?.contexts()))
}

async fn open_context(State(sandboxes): State<Arc<Sandboxes>>, Path((id, context)): Ids, body: Posted) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    let spec: ContextSpec = read_body(body)?;
    check_id_of_command(&context).and_then(|()| check_spec(&spec)).map_err(invalid)?;
    let cwd = spec.cwd.clone();
    let opened = sandbox.open_context(&context, spec).await.map_err(|failure| denied(&sandbox, failure, &cwd))?;
    let Opened { state, is_new } = opened;
    Ok(json(if is_new { StatusCode::CREATED } else { StatusCode::OK }, &state))
}

async fn close_context(State(sandboxes): State<Arc<Sandboxes>>, Path((id, context)): Ids) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    match sandbox.close_context(&context).await {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => Err(denied(&sandbox, NoContext::Unknown, "")),
    }
}

async fn restart_context(State(sandboxes): State<Arc<Sandboxes>>, Path((id, context)): Ids) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    let state = sandbox.restart_context(&context).await.map_err(|failure| denied(&sandbox, failure, ""))?;
    Ok(json(StatusCode::OK, &state))
}

async fn interrupt_context(State(sandboxes): State<Arc<Sandboxes>>, Path((id, context)): Ids) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    sandbox.interrupt_context(&context).map_err(|failure| denied(&sandbox, failure, ""))?;
    Ok(StatusCode::ACCEPTED.into_response())
}

async fn run_cell(State(sandboxes): State<Arc<Sandboxes>>, Path((id, context)): Ids, body: Posted) -> Answer {
    let sandbox = find(&sandboxes, &id)?;
    let job: CellJob = read_body(body)?;
    check_cell(&job).map_err(invalid)?;
    let running = sandbox.run_cell(&context, job).map_err(|failure| denied(&sandbox, failure, ""))?;
    Ok(answer_events(running))
}

fn denied(sandbox: &Sandbox, failure: NoContext, cwd: &str) -> Denied {
    match failure {
        NoContext::Unknown => Denied::of(RefusalCode::UnknownContext, "the sandbox has no such context"),
        NoContext::TooMany => {
            Denied::of(RefusalCode::TooManyContexts, format!("a sandbox has at most {MAX_CONTEXTS} contexts"))
        }
        NoContext::Busy => Denied::of(RefusalCode::Busy, "too many cells wait in this context"),
        NoContext::Duplicate => Denied::of(RefusalCode::Duplicate, "a command with this id runs"),
        NoContext::NotReady(NotReady::Directory(errno)) => Denied::File(file_error(errno, cwd.as_bytes())),
        NoContext::NotReady(NotReady::Failed(error)) => broken(sandbox, &error),
    }
}

fn check_spec(spec: &ContextSpec) -> Result<(), String> {
    if spec.cwd.contains('\0') {
        return Err("cwd: no NUL expected".into());
    }
    check_env(&spec.env)
}

fn check_cell(job: &CellJob) -> Result<(), String> {
    check_id_of_command(&job.id)?;
    if job.timeout_ms == 0 {
        return Err("timeoutMs: at least 1 expected".into());
    }
    if job.code.len() > MAX_CODE_BYTES {
        return Err(format!("code: at most {MAX_CODE_BYTES} bytes expected"));
    }
    check_env(&job.env)
}
