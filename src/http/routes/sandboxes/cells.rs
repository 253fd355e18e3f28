//! `POST /api/v1/sandboxes/:id/code` and `…/contexts/:context/run`: runs a cell of code.

use crate::app::App;
use crate::app::sandboxes;
use crate::domain::sandbox::cell::{default_context, default_spec, is_context_id, parse_cell};
use crate::http::auth::sandbox_caller::SandboxCaller;
use crate::http::error::ApiError;
use crate::http::request::accept::wants_event_stream;
use crate::http::request::body;
use crate::http::request::call::{Call, invalid};
use crate::http::routes::sandboxes::cell_answer::{StartedCell, answer};
use crate::http::routes::sandboxes::cell_output::decode;
use crate::http::routes::sandboxes::exec::{new_id, read_body};
use crate::http::routes::sandboxes::refusal::with_restored_from;
use crate::ports::contexts::CellCall;
use crate::ports::http_messages::Response;
use crate::ports::sandboxes::{Given, SandboxOf, SandboxRefusal};
use docle_languages::ContextLanguage;

/// `POST /api/v1/sandboxes/:id/code`: in the default context of a language.
pub async fn run_code(app: &App, call: Call) -> Result<Response, ApiError> {
    run(app, call, None).await
}

/// `POST /api/v1/sandboxes/:id/contexts/:context/run`: in this context.
pub async fn run_in_context(app: &App, call: Call) -> Result<Response, ApiError> {
    let context = call.param(1).to_owned();
    run(app, call, Some(context)).await
}

async fn run(app: &App, mut call: Call, context: Option<String>) -> Result<Response, ApiError> {
    body::check_declared_size(&call.parts.headers, &mut call.body).await?;
    let caller = SandboxCaller::extract(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    let wants_events = wants_event_stream(call.headers());
    let body = read_body(call).await?;
    let (job, language) = parse_cell(body, new_id(app), app.config.max_timeout_ms).map_err(ApiError::invalid)?;
    let cell = match (context, language) {
        (Some(_), Some(_)) => {
            return Err(invalid("language", "must not be sent with a context in the path, which has one"));
        }
        (Some(context), None) if !is_context_id(&context) => return Err(SandboxRefusal::NoContext.into()),
        (Some(context), None) => CellCall { context, default: None, job },
        (None, language) => {
            let language = match language {
                Some(language) => language,
                None => ContextLanguage::of_sandbox(sandboxes::program_settings(app, &sandbox).await?.0),
            };
            CellCall { context: default_context(language), default: Some(default_spec(language)), job }
        }
    };
    let started = start(app, &sandbox, cell).await?;
    let restored_from = started.restored_from;
    let response = answer(app, started, wants_events).await?;
    Ok(with_restored_from(response, restored_from))
}

async fn start(app: &App, sandbox: &SandboxOf, cell: CellCall) -> Result<StartedCell, ApiError> {
    let at = app.clock.now();
    let Given { value, restored_from } = app.sandboxes.run_cell(sandbox, &cell).await?;
    let CellCall { context, job, .. } = cell;
    Ok(StartedCell { id: job.id, context, at, start_ms: None, restored_from, progress: decode(value) })
}
