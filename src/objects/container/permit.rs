//! The lease of a container at the fleet of its class: asked for before the container starts, renewed while it lives.

use crate::domain::account::quota::{Quota, QuotaExceeded};
use crate::domain::pool::fleet::{Admission, RENEW_EVERY_MS, Renewal};
use crate::domain::pool::name::PoolName;
use crate::domain::timestamp::Timestamp;
use crate::objects::container::storage::{self, Holder};
use crate::objects::runtime::ObjectRuntime;
use crate::ports::accounts::AccountLedger;
use crate::ports::fleet::Fleet;
use crate::ports::{PoolFailure, PoolFailureCode, PortError};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// How often an object whose container is to end looks whether its runs have ended, in milliseconds.
const LOOK_AGAIN_MS: i64 = 1_000;
/// How often, and with which pause in milliseconds, an object asks while all containers are in use. A run waits for 10 s.
const ATTEMPTS: u32 = 9;
const PAUSE_MS: u32 = 1_000;

/// The lease of one object's container.
pub struct ContainerPermit {
    fleet: Rc<dyn Fleet>,
    ledger: Rc<dyn AccountLedger>,
    runtime: ObjectRuntime,
    /// The name of the object, which its callers say.
    name: RefCell<Option<PoolName>>,
    renew_at: Cell<Option<Timestamp>>,
    is_reclaimed: Cell<bool>,
}

impl ContainerPermit {
    pub fn new(fleet: Rc<dyn Fleet>, ledger: Rc<dyn AccountLedger>, runtime: ObjectRuntime) -> Rc<Self> {
        Rc::new(Self {
            fleet,
            ledger,
            runtime,
            name: RefCell::default(),
            renew_at: Cell::default(),
            is_reclaimed: Cell::default(),
        })
    }

    /// Notes the name of the object.
    pub fn set_name(&self, name: &PoolName) {
        self.name.borrow_mut().get_or_insert_with(|| name.clone());
    }

    /// Whether the container takes no further runs, and ends with those in progress.
    pub fn is_reclaimed(&self) -> bool {
        self.is_reclaimed.get()
    }

    /// Asks for a container. While all are in use, it asks again for almost as long as a run waits.
    ///
    /// # Errors
    /// No container may be started now.
    pub async fn ask(&self) -> Result<(), PoolFailure> {
        let refused = |error: PortError| PoolFailureCode::Unavailable.with_message(error.0);
        let holder = self.holder().await.map_err(refused)?;
        for attempt in 1.. {
            match self.fleet.ask(&holder.object, &holder.account).await.map_err(refused)? {
                Admission::Granted => break,
                Admission::Full if attempt < ATTEMPTS => self.runtime.clock.sleep(PAUSE_MS).await,
                Admission::Full => return Err(PoolFailureCode::Busy.with_message("All containers are in use.")),
                Admission::AccountFull { limit } => {
                    let now = self.runtime.clock.now();
                    let exceeded = QuotaExceeded::new(Quota::ContainersAtOnce, limit.into(), now);
                    return Err(PoolFailure::of_quota(exceeded));
                }
            }
        }
        self.is_reclaimed.set(false);
        self.renew_at.set(Some(self.runtime.clock.now().plus_ms(RENEW_EVERY_MS)));
        storage::keep_holder(&*self.runtime.storage, &holder).map_err(refused)
    }

    /// Renews the lease of a container that lives, if that is due. Returns when to look again.
    pub async fn renew(&self, running: u32) -> Timestamp {
        let now = self.runtime.clock.now();
        if let Some(at) = self.renew_at.get().filter(|at| now < *at) {
            return at;
        }
        let renewed = async {
            let holder = self.holder().await?;
            self.fleet.renew(&holder.object, &holder.account, running).await
        };
        match renewed.await {
            Ok(renewal) => self.is_reclaimed.set(renewal == Renewal::Reclaimed),
            // A lease lasts for three renewals.
            Err(error) => self.runtime.log_failure("The lease of a container could not be renewed.", &error.0),
        }
        let pause = if self.is_reclaimed.get() { LOOK_AGAIN_MS } else { RENEW_EVERY_MS };
        let next = self.runtime.clock.now().plus_ms(pause);
        self.renew_at.set(Some(next));
        next
    }

    /// The container has ended.
    pub async fn release(&self) {
        self.is_reclaimed.set(false);
        self.renew_at.set(None);
        // Without a holder, no call has started a container.
        let Ok(Some(object)) = self.object() else { return };
        if let Err(error) = self.fleet.release(&object).await {
            self.runtime.log_failure("The lease of a container could not be given back.", &error.0);
        }
    }

    /// The name of the object: from its callers, or from its storage if an alarm has woken it.
    fn object(&self) -> Result<Option<String>, PortError> {
        if let Some(name) = &*self.name.borrow() {
            return Ok(Some(name.to_string()));
        }
        Ok(storage::holder(&*self.runtime.storage)?.map(|holder| holder.object))
    }

    /// The name of the object, and the account that owns its project. A project without owner is an account of its own.
    async fn holder(&self) -> Result<Holder, PortError> {
        if let Some(holder) = storage::holder(&*self.runtime.storage)? {
            return Ok(holder);
        }
        let name = self.name.borrow().clone().ok_or_else(|| PortError("The object has no name.".to_owned()))?;
        let project = name.project().to_owned();
        let account = self.ledger.owner_of(&project).await?.unwrap_or(project);
        Ok(Holder { object: name.to_string(), account })
    }
}
