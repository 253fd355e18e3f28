//! What a run in flight has done so far, for callers that ask for its state and for followers that read its output.
//!
//! A follower never holds the run up. A run that can be followed keeps the last output of each stream; a follower that is
//! further behind gets the rest from the record when the run has ended.

use crate::domain::run::phase::Phase;
use crate::domain::run::position::OutputPosition;
use bytes::Bytes;
use docle_api::pending_runs::OutputSoFar;
use docle_protocol::{RunEvent, Stage, Stream};
use futures::channel::oneshot;
use futures::future::{Either, LocalBoxFuture, select};
use futures::stream::{self, LocalBoxStream, StreamExt};
use std::cell::RefCell;
use std::rc::Rc;

/// The output that is kept of each stream, in bytes, and twice as much for a moment. A project with 100 runs at once then holds
/// 26 of the 128 MB of its isolate if all of them write that much.
const KEPT_BYTES: usize = 64 * 1_024;
/// The most text of one event, in bytes.
const PIECE_BYTES: usize = 32 * 1_024;

/// The course of one run. Clones are the same partial_output.
#[derive(Clone, Default)]
pub struct PartialOutput(Rc<RefCell<Course>>);

#[derive(Default)]
struct Course {
    phase: Phase,
    /// Whether output is kept.
    keeps_output: bool,
    stdout: Tail,
    stderr: Tail,
    /// The `complete` event, once there is one.
    complete: Option<Bytes>,
    /// What the run does, where its runner has said so.
    stage: Option<Stage>,
    is_over: bool,
    /// Followers that wait for something to happen.
    waiting: Vec<oneshot::Sender<()>>,
}

/// The end of one stream.
#[derive(Default)]
struct Tail {
    /// What was written before `text`, in bytes.
    before: u64,
    text: String,
}

/// How far a follower is.
struct Place {
    output: OutputPosition,
    /// The last stage that it knows.
    stage: Option<Stage>,
}

/// What a follower reads next.
enum Next {
    Event(Bytes),
    Last(Bytes),
    Wait(oneshot::Receiver<()>),
    /// Nothing more comes from here; the record has it.
    Over,
}

impl PartialOutput {
    /// That of a run whose output is kept for followers.
    pub fn with_output() -> Self {
        let partial_output = Self::default();
        partial_output.0.borrow_mut().keeps_output = true;
        partial_output
    }

    pub fn phase(&self) -> Phase {
        self.0.borrow().phase
    }

    /// Whether the run has got a slot, as soon as that is known.
    pub async fn has_started(&self) -> bool {
        loop {
            let woken = {
                let mut course = self.0.borrow_mut();
                if course.phase != Phase::Queued {
                    return true;
                }
                if course.is_over {
                    return false;
                }
                let (sender, woken) = oneshot::channel();
                course.waiting.push(sender);
                woken
            };
            // A dropped sender ends the wait as well.
            let _ = woken.await;
        }
    }

    /// Notes how far the run is.
    pub fn reach(&self, phase: Phase) {
        self.0.borrow_mut().phase = phase;
        self.wake();
    }

    /// Notes what the run does now.
    pub fn enter(&self, stage: Stage) {
        self.0.borrow_mut().stage = Some(stage);
        self.reach(stage.into());
    }

    /// What the run has written so far; `None` if its output is not kept, or it waits for a slot.
    pub fn so_far(&self) -> Option<OutputSoFar> {
        let course = self.0.borrow();
        let is_there = course.keeps_output && course.phase != Phase::Queued;
        is_there.then(|| OutputSoFar {
            stdout: course.stdout.text.clone(),
            stderr: course.stderr.text.clone(),
            stdout_omitted_bytes: course.stdout.before,
            stderr_omitted_bytes: course.stderr.before,
        })
    }

    /// Adds output, in whole characters.
    pub fn push(&self, stream: Stream, text: &str) {
        {
            let mut course = self.0.borrow_mut();
            let keeps = if course.keeps_output { KEPT_BYTES } else { 0 };
            course.of(stream).push(text, keeps);
        }
        self.wake();
    }

    /// Notes the `complete` event. All output came before.
    pub fn complete(&self, event: &Bytes) {
        {
            let mut course = self.0.borrow_mut();
            course.complete = Some(event.clone());
            course.phase = Phase::Ending;
        }
        self.wake();
    }

    /// Notes that nothing more comes.
    pub fn end(&self) {
        self.0.borrow_mut().is_over = true;
        self.wake();
    }

    /// Where a follower begins that has everything up to `from`: at the beginning if that is still kept, because its last event
    /// then has all output.
    pub fn begin_at(&self, from: OutputPosition) -> OutputPosition {
        let course = self.0.borrow();
        if course.stdout.before == 0 && course.stderr.before == 0 { OutputPosition::default() } else { from }
    }

    /// The lines of the events after `from`, which is a result of [`Self::begin_at`]. They end without `complete` if not all of
    /// that output is kept. While nothing happens, an empty line comes after each `heartbeat`.
    pub fn follow(
        &self,
        from: OutputPosition,
        heartbeat: impl Fn() -> LocalBoxFuture<'static, ()> + 'static,
    ) -> LocalBoxStream<'static, Vec<u8>> {
        let start = serde_json::to_vec(&RunEvent::Start).expect("an event without members always encodes");
        let state = (self.clone(), Place { output: from, stage: None }, false);
        let lines = stream::unfold(state, move |(own, mut at, is_over)| {
            let silence = heartbeat();
            async move {
                if is_over {
                    return None;
                }
                let mut silence = silence;
                loop {
                    let woken = match own.next(&mut at) {
                        Next::Event(line) => return Some((with_line_feed(&line), (own, at, false))),
                        Next::Last(line) => return Some((with_line_feed(&line), (own, at, true))),
                        Next::Over => return None,
                        Next::Wait(woken) => woken,
                    };
                    match select(woken, silence).await {
                        Either::Left((_, rest)) => silence = rest,
                        Either::Right(_) => return Some((with_line_feed(b""), (own, at, false))),
                    }
                }
            }
        });
        stream::iter([with_line_feed(&start)]).chain(lines).boxed_local()
    }

    fn next(&self, at: &mut Place) -> Next {
        let mut course = self.0.borrow_mut();
        let mut has_all = true;
        if let Some(stage) = course.stage.filter(|stage| at.stage != Some(*stage)) {
            at.stage = Some(stage);
            let line = serde_json::to_vec(&RunEvent::Stage { stage }).expect("an event without text always encodes");
            return Next::Event(line.into());
        }
        for stream in Stream::ALL {
            let position = at.output.of_mut(stream);
            match course.of(stream).after(*position) {
                // The follower is too far behind, and waits for the end.
                None => has_all = false,
                Some("") => {}
                Some(text) => {
                    let piece = &text[..text.floor_char_boundary(PIECE_BYTES)];
                    *position += piece.len() as u64;
                    let event = RunEvent::output(stream, piece.as_bytes().to_vec());
                    let line = serde_json::to_vec(&event).expect("an event of output always encodes");
                    return Next::Event(line.into());
                }
            }
        }
        match &course.complete {
            Some(line) if has_all => Next::Last(line.clone()),
            Some(_) => Next::Over,
            None if course.is_over => Next::Over,
            None => {
                let (sender, woken) = oneshot::channel();
                course.waiting.push(sender);
                Next::Wait(woken)
            }
        }
    }

    fn wake(&self) {
        let waiting = std::mem::take(&mut self.0.borrow_mut().waiting);
        for follower in waiting {
            // A follower that has left does not wait any more.
            let _ = follower.send(());
        }
    }
}

impl Course {
    fn of(&mut self, stream: Stream) -> &mut Tail {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }
}

impl Tail {
    fn push(&mut self, text: &str, keeps: usize) {
        self.text.push_str(text);
        // Cutting in large steps moves each byte once at most.
        if self.text.len() > 2 * keeps {
            let cut = self.text.ceil_char_boundary(self.text.len() - keeps);
            self.text.drain(..cut);
            self.before += cut as u64;
        }
    }

    /// The text after a position; `None` if it is not kept.
    fn after(&self, position: u64) -> Option<&str> {
        let skipped = usize::try_from(position.checked_sub(self.before)?).ok()?;
        // A position behind the end has nothing after it.
        Some(self.text.get(skipped..).unwrap_or(""))
    }
}

fn with_line_feed(line: &[u8]) -> Vec<u8> {
    [line, b"\n"].concat()
}
