//! Time, as the runtime tells it.

use crate::domain::timestamp::Timestamp;
use crate::ports::Clock;
use futures::future::LocalBoxFuture;
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use worker::js_sys::{Date, Function};
use worker::wasm_bindgen;
use worker::wasm_bindgen::JsCast;
use worker::wasm_bindgen::prelude::{Closure, JsValue, wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, milliseconds: f64) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// [`Clock`] of the runtime, which in production stands still between two waits.
pub struct RuntimeClock;

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        Timestamp(Date::now() as i64)
    }

    fn sleep(&self, milliseconds: u32) -> LocalBoxFuture<'static, ()> {
        Box::pin(Sleep::new(milliseconds))
    }
}

/// A timer of the runtime. Whatever polled it last is woken: the `Delay` of workers-rs wakes what polled it first, so one that
/// is kept between two chunks of a stream would never end.
struct Sleep {
    state: Rc<RefCell<State>>,
    timer: JsValue,
    _callback: Closure<dyn FnMut()>,
}

#[derive(Default)]
struct State {
    is_over: bool,
    waker: Option<Waker>,
}

impl Sleep {
    fn new(milliseconds: u32) -> Self {
        let state = Rc::new(RefCell::new(State::default()));
        let ended = Rc::clone(&state);
        let callback = Closure::new(move || {
            let waker = {
                let mut state = ended.borrow_mut();
                state.is_over = true;
                state.waker.take()
            };
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        let timer = set_timeout(callback.as_ref().unchecked_ref(), milliseconds.into());
        Self { state, timer, _callback: callback }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.borrow_mut();
        if state.is_over {
            return Poll::Ready(());
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        clear_timeout(&self.timer);
    }
}
