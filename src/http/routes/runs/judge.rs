//! `POST /api/run/judge`: runs a program against tests.

use crate::app::App;
use crate::app::judge::judge;
use crate::app::judges;
use crate::app::runs::progress::Client;
use crate::domain::judge::request::{Decider, Judgement, parse};
use crate::domain::judge::stored;
use crate::domain::key::run_token::Claims;
use crate::http::auth::caller::ApiClient;
use crate::http::auth::key_error;
use crate::http::error::{ApiError, FieldError};
use crate::http::request::accept::wants_event_stream;
use crate::http::request::body;
use crate::http::request::call::{Call, invalid};
use crate::http::response::rate;
use crate::http::routes::judges::not_found;
use crate::http::routes::runs::several::{SeveralRuns, event, event_stream, json_stream, read_body};
use crate::ports::http_messages::Response;
use bytes::Bytes;
use docle_api::judging::JudgeEvent;
use docle_api::limits::MAX_PUBLISHABLE_TESTS;
use futures::{StreamExt, future};

/// Judges a program. The call counts once against the limit of the key, and each test and each check is a run.
pub async fn judge_run(app: &App, mut call: Call) -> Result<Response, ApiError> {
    body::check_declared_size(&call.parts.headers, &mut call.body).await?;
    let client = ApiClient::extract_for_run(app, &call).await?;
    let rate = client.rate;
    rate::with_headers(judge_for(app, call, client).await, &rate, app.clock.now())
}

async fn judge_for(app: &App, call: Call, client: ApiClient) -> Result<Response, ApiError> {
    let SeveralRuns { headers, mut body, once } = read_body(call, &client).await?;
    let judge_id = stored::take_id(&mut body).map_err(ApiError::invalid)?;
    let is_stored = judge_id.is_some();
    match judge_id {
        Some(id) => {
            let settings = judges::settings(app, &client.owner.project_id, &id).await?;
            stored::add_settings(&mut body, settings.ok_or_else(not_found)?);
        }
        None if client.is_publishable => return Err(key_error::publishable_key_runs_one()),
        None => {}
    }
    let mut judgement = parse(body, app.config.max_timeout_ms).map_err(ApiError::invalid)?;
    if client.is_publishable && judgement.tests.len() > MAX_PUBLISHABLE_TESTS {
        let message = format!("has more than {MAX_PUBLISHABLE_TESTS} tests, the most for a publishable key");
        return Err(invalid("judge", message));
    }
    if once.is_some() && matches!(judgement.decider, Decider::Interactor(_)) {
        return Err(invalid("Idempotency-Key", "is not available with \"interactor\": leave one of them out"));
    }
    if let Some(token) = &client.token {
        restrict(token, &mut judgement).map_err(ApiError::invalid)?;
    }
    let project_id = client.owner.project_id.clone();
    let log = app.log.clone();
    let explain = Box::new(move |failure| ApiError::from(failure).logged(&*log).message().to_owned());
    let is_hidden = is_stored && (client.token.is_some() || client.is_anybody);
    let mut client = Client::from(client);
    if is_hidden {
        // A token reads the runs that it has started, with their input.
        client.token = None;
    }
    let events = judge(app, client, (judgement, once), explain);
    let events = if is_hidden { events.map(stored::without_tests).boxed_local() } else { events };
    if wants_event_stream(&headers) {
        let events = events.map(|told| match &told {
            JudgeEvent::Test { .. } => event("test", &told),
            JudgeEvent::Complete { .. } => event("complete", &told),
        });
        return Ok(event_stream(app, events.boxed_local(), project_id));
    }
    let result = events.filter_map(|event| {
        future::ready(match event {
            JudgeEvent::Test { .. } => None,
            JudgeEvent::Complete { result } => Some(encode(&result)),
        })
    });
    Ok(json_stream(app, result.boxed_local(), project_id))
}

fn encode(value: &impl serde::Serialize) -> Bytes {
    serde_json::to_vec(value).expect("answers are plain data with string keys, which always encodes").into()
}

/// Holds the program, the checker and the tests to what a run token allows.
fn restrict(token: &Claims, judgement: &mut Judgement) -> Result<(), Vec<FieldError>> {
    token.restrict_program("", &mut judgement.program)?;
    let at = format!("{}.", judgement.decider.name());
    if let Some(program) = judgement.decider.program_mut() {
        program.user_context = judgement.program.user_context.clone();
        token.restrict_program(&at, program)?;
    }
    for test in &mut judgement.tests {
        test.timeout_ms = test.timeout_ms.map(|timeout_ms| timeout_ms.min(token.limits.timeout_ms));
    }
    Ok(())
}
