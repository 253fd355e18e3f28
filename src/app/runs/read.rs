//! Reads the results of runs.

use crate::app::context::App;
use crate::app::runs::progress::Progress;
use crate::domain::project::guard::Guard;
use crate::domain::run::id::RunId;
use crate::domain::run::record::{Chunks, StoredRun};
use crate::domain::run::result::{RunResult, with_fields_before};
use crate::domain::timestamp::Timestamp;
use crate::ports::{FoundRecord, Kv, Level, Log, PortError};
use crate::store;
use bytes::Bytes;
use docle_protocol::{RunReport, RunStatus, Stream};
use futures::StreamExt;
use futures::stream::{self, LocalBoxStream};
use serde::Deserialize;
use serde_json::json;
use std::rc::Rc;

/// The waits before a missing record is read again, in milliseconds. A record reaches its log a moment after the response of
/// its run, and KV can show a value a moment after it was written.
const LOOK_AGAIN_AFTER_MS: [u32; 2] = [100, 400];

/// The caller that reads a result.
pub enum Reader {
    /// A caller who knows its id and nothing else.
    Anyone,
    /// The holder of one of this project's keys.
    Project(String),
    /// The holder of a run token with this id, for a key of this project.
    Token { project_id: String, token: String },
    /// A signed-in user.
    User(String),
}

impl Reader {
    /// Whether the run is the reader's own.
    fn owns(&self, guard: &Guard, run: &StoredRun<'_>) -> bool {
        match self {
            Self::Anyone => false,
            Self::Project(id) => *id == guard.project_id,
            Self::Token { project_id, token } => *project_id == guard.project_id && run.token.as_ref() == Some(token),
            Self::User(id) => guard.user_id.as_ref() == Some(id),
        }
    }
}

/// A result that is read again.
pub enum ReadRun {
    /// As one JSON object.
    Whole(Bytes),
    /// A JSON object whose output is stored apart.
    Apart(ResultApart),
}

/// A JSON object without its output, and where that is.
pub struct ResultApart {
    pub id: RunId,
    /// The object, without `stdout` and `stderr`.
    pub json: Bytes,
    pub chunks: Chunks,
}

/// The result of a run, with its `input` if it is the reader's own; `None` if the run
/// is not kept, or the reader may not read it. The log that keeps the run knows the settings of the project as they are now,
/// so a change of `privateResults` also applies to existing results.
pub async fn read_run(app: &App, id: RunId, reader: &Reader) -> Result<Option<ReadRun>, PortError> {
    let Some((guard, record)) = find(app, id).await? else { return Ok(None) };
    let stored = parse(&record)?;
    let is_owner = reader.owns(&guard, &stored);
    if guard.private_results && !is_owner {
        return Ok(None);
    }
    read_stored(app, id, &stored, is_owner).await.map(Some)
}

/// How a run ended that is the caller's own, with its result; `None` if the caller has no such run, or it is not kept.
pub async fn own_run(app: &App, id: RunId, reader: &Reader) -> Result<Option<(RunStatus, ReadRun)>, PortError> {
    #[derive(Deserialize)]
    struct Ended {
        status: RunStatus,
    }
    let Some((guard, record)) = find(app, id).await? else { return Ok(None) };
    let stored = parse(&record)?;
    if !reader.owns(&guard, &stored) {
        return Ok(None);
    }
    let unreadable = |error: serde_json::Error| PortError(format!("The result of a run is unreadable: {error}"));
    let Ended { status } = serde_json::from_str(stored.result.get()).map_err(unreadable)?;
    Ok(Some((status, read_stored(app, id, &stored, false).await?)))
}

async fn read_stored(app: &App, id: RunId, stored: &StoredRun<'_>, with_input: bool) -> Result<ReadRun, PortError> {
    let result = stored.result.get().as_bytes();
    let json = if with_input {
        let input = match stored.has_input_apart() {
            false => Bytes::copy_from_slice(stored.input.get().as_bytes()),
            true => store::runs::input(&*app.runs, id).await?.unwrap_or_else(|| b"null".to_vec()).into(),
        };
        with_fields_before(result, &format!(r#""input":{},"#, String::from_utf8_lossy(&input)))
    } else {
        Bytes::copy_from_slice(result)
    };
    Ok(match stored.chunks {
        None => ReadRun::Whole(json),
        Some(chunks) => ReadRun::Apart(ResultApart { id, json, chunks }),
    })
}

/// A run that has ended, as if it went on now; `None` if its record was deleted.
pub async fn ended_run(
    app: &App,
    id: RunId,
    created_at: Timestamp,
) -> Result<Option<LocalBoxStream<'static, Progress>>, PortError> {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Inline {
        stdout: String,
        stderr: String,
    }
    let Some((_, record)) = find(app, id).await? else { return Ok(None) };
    let stored = parse(&record)?;
    let unreadable = |error: serde_json::Error| PortError(format!("The result of a run is unreadable: {error}"));
    let report: RunReport = serde_json::from_str(stored.result.get()).map_err(unreadable)?;
    let complete = Progress::Complete(RunResult::from_report(id, created_at, report));
    let output = match stored.chunks {
        Some(chunks) => {
            let (runs, log) = (Rc::clone(&app.runs), Rc::clone(&app.log));
            stream::iter(Stream::ALL)
                .flat_map(move |of| {
                    let text = output(Rc::clone(&runs), Rc::clone(&log), id, of, chunks);
                    text.map(move |text| Progress::Output(of, text))
                })
                .boxed_local()
        }
        None => {
            let Inline { stdout, stderr } = serde_json::from_str(stored.result.get()).map_err(unreadable)?;
            let pieces = [Progress::Output(Stream::Stdout, stdout), Progress::Output(Stream::Stderr, stderr)];
            let is_empty = |piece: &Progress| matches!(piece, Progress::Output(_, text) if text.is_empty());
            stream::iter(pieces.into_iter().filter(move |piece| !is_empty(piece))).boxed_local()
        }
    };
    Ok(Some(output.chain(stream::iter([complete])).boxed_local()))
}

/// The output of one stream that is stored apart, chunk by chunk. It ends early if a chunk cannot be read.
pub fn output(
    runs: Rc<dyn Kv>,
    log: Rc<dyn Log>,
    id: RunId,
    of: Stream,
    mut chunks: Chunks,
) -> LocalBoxStream<'static, String> {
    let count = *chunks.of(of);
    let text = stream::unfold((runs, log, 0), move |(runs, log, number)| async move {
        if number >= count {
            return None;
        }
        match store::runs::chunk(&*runs, id, of, number).await {
            Ok(Some(chunk)) => Some((String::from_utf8_lossy(&chunk).into_owned(), (runs, log, number + 1))),
            missing => {
                let why = missing.err().map_or_else(|| "It does not exist.".to_owned(), |error| error.0);
                let message = "A part of the output of a run could not be read.";
                log.write(Level::Error, json!({ "message": message, "run.id": id, "error": why }));
                None
            }
        }
    });
    text.boxed_local()
}

fn parse(record: &[u8]) -> Result<StoredRun<'_>, PortError> {
    serde_json::from_slice(record).map_err(|error| PortError(format!("A record of a run is unreadable: {error}")))
}

/// The record of a run with the guard of its project, from the log that the id leads to, or from KV if the log says so. A
/// record that is missing is looked for again.
async fn find(app: &App, id: RunId) -> Result<Option<(Guard, Vec<u8>)>, PortError> {
    let mut waits = LOOK_AGAIN_AFTER_MS.into_iter();
    loop {
        if let Some(FoundRecord { guard, record }) = app.logs.record(id).await? {
            let record = match record {
                Some(record) => Some(record),
                None => store::runs::get(&*app.runs, id).await?,
            };
            if let Some(record) = record {
                return Ok(Some((guard, record)));
            }
        }
        match waits.next() {
            Some(wait) => app.clock.sleep(wait).await,
            None => return Ok(None),
        }
    }
}
