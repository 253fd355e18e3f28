//! Lets two programs talk: each reads from standard input what the other writes to standard output.

use crate::app::runs::progress::{NotStarted, Progress, StartedRun};
use crate::app::runs::series::{EndedRun, Series};
use crate::domain::run::output_start::OutputStart;
use crate::domain::run::request::RunRequest;
use crate::domain::run::result::RunResult;
use crate::ports::socket::Message;
use crate::ports::{PoolFailureCode, Socket};
use docle_protocol::Stream;
use futures::StreamExt;
use futures::future::{self, Either, select};
use std::pin::pin;

/// The close code of RFC 6455 for a normal closure.
const NORMAL: u16 = 1_000;

/// Two programs that have talked.
pub struct Interaction {
    pub first: EndedRun,
    pub second: EndedRun,
    /// Whether the end of the second program came before that of the first.
    pub second_ended_first: bool,
}

/// Runs two programs until both have ended. The first one is started before the second. When one ends, the other reads the end of
/// its input.
///
/// # Errors
/// One of them was not started. Then the other has ended, too.
pub async fn interact(
    series: &Series,
    (first, first_output): (RunRequest, OutputStart),
    (second, second_output): (RunRequest, OutputStart),
) -> Result<Interaction, NotStarted> {
    let mut first = Side::open(series, first, first_output).await?;
    let mut second = Side::open(series, second, second_output).await?;
    let mut second_ended_first = None;
    while first.ended.is_none() || second.ended.is_none() {
        let next = match select(pin!(first.next()), pin!(second.next())).await {
            Either::Left((progress, _)) => Either::Left(progress),
            Either::Right((progress, _)) => Either::Right(progress),
        };
        match next {
            Either::Left(progress) => first.take(progress, &mut second)?,
            Either::Right(progress) => second.take(progress, &mut first)?,
        }
        if second_ended_first.is_none() && (first.ended.is_some() || second.ended.is_some()) {
            second_ended_first = Some(second.ended.is_some());
        }
    }
    let (Some(first), Some(second)) = (first.into_ended(), second.into_ended()) else { return Err(left()) };
    Ok(Interaction { first, second, second_ended_first: second_ended_first.unwrap_or(false) })
}

/// One of the programs.
struct Side {
    run: StartedRun,
    /// The way to its standard input, until the other program has ended.
    input: Option<Box<dyn Socket>>,
    output: OutputStart,
    ended: Option<RunResult>,
}

impl Side {
    async fn open(series: &Series, request: RunRequest, output: OutputStart) -> Result<Self, NotStarted> {
        let (run, input) = series.open(request).await?;
        Ok(Self { run, input, output, ended: None })
    }

    /// What happens next; nothing does after the end. Dropping the future loses nothing.
    async fn next(&mut self) -> Option<Progress> {
        match self.ended {
            None => self.run.progress.next().await,
            Some(_) => future::pending().await,
        }
    }

    /// Passes what this program has done on to the other one.
    fn take(&mut self, progress: Option<Progress>, other: &mut Self) -> Result<(), NotStarted> {
        match progress {
            Some(Progress::Heartbeat | Progress::Stage(_) | Progress::Cell(_)) => {}
            Some(Progress::Output(stream, text)) => {
                self.output.push(stream, &text);
                if let (Stream::Stdout, Some(input)) = (stream, &other.input) {
                    input.send(Message::Binary(text.into_bytes()));
                }
            }
            Some(Progress::Complete(result)) => {
                self.ended = Some(result);
                if let Some(input) = other.input.take() {
                    input.close(NORMAL, "");
                }
            }
            None => return Err(left()),
        }
        Ok(())
    }

    fn into_ended(self) -> Option<EndedRun> {
        let (output, shortened) = self.output.into_parts();
        self.ended.map(|result| EndedRun { result, output, shortened })
    }
}

fn left() -> NotStarted {
    PoolFailureCode::ClientLeft.with_message("The client left.").into()
}
