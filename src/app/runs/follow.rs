//! Follows a run that another call has started, from any place in its output to its end.

use crate::app::context::App;
use crate::app::runs::progress::{Progress, StartedRun};
use crate::app::runs::read::{self, FindError, FoundRun, Reader};
use crate::domain::run::events::{Interrupted, Line, read_line};
use crate::domain::run::id::RunId;
use crate::domain::run::position::OutputPosition;
use crate::domain::run::result::RunResult;
use crate::domain::timestamp::Timestamp;
use crate::ports::event_reader::EventReader;
use crate::ports::{FollowedRun, PortError};
use docle_protocol::{RunEvent, Stream};
use futures::stream::{self, LocalBoxStream};
use futures::{StreamExt, future};

/// How often a run is looked for whose events end without a result, and which is neither in flight nor recorded.
const LOOKS: u32 = 20;
/// The pause between two looks, in milliseconds. The record of a run can be late while its log does not answer.
const LOOK_AGAIN_MS: u32 = 250;

/// The run with this id, as it goes on after `after`; `None` if there is none that the reader may read. A run that has ended is
/// replayed.
///
/// # Errors
/// It is not known whether there is such a run.
pub async fn follow_run(
    app: &App,
    id: RunId,
    reader: &Reader,
    after: OutputPosition,
) -> Result<Option<StartedRun>, FindError> {
    let (project_id, created_at) = match read::find_run(app, id, reader).await? {
        None => return Ok(None),
        Some(FoundRun::Pending { project_id, run }) => (project_id, run.created_at),
        Some(FoundRun::Ended(_)) => {
            let Some((created_at, progress)) = read::replay(app, id).await? else { return Ok(None) };
            let from = OutputPosition::default();
            return Ok(Some(StartedRun { id, created_at, replayed: true, is_bounded: false, from, progress }));
        }
    };
    let mut following = Following::new(app, project_id, id, created_at);
    // Its last event has all output if it begins at the beginning.
    let from = if following.attach(after).await { following.read } else { OutputPosition::default() };
    following.passed_on = from;
    let progress = following.progress();
    Ok(Some(StartedRun { id, created_at, replayed: true, is_bounded: false, from, progress }))
}

/// A run of this project from its beginning to its end.
pub fn to_the_end(
    app: &App,
    project_id: String,
    id: RunId,
    created_at: Timestamp,
) -> LocalBoxStream<'static, Progress> {
    Following::new(app, project_id, id, created_at).progress()
}

/// A run that is followed.
struct Following {
    app: App,
    project_id: String,
    id: RunId,
    created_at: Timestamp,
    source: Source,
    /// What the source has given, in the output of the run.
    read: OutputPosition,
    /// What has been passed on.
    passed_on: OutputPosition,
    looks: u32,
}

/// Where the rest of a run comes from.
enum Source {
    /// Not known yet.
    Unknown,
    Pool(EventReader),
    Record(LocalBoxStream<'static, Progress>),
    /// Nothing more comes.
    Ended,
}

impl Following {
    fn new(app: &App, project_id: String, id: RunId, created_at: Timestamp) -> Self {
        let (read, passed_on) = (OutputPosition::default(), OutputPosition::default());
        Self { app: app.clone(), project_id, id, created_at, source: Source::Unknown, read, passed_on, looks: 0 }
    }

    /// Follows the run in its pool, from `from` or the beginning; `false` if it is not in flight.
    async fn attach(&mut self, from: OutputPosition) -> bool {
        match self.app.run_pools.follow(&self.project_id, self.id, from).await {
            Ok(Some(FollowedRun { from, chunks })) => {
                self.read = from;
                self.source = Source::Pool(EventReader::new(chunks, Box::pin(future::pending())));
                true
            }
            Ok(None) => false,
            Err(failure) => {
                self.app.log_error("A run could not be followed.", &PortError(failure.message));
                false
            }
        }
    }

    fn progress(self) -> LocalBoxStream<'static, Progress> {
        stream::unfold(self, |mut following| async move { Some((following.next().await?, following)) }).boxed_local()
    }

    async fn next(&mut self) -> Option<Progress> {
        loop {
            let next = match &mut self.source {
                Source::Ended => return None,
                Source::Unknown => {
                    self.source = self.look().await;
                    continue;
                }
                Source::Record(progress) => progress.next().await,
                Source::Pool(events) => match events.next_line().await.map(|line| read_line(&line)) {
                    Ok(Some(Line::Event(event))) => Some(self.progress_of(event)),
                    Ok(Some(Line::Heartbeat)) => Some(Progress::Heartbeat),
                    Err(Interrupted::ByClient) => None,
                    // Its object was reset, or has not kept all output.
                    Ok(None) | Err(Interrupted::ByRunner) => {
                        self.source = Source::Unknown;
                        continue;
                    }
                },
            };
            match next {
                Some(Progress::Output(stream, text)) => {
                    if let Some(rest) = skip(&mut self.read, self.passed_on, stream, &text) {
                        *self.passed_on.of_mut(stream) = *self.read.of_mut(stream);
                        return Some(Progress::Output(stream, rest.to_owned()));
                    }
                }
                Some(Progress::Heartbeat | Progress::Stage(_) | Progress::Cell(_)) => return next,
                Some(Progress::Complete(_)) | None => {
                    self.source = Source::Ended;
                    return next;
                }
            }
        }
    }

    fn progress_of(&self, event: RunEvent) -> Progress {
        // The pool sends whole characters.
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match event {
            RunEvent::Stdout { data } => Progress::Output(Stream::Stdout, text(&data.0)),
            RunEvent::Stderr { data } => Progress::Output(Stream::Stderr, text(&data.0)),
            RunEvent::Complete { report } => {
                Progress::Complete(RunResult::from_report(self.id, self.created_at, report))
            }
            RunEvent::Stage { stage } => Progress::Stage(stage),
            // What a cell shows is not kept.
            RunEvent::Start | RunEvent::Cell { .. } | RunEvent::ArtifactStart { .. } | RunEvent::Artifact { .. } => {
                Progress::Heartbeat
            }
        }
    }

    /// Looks for the rest of the run: in its pool, and in its record.
    async fn look(&mut self) -> Source {
        while self.looks < LOOKS {
            if self.looks > 0 {
                self.app.clock.sleep(LOOK_AGAIN_MS).await;
            }
            self.looks += 1;
            if self.attach(self.passed_on).await {
                return std::mem::replace(&mut self.source, Source::Unknown);
            }
            match read::ended_run(&self.app, self.id, self.created_at).await {
                Ok(Some(progress)) => {
                    self.read = OutputPosition::default();
                    return Source::Record(progress);
                }
                Ok(None) => {}
                Err(error) => self.app.log_error("A run that was followed could not be read.", &error),
            }
        }
        Source::Ended
    }
}

/// What of a text comes after `known`. It begins at `position`, which is where it ends afterwards.
pub fn skip<'a>(
    position: &mut OutputPosition,
    mut known: OutputPosition,
    stream: Stream,
    text: &'a str,
) -> Option<&'a str> {
    let begin = position.of_mut(stream);
    let skipped = usize::try_from(known.of_mut(stream).saturating_sub(*begin)).unwrap_or(usize::MAX).min(text.len());
    *begin += text.len() as u64;
    Some(&text[text.ceil_char_boundary(skipped)..]).filter(|rest| !rest.is_empty())
}
