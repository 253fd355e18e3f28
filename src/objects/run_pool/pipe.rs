//! Hands a runner's stream on, and gives the run's place back when either end has had enough.

use crate::objects::container::runner::Job;
use crate::objects::run_pool::call::broken;
use crate::objects::run_pool::client_signal::Caller;
use crate::platform::console::Console;
use crate::ports::{Level, Log};
use serde_json::json;
use std::cell::RefCell;
use std::rc::Rc;

use worker::wasm_bindgen_futures::{JsFuture, spawn_local};
use worker::worker_sys::web_sys::{ReadableStream, WritableStream};
use worker::{Response, ResponseBuilder, Result, wasm_bindgen};

/// What a run keeps while it goes on. Dropping it gives it back, too, but says that the run did not come to its end.
pub trait Lease {
    /// The run came to its end.
    fn finished(self);
}

impl<H: Lease> Lease for Option<H> {
    fn finished(self) {
        if let Some(held) = self {
            held.finished();
        }
    }
}

#[wasm_bindgen::prelude::wasm_bindgen]
extern "C" {
    /// The runtime's own pipe, which carries bytes without waking any script; workers-rs does not know it.
    type IdentityTransformStream;
    #[wasm_bindgen(constructor)]
    fn new() -> IdentityTransformStream;
    #[wasm_bindgen(method, getter)]
    fn readable(this: &IdentityTransformStream) -> ReadableStream;
    #[wasm_bindgen(method, getter)]
    fn writable(this: &IdentityTransformStream) -> WritableStream;
}

/// The answer to whoever asked for the run, which keeps `place` until its stream ends or `caller` leaves.
///
/// The stream is piped and not merely passed on, because the runtime evicts an object ten seconds after its last call
/// although a response that it passed on still flows, and because nobody else would say that it has ended.
pub fn pipe_response<P: Lease + 'static>(job: Job, place: P, caller: &Caller) -> Result<Response> {
    let response = match job {
        Job::Running(response) => response,
        Job::Unknown(why) => {
            let message = "A container failed when it may have begun a run; the run counts as failed.";
            Console.write(Level::Error, json!({ "message": message, "error": why }));
            return broken();
        }
    };
    let Some(body) = response.body() else { return broken() };
    let place = Rc::new(RefCell::new(Some(place)));
    let left = Rc::clone(&place);
    caller.when_it_leaves(move || drop(left.take()));
    let pipe = IdentityTransformStream::new();
    let through = JsFuture::from(body.pipe_to(&pipe.writable()));
    spawn_local(async move {
        match through.await {
            Ok(_) => place.take().finished(),
            Err(_) => drop(place.take()),
        }
    });
    Ok(ResponseBuilder::new().stream(pipe.readable()))
}
