//! Reads the results of runs.

use crate::app::context::App;
use crate::app::runs::progress::{Progress, of_script};
use crate::domain::project::guard::Guard;
use crate::domain::run::id::RunId;
use crate::domain::run::phase::Phase;
use crate::domain::run::record::{Chunks, Owner, StoredRun};
use crate::domain::run::result::{RunResult, with_fields_before};
use crate::domain::timestamp::Timestamp;
use crate::ports::{FoundRecord, Kv, Level, Log, PendingRun, PoolFailure, PortError};
use crate::store::{self, projects};
use bytes::Bytes;
use docle_api::pending_runs::OutputSoFar;
use docle_api::time::Time;
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
    Project(Owner),
    /// The holder of a run token with this id, for a key of this project.
    Token { owner: Owner, token: String },
    /// A signed-in user.
    User(String),
}

impl Reader {
    /// Whether a run of this project, which this token has started, is the reader's own.
    fn owns(&self, guard: &Guard, run_token: Option<&String>) -> bool {
        match self {
            Self::Anyone => false,
            Self::Project(owner) => owner.project_id == guard.project_id,
            Self::Token { owner, token } => owner.project_id == guard.project_id && run_token == Some(token),
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
    let Some(found) = find(app, id).await? else { return Ok(None) };
    read_found(app, id, found, reader).await
}

/// A run that a reader may read.
pub enum FoundRun {
    Ended(ReadRun),
    /// It goes on in the pool of this project.
    Pending {
        project_id: String,
        run: PendingRun,
    },
}

/// The run with this id, whether it has ended or not; `None` if there is none that the reader may read.
pub async fn find_run(app: &App, id: RunId, reader: &Reader) -> Result<Option<FoundRun>, FindError> {
    if let Some(found) = find_once(app, id).await? {
        return Ok(read_found(app, id, found, reader).await?.map(FoundRun::Ended));
    }
    let guard = match reader {
        // The pool of the project is known, and all of its runs are the reader's own.
        Reader::Project(owner) if owner.log_id == id.log().log => {
            Some(Guard { project_id: owner.project_id.clone(), user_id: None, private_results: true })
        }
        _ => {
            // A run that has just ended needs no database, for any caller.
            app.clock.sleep(LOOK_AGAIN_AFTER_MS[0]).await;
            if let Some(found) = find_once(app, id).await? {
                return Ok(read_found(app, id, found, reader).await?.map(FoundRun::Ended));
            }
            projects::read_guard(app.sql.query(projects::select_guard(id.log().log)).await?)?
        }
    };
    let Some(guard) = guard else { return Ok(None) };
    let pending = app.run_pools.pending(&guard.project_id, id).await?;
    let pending = pending.filter(|run| !guard.private_results || reader.owns(&guard, run.token.as_ref()));
    match pending {
        Some(run) if run.phase != Phase::Ending => Ok(Some(FoundRun::Pending { project_id: guard.project_id, run })),
        // Its result is there in a moment, or since a moment ago.
        pending => Ok(match read_run(app, id, reader).await? {
            Some(run) => Some(FoundRun::Ended(run)),
            None => pending.map(|run| FoundRun::Pending { project_id: guard.project_id, run }),
        }),
    }
}

/// What a run of this project has written so far; `None` if that is not known, or the run has ended meanwhile.
pub async fn output_so_far(app: &App, project_id: &str, id: RunId) -> Option<OutputSoFar> {
    let output = app.run_pools.output_so_far(project_id, id).await;
    let log = |failure: &PoolFailure| {
        app.log_error("The output of a run could not be read.", &PortError(failure.message.clone()))
    };
    output.inspect_err(log).unwrap_or_default()
}

/// Why it is not known whether there is a run.
#[derive(Debug)]
pub enum FindError {
    Unreadable(PortError),
    Pool(PoolFailure),
}

impl From<PortError> for FindError {
    fn from(error: PortError) -> Self {
        Self::Unreadable(error)
    }
}

impl From<PoolFailure> for FindError {
    fn from(failure: PoolFailure) -> Self {
        Self::Pool(failure)
    }
}

async fn read_found(
    app: &App,
    id: RunId,
    (guard, record): (Guard, Vec<u8>),
    reader: &Reader,
) -> Result<Option<ReadRun>, PortError> {
    let stored = parse(&record)?;
    let is_owner = reader.owns(&guard, stored.token.as_ref());
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
    if !reader.owns(&guard, stored.token.as_ref()) {
        return Ok(None);
    }
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

/// A run or a script that has ended, as if it went on now, and when it was asked for; `None` if its record was deleted.
pub async fn replay(app: &App, id: RunId) -> Result<Option<(Timestamp, LocalBoxStream<'static, Progress>)>, PortError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Ended {
        status: RunStatus,
        exit_code: i32,
        created_at: Time,
    }
    let Some((_, record)) = find_once(app, id).await? else { return Ok(None) };
    let stored = parse(&record)?;
    let Ended { status, exit_code, created_at } = serde_json::from_str(stored.result.get()).map_err(unreadable)?;
    let created_at =
        Timestamp::parse(&created_at.0).ok_or_else(|| PortError("The time of a run is unreadable.".to_owned()))?;
    if serde_json::from_str::<RunReport>(stored.result.get()).is_ok() {
        return Ok(ended_run(app, id, created_at).await?.map(|progress| (created_at, progress)));
    }
    let result = Bytes::copy_from_slice(stored.result.get().as_bytes());
    let script = RunResult::stored_script(id, created_at, (status, exit_code), result);
    Ok(Some((created_at, of_script(script))))
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

fn unreadable(error: serde_json::Error) -> PortError {
    PortError(format!("The result of a run is unreadable: {error}"))
}

fn parse(record: &[u8]) -> Result<StoredRun<'_>, PortError> {
    serde_json::from_slice(record).map_err(|error| PortError(format!("A record of a run is unreadable: {error}")))
}

async fn find_once(app: &App, id: RunId) -> Result<Option<(Guard, Vec<u8>)>, PortError> {
    let Some(FoundRecord { guard, record }) = app.logs.record(id).await? else { return Ok(None) };
    let record = match record {
        Some(record) => Some(record),
        None => store::runs::get(&*app.runs, id).await?,
    };
    Ok(record.map(|record| (guard, record)))
}

/// The record of a run with the guard of its project, from the log that the id leads to, or from KV if the log says so. A
/// record that is missing is looked for again.
async fn find(app: &App, id: RunId) -> Result<Option<(Guard, Vec<u8>)>, PortError> {
    let mut waits = LOOK_AGAIN_AFTER_MS.into_iter();
    loop {
        if let Some(found) = find_once(app, id).await? {
            return Ok(Some(found));
        }
        match waits.next() {
            Some(wait) => app.clock.sleep(wait).await,
            None => return Ok(None),
        }
    }
}
