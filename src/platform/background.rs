//! Work after the answer, by `waitUntil`.

use crate::ports::Background;
use futures::future::LocalBoxFuture;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::worker_sys::DurableObjectState;
use worker::{Context, ScheduleContext, State};

/// [`Background`] of one request. The runtime lets it go on for 30 seconds after the answer is through.
pub struct AfterAnswer(pub Context);

impl Background for AfterAnswer {
    fn spawn(&self, work: LocalBoxFuture<'static, ()>) {
        self.0.wait_until(work);
    }
}

/// [`Background`] of a scheduled event.
pub struct AfterEvent(pub ScheduleContext);

impl Background for AfterEvent {
    fn spawn(&self, work: LocalBoxFuture<'static, ()>) {
        self.0.wait_until(work);
    }
}

/// [`Background`] of an object, which goes on for as long as the object is in memory.
pub struct AfterCall(State);

impl AfterCall {
    /// That of an object.
    pub fn of(object: &State) -> Self {
        let object: &JsValue = object.as_raw().as_ref();
        Self(State::from(object.clone().unchecked_into::<DurableObjectState>()))
    }
}

impl Background for AfterCall {
    fn spawn(&self, work: LocalBoxFuture<'static, ()>) {
        self.0.wait_until(work);
    }
}
