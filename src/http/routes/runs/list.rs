//! `GET /api/runs`: the runs of a project, or of a run token.

use crate::app::App;
use crate::app::runs::list;
use crate::domain::timestamp::Timestamp;
use crate::domain::usage_log::name::LogId;
use crate::domain::usage_log::query::RunFilter;
use crate::http::auth::caller::{ApiClient, SignedIn};
use crate::http::auth::key_error;
use crate::http::error::ApiError;
use crate::http::request::call::{Call, invalid};
use crate::http::response::respond;
use crate::http::routes::{projects, usage};
use crate::ports::ListedRun;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use docle_api::limits::MAX_USER_CONTEXT_BYTES;
use docle_api::pending_runs::{ListedPendingRun, PendingStatus, RunList};
use docle_languages::{RunLanguage, ScriptLanguage};
use docle_protocol::RunStatus;

/// Lists runs. A key sees those of its project, a run token those that it started, a session those of the
/// project that it names. Reading does not count against the limit of the key.
pub async fn list_runs(app: &App, call: Call) -> Result<Response, ApiError> {
    let (project, token) = match ApiClient::extract_if_present(app, &call).await? {
        Some(client) if client.is_anybody => return Err(key_error::publishable_key_not_enough()),
        Some(client) if call.query("project").is_some_and(|project| project != client.owner.project_id) => {
            return Err(projects::not_found());
        }
        Some(client) => ((client.owner.project_id, client.owner.log_id), client.token.map(|token| token.id)),
        None => (project_of_session(app, &call).await?, None),
    };
    let filter = RunFilter { token, ..filter(&call)? };
    let runs = list::list_runs(app, (&project.0, project.1), filter, &call.page()?).await?;
    let list = RunList {
        pending: runs.pending.map(|pending| pending.into_iter().map(encode_pending).collect()),
        history: runs.ended.into_iter().map(usage::encode_run).collect(),
        next_cursor: runs.next,
    };
    Ok(respond::json(StatusCode::OK, &list))
}

fn encode_pending(run: ListedRun) -> ListedPendingRun {
    ListedPendingRun {
        id: run.id.to_string(),
        language: run.language,
        code_snippet: run.snippet,
        status: run.phase.into(),
        created_at: run.created_at.into(),
        api_key_id: run.key_id,
        user_context: run.user_context,
    }
}

/// The project that a session asks about: its id and its log.
async fn project_of_session(app: &App, call: &Call) -> Result<(String, LogId), ApiError> {
    let caller = SignedIn::extract_if_present(app, call).await?.ok_or_else(|| key_error::missing(app, call))?;
    let project = call
        .query("project")
        .ok_or_else(|| invalid("project", "must be the id of one of your projects; a key and a run token need none"))?;
    let log = projects::find(app, &caller, &project).await?.log_id;
    Ok((project, log))
}

fn filter(call: &Call) -> Result<RunFilter, ApiError> {
    Ok(RunFilter {
        status: call.query("status").map(status).transpose()?,
        language: call.query("language").map(|name| language(&name)).transpose()?,
        end_user: call.query("user").map(user).transpose()?,
        token: None,
        key: call.query("key").map(key).transpose()?,
        from: time(call, "from")?,
        to: time(call, "to")?,
    })
}

fn status(name: String) -> Result<String, ApiError> {
    let ended = RunStatus::ALL.iter().map(|status| status.name());
    let names: Vec<_> = PendingStatus::ALL.iter().map(|status| status.name()).chain(ended).collect();
    match names.contains(&name.as_str()) {
        true => Ok(name),
        false => Err(invalid("status", format!("must be \"{}\"", names.join("\" or \"")))),
    }
}

/// The id of a language, by any of its names.
fn language(name: &str) -> Result<String, ApiError> {
    let program = RunLanguage::meant_by(name).map(|language| language.name());
    let language = program.or_else(|| ScriptLanguage::meant_by(name).map(|language| language.name()));
    language
        .map(str::to_owned)
        .ok_or_else(|| invalid("language", "must be a language of GET /languages, such as \"python\""))
}

fn user(id: String) -> Result<String, ApiError> {
    match (1..=MAX_USER_CONTEXT_BYTES).contains(&id.len()) {
        true => Ok(id),
        false => Err(invalid("user", "must be a userContext.id")),
    }
}

/// The id of a key. One that has no runs is no error: a key may be revoked, and its runs are listed on.
fn key(id: String) -> Result<String, ApiError> {
    match id.starts_with("key_") {
        true => Ok(id),
        false => Err(invalid("key", "must be the id of a key, such as \"key_9b1deb4d3b7d4bad9bdd\"")),
    }
}

/// A time in UTC, or milliseconds since 1970.
fn time(call: &Call, name: &str) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = call.query(name) else { return Ok(None) };
    let time = text.parse().ok().filter(|ms| *ms >= 0).map(Timestamp).or_else(|| Timestamp::parse(&text));
    time.map(Some)
        .ok_or_else(|| invalid(name, "must be a time such as 2026-01-31T12:00:00Z, or milliseconds since 1970"))
}
