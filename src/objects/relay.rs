//! Hands a runner's stream on, and gives the run's place back when either end has had enough.

use crate::objects::caller::Caller;
use crate::objects::runner::Job;
use crate::objects::sandbox_call::broken;
use crate::platform::console::Console;
use crate::ports::{Level, Log};
use futures::StreamExt;
use futures::stream;
use serde_json::json;
use std::cell::RefCell;
use std::rc::Rc;
use worker::{Response, Result};

/// What a run keeps while it goes on. Dropping it gives it back, too, but says that the run did not come to its end.
pub trait Held {
    /// The run came to its end.
    fn finished(self);
}

impl<H: Held> Held for Option<H> {
    fn finished(self) {
        if let Some(held) = self {
            held.finished();
        }
    }
}

/// The answer to whoever asked for the run, which keeps `place` until its stream ends or `caller` leaves.
///
/// The stream is read and written here, chunk by chunk, because the runtime evicts an object ten seconds after its last
/// call although a response that it merely passes through still flows.
pub fn relay<P: Held + 'static>(job: Job, place: P, caller: &Caller) -> Result<Response> {
    let mut response = match job {
        Job::Running(response) => response,
        Job::Unknown(why) => {
            let message = "A container failed when it may have begun a run; the run counts as failed.";
            Console.write(Level::Error, json!({ "message": message, "error": why }));
            return broken();
        }
    };
    let place = Rc::new(RefCell::new(Some(place)));
    let left = Rc::clone(&place);
    caller.when_it_leaves(move || drop(left.take()));
    let chunks = response.stream()?;
    Response::from_stream(stream::unfold((chunks, place), |(mut chunks, place)| async move {
        let chunk = chunks.next().await;
        match &chunk {
            Some(Ok(_)) => {}
            Some(Err(_)) => drop(place.take()),
            None => place.take().finished(),
        }
        Some((chunk?, (chunks, place)))
    }))
}
