//! `/api/v1/sandboxes/:id/contexts`.

use crate::app::App;
use crate::app::sandboxes;
use crate::domain::sandbox::cell::{is_context_id, parse_context};
use crate::http::auth::sandbox_caller::SandboxCaller;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::http::routes::sandboxes::refusal::with_restored_from;
use crate::ports::contexts::ContextAction;
use crate::ports::http_messages::Response;
use crate::ports::sandboxes::{Given, SandboxOf, SandboxRefusal};
use ::http::StatusCode;
use docle_api::contexts::{CodeContext, ContextList};
use docle_protocol::context::ContextState;

/// `POST …/contexts`: makes a context, and starts its interpreter.
pub async fn create_context(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    let (language, _) = sandboxes::program_settings(app, &sandbox).await?;
    let spec = parse_context(call.optional_json().await?, language).map_err(ApiError::invalid)?;
    let id = format!("ctx_{}", hex::encode(app.random::<12>()));
    one(app, &sandbox, StatusCode::CREATED, ContextAction::Create { id, spec }).await
}

/// `GET …/contexts`.
pub async fn list_contexts(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_uncounted(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    let Given { value, restored_from } = app.sandboxes.contexts(&sandbox, &ContextAction::List).await?;
    let list = ContextList { contexts: value.into_iter().map(encode).collect() };
    Ok(with_restored_from(respond::json(StatusCode::OK, &list), restored_from))
}

/// `DELETE …/contexts/:context`: ends it with everything that it has started.
pub async fn delete_context(app: &App, call: Call) -> Result<Response, ApiError> {
    none(app, &call, |id| ContextAction::Delete { id }).await
}

/// `POST …/contexts/:context/restart`: starts its interpreter anew, empty.
pub async fn restart_context(app: &App, call: Call) -> Result<Response, ApiError> {
    let (sandbox, id) = named(app, &call).await?;
    one(app, &sandbox, StatusCode::OK, ContextAction::Restart { id }).await
}

/// `POST …/contexts/:context/interrupt`: interrupts the cell that runs, if one does.
pub async fn interrupt_context(app: &App, call: Call) -> Result<Response, ApiError> {
    none(app, &call, |id| ContextAction::Interrupt { id }).await
}

async fn named(app: &App, call: &Call) -> Result<(SandboxOf, String), ApiError> {
    let caller = SandboxCaller::extract_uncounted(app, call).await?;
    let sandbox = caller.sandbox(app, call).await?;
    let id = call.param(1).to_owned();
    if is_context_id(&id) { Ok((sandbox, id)) } else { Err(SandboxRefusal::NoContext.into()) }
}

async fn one(app: &App, sandbox: &SandboxOf, status: StatusCode, action: ContextAction) -> Result<Response, ApiError> {
    let Given { value, restored_from } = app.sandboxes.contexts(sandbox, &action).await?;
    let context = value.into_iter().next();
    let context = context.ok_or_else(|| ApiError::new(ErrorCode::Internal, "A context has no state."))?;
    Ok(with_restored_from(respond::json(status, &encode(context)), restored_from))
}

async fn none(app: &App, call: &Call, action: impl Fn(String) -> ContextAction) -> Result<Response, ApiError> {
    let (sandbox, id) = named(app, call).await?;
    let Given { restored_from, .. } = app.sandboxes.contexts(&sandbox, &action(id)).await?;
    Ok(with_restored_from(respond::empty(), restored_from))
}

fn encode(state: ContextState) -> CodeContext {
    CodeContext {
        id: state.id,
        language: state.language.name().to_owned(),
        cwd: state.cwd,
        running: state.is_running,
        execution_count: state.cells,
        start_ms: state.start_ms,
    }
}
