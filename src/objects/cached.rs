//! A value that an object reads from the database once and keeps in memory until a writer says that it has changed.

use crate::ports::PortError;
use futures::FutureExt;
use futures::future::{LocalBoxFuture, Shared};
use std::cell::RefCell;

type Loading<T> = Shared<LocalBoxFuture<'static, Result<T, PortError>>>;

/// A value that is loaded once, however many calls wait for it.
pub struct Cached<T>(RefCell<State<T>>);

/// It is never borrowed across an await.
struct State<T> {
    value: Option<T>,
    /// A query that is in flight; concurrent calls wait for the same one.
    loading: Option<Loading<T>>,
    /// Counts the calls of [`Cached::forget`]. The answer to a query from before the last one is dropped.
    generation: u64,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Self(RefCell::new(State { value: None, loading: None, generation: 0 }))
    }
}

impl<T: Clone + 'static> Cached<T> {
    /// The value, from memory or by `load`.
    ///
    /// # Errors
    /// It could not be loaded. The next call loads it again.
    pub async fn get<F>(&self, load: impl Fn() -> F) -> Result<T, PortError>
    where
        F: Future<Output = Result<T, PortError>> + 'static,
    {
        loop {
            let (loading, generation) = {
                let mut state = self.0.borrow_mut();
                if let Some(value) = &state.value {
                    return Ok(value.clone());
                }
                (state.loading.get_or_insert_with(|| load().boxed_local().shared()).clone(), state.generation)
            };
            let loaded = loading.await;
            let mut state = self.0.borrow_mut();
            // The value was forgotten during the query, which may have read the older one.
            if state.generation != generation {
                continue;
            }
            state.loading = None;
            let value = loaded?;
            state.value = Some(value.clone());
            return Ok(value);
        }
    }

    /// Drops the value, also one that is being read.
    pub fn forget(&self) {
        let mut state = self.0.borrow_mut();
        *state = State { value: None, loading: None, generation: state.generation + 1 };
    }

    /// How often the value was forgotten.
    pub fn generation(&self) -> u64 {
        self.0.borrow().generation
    }

    /// Replaces the value by one that was read since `generation`; nothing if it was forgotten after that.
    pub fn set(&self, generation: u64, value: T) {
        let mut state = self.0.borrow_mut();
        if state.generation == generation {
            state.value = Some(value);
        }
    }
}
