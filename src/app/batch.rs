//! Runs a batch: several programs, or one program with several inputs.

use crate::app::context::App;
use crate::app::runs::progress::{Client, NotStarted};
use crate::app::runs::series::{EndedRun, Series, at_once, size_of};
use crate::domain::batch::request::Batch;
use crate::domain::run::id::RunId;
use crate::domain::run::idempotency::{Fingerprint, IdempotencyKey};
use crate::domain::run::output_start::OutputStart;
use crate::domain::run::request::{ProgramInput, RunRequest};
use docle_api::limits::MAX_BATCH_OUTPUT_BYTES;
use futures::StreamExt;
use futures::stream::{self, LocalBoxStream};
use std::rc::Rc;

/// How a run of a batch ended, or why it was not started.
pub type BatchOutcome = Result<EndedRun, NotStarted>;

/// Runs a batch. Each run comes as it ends, with its place in the request. Dropping the stream ends the runs in progress, unless
/// the call has an idempotency key, and starts no further one.
pub fn run_batch(
    app: &App,
    client: Client,
    batch: Batch,
    once: Option<(IdempotencyKey, Fingerprint)>,
) -> LocalBoxStream<'static, (u32, BatchOutcome)> {
    let series = Rc::new(Series::new(app.clone(), client, once));
    let at_once = at_once(largest(&batch));
    let count = u32::try_from(batch.len()).unwrap_or(u32::MAX);
    let runs = stream::iter((0..count).zip(requests(batch)));
    let ended = runs.map(move |(index, request)| {
        let series = Rc::clone(&series);
        async move {
            let output = OutputStart::new(MAX_BATCH_OUTPUT_BYTES, MAX_BATCH_OUTPUT_BYTES);
            (index, series.run(&index.to_string(), request, output).await)
        }
    });
    ended.buffer_unordered(at_once).boxed_local()
}

/// The requests, each made when it is its turn. The series gives each run its id.
fn requests(batch: Batch) -> Box<dyn Iterator<Item = RunRequest>> {
    let id = RunId::from_random([0; 16]);
    match batch {
        Batch::Inputs(program, inputs) => {
            Box::new(inputs.into_iter().map(move |input| RunRequest::new((*program).clone(), id, input)))
        }
        Batch::Programs(runs) => Box::new(runs.into_iter().map(move |run| run.with_id(id))),
    }
}

/// Bytes of the source and the input of the largest run. Of outputs little is kept.
fn largest(batch: &Batch) -> usize {
    let of_input = |input: &ProgramInput| input.stdin.len();
    match batch {
        Batch::Inputs(program, inputs) => {
            size_of(&program.files) + inputs.iter().map(of_input).max().unwrap_or_default()
        }
        Batch::Programs(runs) => {
            let sizes = runs.iter().map(|run| size_of(&run.program.files) + of_input(&run.input));
            sizes.max().unwrap_or_default()
        }
    }
}
