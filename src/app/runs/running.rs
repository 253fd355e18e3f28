//! A run in progress, as the Worker reads it.

use crate::app::runs::cell_lines::CellLines;
use crate::app::runs::progress::Progress;
use crate::app::runs::record::Fallback;
use crate::domain::run::artifacts::InlineArtifacts;
use crate::domain::run::events::{Interrupted, Line, read_line};
use crate::domain::run::id::RunId;
use crate::domain::run::output::OutputText;
use crate::domain::run::result::{RunResult, sandbox_failed};
use crate::domain::timestamp::Timestamp;
use crate::ports::event_reader::EventReader;
use crate::ports::{PoolFailure, PoolFailureCode};
use docle_protocol::{RunEvent, RunReport, Stream};
use futures::stream::{self, LocalBoxStream};
use futures::{StreamExt, future};
use std::collections::VecDeque;

/// A run in progress.
pub struct Running {
    id: RunId,
    created_at: Timestamp,
    /// `None` when it has ended.
    events: Option<EventReader>,
    text: OutputText,
    /// The files that the run hands back, as far as they have come.
    artifacts: InlineArtifacts,
    cell: CellLines,
    /// What follows from the last event and was not taken yet.
    waiting: VecDeque<Progress>,
}

impl Running {
    pub fn new(id: RunId, created_at: Timestamp, events: EventReader) -> Self {
        let (text, waiting) = (OutputText::default(), VecDeque::new());
        let (artifacts, cell) = (InlineArtifacts::default(), CellLines::default());
        Self { id, created_at, events: Some(events), text, artifacts, cell, waiting }
    }

    /// A run that may have begun, and whose events are lost.
    pub fn broken(id: RunId, created_at: Timestamp) -> Self {
        let events = EventReader::new(stream::empty().boxed_local(), Box::pin(future::pending()));
        Self::new(id, created_at, events)
    }

    /// Resolves when the runner reports that the run has started. If the stream breaks before, the run may have
    /// started.
    pub async fn wait_for_start(&mut self) -> Result<(), PoolFailure> {
        loop {
            match read_line(&self.next_line().await.map_err(not_started)?) {
                Some(Line::Heartbeat) => {}
                Some(Line::Event(RunEvent::Start)) => return Ok(()),
                _ => return Err(PoolFailureCode::Mismatch.with_message("The stream does not begin with a start.")),
            }
        }
    }

    /// What happens until the end. `fallback` records the run if its stream breaks.
    pub fn progress(self, fallback: Fallback) -> LocalBoxStream<'static, Progress> {
        let state = (self, Some(fallback));
        let progress = stream::unfold(state, |(mut running, mut fallback)| async move {
            let next = running.next(&mut fallback).await?;
            Some((next, (running, fallback)))
        });
        progress.boxed_local()
    }

    async fn next(&mut self, fallback: &mut Option<Fallback>) -> Option<Progress> {
        loop {
            if let Some(next) = self.waiting.pop_front() {
                return Some(next);
            }
            self.events.as_ref()?;
            let line = self.next_line().await;
            match line.map(|line| read_line(&line)) {
                Ok(Some(Line::Heartbeat | Line::Event(RunEvent::Start | RunEvent::ArtifactStart { .. }))) => {
                    return Some(Progress::Heartbeat);
                }
                Ok(Some(Line::Event(RunEvent::Stage { stage }))) => return Some(Progress::Stage(stage)),
                Ok(Some(Line::Event(RunEvent::Stdout { data }))) => self.add(Stream::Stdout, &data.0),
                Ok(Some(Line::Event(RunEvent::Stderr { data }))) => self.add(Stream::Stderr, &data.0),
                Ok(Some(Line::Event(RunEvent::Cell { data }))) => {
                    let events = self.cell.push(&data.0).into_iter();
                    self.waiting.extend(events.map(|event| Progress::Cell(Box::new(event))));
                }
                Ok(Some(Line::Event(RunEvent::Artifact { index, data }))) => self.artifacts.add(index, &data.0),
                Ok(Some(Line::Event(RunEvent::Complete { report }))) => {
                    if let (Some(fallback), Some(rest)) = (fallback.take(), self.events.take()) {
                        fallback.read_rest(rest);
                    }
                    self.end(report);
                }
                // The pool has noticed that the client has left, and records the run.
                Err(Interrupted::ByClient) => self.events = None,
                Ok(None) | Err(Interrupted::ByRunner) => {
                    // Dropping the events also ends the program.
                    self.events = None;
                    let sentence = self.text.sandbox_failed();
                    self.add(Stream::Stderr, sentence.as_bytes());
                    let report = sandbox_failed();
                    if let Some(fallback) = fallback.take() {
                        fallback.record(RunResult::from_report(self.id, self.created_at, report.clone()));
                    }
                    self.end(report);
                }
            }
        }
    }

    fn add(&mut self, stream: Stream, bytes: &[u8]) {
        let text = self.text.push(stream, bytes);
        if !text.is_empty() {
            self.waiting.push_back(Progress::Output(stream, text));
        }
    }

    fn end(&mut self, mut report: RunReport) {
        for stream in Stream::ALL {
            let rest = self.text.finish(stream, report.truncated);
            if !rest.is_empty() {
                self.waiting.push_back(Progress::Output(stream, rest));
            }
        }
        std::mem::take(&mut self.artifacts).fill(&mut report.details);
        self.waiting.push_back(Progress::Complete(RunResult::from_report(self.id, self.created_at, report)));
    }

    async fn next_line(&mut self) -> Result<bytes::Bytes, Interrupted> {
        match &mut self.events {
            Some(events) => events.next_line().await,
            None => Err(Interrupted::ByRunner),
        }
    }
}

fn not_started(broken: Interrupted) -> PoolFailure {
    match broken {
        Interrupted::ByClient => PoolFailureCode::ClientLeft.with_message("The client left."),
        Interrupted::ByRunner => PoolFailureCode::Lost.with_message("The stream broke before the run started."),
    }
}
