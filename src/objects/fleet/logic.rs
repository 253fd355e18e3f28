//! What the object of a fleet does: it decides who may start a container, and forgets the containers that nobody renews.
//!
//! The state is one row, which is written with every change, so that an eviction loses nothing. When no container is left, the
//! storage is deleted.

use crate::domain::pool::fleet::{Admission, FleetLimits, FleetState, Renewal};
use crate::objects::json_row;
use crate::objects::runtime::ObjectRuntime;
use crate::ports::PortError;
use std::cell::RefCell;

const TABLE: &str = "fleet";

/// The containers of one class.
pub struct FleetLogic {
    runtime: ObjectRuntime,
    limits: FleetLimits,
    /// `None`: not loaded. It is never borrowed across an await.
    state: RefCell<Option<FleetState>>,
}

impl FleetLogic {
    pub fn new(runtime: ObjectRuntime, limits: FleetLimits) -> Self {
        Self { runtime, limits, state: RefCell::default() }
    }

    /// Decides whether the object may start its container. It may be repeated.
    ///
    /// # Errors
    /// The grant may not be stored; the container is not to be started.
    pub async fn ask(&self, object: &str, account: &str) -> Result<Admission, PortError> {
        let now = self.runtime.clock.now();
        let admission = self.change(|state| state.ask(object, account, self.limits, now))?;
        self.set_alarm().await?;
        Ok(admission)
    }

    /// Renews the lease of a container.
    ///
    /// # Errors
    /// The renewal may not be stored.
    pub async fn renew(&self, object: &str, account: &str, running: u32) -> Result<Renewal, PortError> {
        let now = self.runtime.clock.now();
        let renewal = self.change(|state| state.renew(object, account, running, self.limits, now))?;
        self.set_alarm().await?;
        Ok(renewal)
    }

    /// A container has ended. It may be repeated.
    ///
    /// # Errors
    /// The lease may go on; it then ends by itself.
    pub fn release(&self, object: &str) -> Result<(), PortError> {
        self.change(|state| state.release(object))
    }

    /// How many containers an account has.
    ///
    /// # Errors
    /// The state cannot be read.
    pub fn containers_of(&self, account: &str) -> Result<u32, PortError> {
        let now = self.runtime.clock.now();
        self.with(|state| {
            state.advance(now);
            state.of_account(account)
        })
    }

    /// Forgets the containers that nobody has renewed, and deletes the storage when none is left.
    ///
    /// # Errors
    /// The next alarm could not be set; the runtime repeats this one.
    pub async fn alarm(&self) -> Result<(), PortError> {
        let now = self.runtime.clock.now();
        let is_empty = self.change(|state| {
            state.advance(now);
            state.next_end().is_none()
        })?;
        if is_empty {
            // Between the look and the deletion there is no await, so no call can have stored anything.
            self.state.take();
            return self.runtime.storage.delete_all().await;
        }
        self.set_alarm().await
    }

    fn with<T>(&self, read: impl FnOnce(&mut FleetState) -> T) -> Result<T, PortError> {
        let mut memory = self.state.borrow_mut();
        if memory.is_none() {
            *memory = Some(json_row::load(&*self.runtime.storage, TABLE)?.unwrap_or_default());
        }
        Ok(read(memory.get_or_insert_default()))
    }

    fn change<T>(&self, change: impl FnOnce(&mut FleetState) -> T) -> Result<T, PortError> {
        let (value, state) = self.with(|state| (change(state), state.clone()))?;
        if let Err(error) = json_row::save(&*self.runtime.storage, TABLE, &state) {
            self.state.take();
            return Err(error);
        }
        Ok(value)
    }

    async fn set_alarm(&self) -> Result<(), PortError> {
        let next = self.state.borrow().as_ref().and_then(FleetState::next_end);
        match next {
            Some(at) => self.runtime.storage.schedule_alarm(at).await,
            None => Ok(()),
        }
    }
}
