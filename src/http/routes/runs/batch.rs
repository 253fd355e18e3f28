//! `POST /api/run/batch`: several runs in one call.

use crate::app::App;
use crate::app::batch::{BatchOutcome, run_batch};
use crate::app::runs::series::EndedRun;
use crate::domain::batch::request::{Batch, parse};
use crate::domain::key::run_token::Claims;
use crate::http::auth::caller::ApiClient;
use crate::http::auth::key_error;
use crate::http::error::{ApiError, FieldError};
use crate::http::request::accept::wants_event_stream;
use crate::http::request::body;
use crate::http::request::call::Call;
use crate::http::response::rate;
use crate::http::routes::runs::several::{SeveralRuns, event, event_stream, json_stream, read_body};
use crate::ports::Log;
use crate::ports::http_messages::Response;
use bytes::Bytes;
use docle_api::batches::{BatchError, BatchEvent, Shortened};
use docle_protocol::{RunStatus, Truncated};
use futures::stream::{self, LocalBoxStream};
use futures::{StreamExt, future};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Runs a batch. The call counts once against the limit of the key, and each run is a run of the project.
pub async fn batch_runs(app: &App, mut call: Call) -> Result<Response, ApiError> {
    body::check_declared_size(&call.parts.headers, &mut call.body).await?;
    let client = ApiClient::extract_for_run(app, &call).await?;
    let rate = client.rate;
    rate::with_headers(batch_for(app, call, client).await, &rate, app.clock.now())
}

async fn batch_for(app: &App, call: Call, client: ApiClient) -> Result<Response, ApiError> {
    if client.is_publishable {
        return Err(key_error::publishable_key_runs_one());
    }
    let SeveralRuns { headers, body, once } = read_body(call, &client).await?;
    let mut batch = parse(body, app.config.max_timeout_ms).map_err(ApiError::invalid)?;
    if let Some(token) = &client.token {
        restrict(token, &mut batch).map_err(ApiError::invalid)?;
    }
    let project_id = client.owner.project_id.clone();
    let log = app.log.clone();
    let counts = Rc::new(Counts::default());
    let counted = Rc::clone(&counts);
    let runs = run_batch(app, client.into(), batch, once).map(move |(index, outcome)| {
        counted.count(&outcome);
        (index, encode(index, outcome, &*log))
    });
    if wants_event_stream(&headers) {
        let runs = runs.map(|(_, run)| [b"event: run\ndata: {\"type\":\"run\",", &run[1..], b"\n\n"].concat().into());
        let complete = stream::once(async move { event("complete", &counts.complete()) });
        return Ok(event_stream(app, runs.chain(complete).boxed_local(), project_id));
    }
    let pieces = in_order(runs.boxed_local());
    let begin = stream::iter([Bytes::from_static(b"{\"results\":[")]);
    let end = stream::iter([Bytes::from_static(b"]}")]);
    Ok(json_stream(app, begin.chain(pieces).chain(end).boxed_local(), project_id))
}

/// How the runs of a batch have ended.
#[derive(Default)]
struct Counts {
    succeeded: Cell<u32>,
    failed: Cell<u32>,
    refused: Cell<u32>,
}

impl Counts {
    fn count(&self, outcome: &BatchOutcome) {
        let count = match outcome {
            Ok(run) if run.result.status == RunStatus::Success => &self.succeeded,
            Ok(_) => &self.failed,
            Err(_) => &self.refused,
        };
        count.set(count.get() + 1);
    }

    fn complete(&self) -> BatchEvent {
        let Self { succeeded, failed, refused } = self;
        BatchEvent::Complete { succeeded: succeeded.get(), failed: failed.get(), refused: refused.get() }
    }
}

/// One run as a JSON object.
fn encode(index: u32, outcome: BatchOutcome, log: &dyn Log) -> Bytes {
    match outcome {
        Ok(EndedRun { result, output, shortened: Truncated { stdout, stderr } }) => {
            let shortened = match stdout || stderr {
                true => format!(",\"shortened\":{}", text(&Shortened { stdout, stderr })),
                false => String::new(),
            };
            let begin = format!("{{\"index\":{index},\"result\":");
            [begin.as_bytes(), &result.json(&output), shortened.as_bytes(), b"}"].concat().into()
        }
        Err(failure) => {
            let error = ApiError::from(failure).logged(log);
            let error = BatchError { code: error.code(), message: error.message().to_owned() };
            format!("{{\"index\":{index},\"error\":{}}}", text(&error)).into()
        }
    }
}

fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("answers are plain data with string keys, which always encodes")
}

/// The runs in the order of the request, as the entries of a list. Those that end early wait here.
fn in_order(runs: LocalBoxStream<'static, (u32, Bytes)>) -> LocalBoxStream<'static, Bytes> {
    let (mut next, mut waiting) = (0, BTreeMap::new());
    let entries = runs.filter_map(move |(index, run)| {
        waiting.insert(index, run);
        let mut entries = Vec::new();
        while let Some(run) = waiting.remove(&next) {
            if next > 0 {
                entries.push(b',');
            }
            entries.extend_from_slice(&run);
            next += 1;
        }
        future::ready((!entries.is_empty()).then(|| entries.into()))
    });
    entries.boxed_local()
}

/// Holds all programs to what a run token allows.
fn restrict(token: &Claims, batch: &mut Batch) -> Result<(), Vec<FieldError>> {
    match batch {
        Batch::Inputs(program, _) => token.restrict_program("", program),
        Batch::Programs(runs) => {
            let mut runs = runs.iter_mut().enumerate();
            runs.try_for_each(|(index, run)| token.restrict_program(&format!("runs[{index}]."), &mut run.program))
        }
    }
}
