//! What a Webhooks object does: it stores reports, and its alarm delivers them.
//!
//! Only the alarm sends requests, and the runtime runs one alarm of an object at a time. So no report is sent twice at once, and
//! no more are on their way than the account may have. Calls come between the awaits of the alarm: they add and delete reports,
//! so each report is read again after an await. Every attempt is stored before its request, and a reset repeats it later.

use crate::domain::input::page::Page;
use crate::domain::secret::DeploymentSecret;
use crate::domain::webhook::delivery::{AT_ONCE, Delivery, busy_hosts, choose};
use crate::domain::webhook::notice::RunNotice;
use crate::objects::runtime::ObjectRuntime;
use crate::objects::webhooks::call::ListedDelivery;
use crate::objects::webhooks::storage;
use crate::ports::webhooks::{ReportSender, ReportsOf, WebhookLedger};
use crate::ports::{Kv, Mailer, PortError, UsageLogs};
use futures::future::join_all;
use std::cell::RefCell;
use std::rc::Rc;

/// The reports that one of the workers of an alarm delivers. An attempt takes 10 s at most, and an alarm may take 15 minutes.
const AT_MOST_EACH: usize = 20;
/// What failed is repeated after this long, in milliseconds.
pub const RETRY_AFTER_MS: i64 = 60_000;

/// What an object needs from outside.
#[derive(Clone)]
pub struct WebhookPorts {
    pub ledger: Rc<dyn WebhookLedger>,
    pub logs: Rc<dyn UsageLogs>,
    pub runs: Rc<dyn Kv>,
    pub sender: Rc<dyn ReportSender>,
    /// `None` where mail cannot be sent.
    pub mailer: Option<Rc<dyn Mailer>>,
    pub secret: DeploymentSecret,
}

/// The webhooks of one account.
pub struct WebhooksLogic {
    pub(super) runtime: ObjectRuntime,
    pub(super) ports: WebhookPorts,
    /// The id and the host of each report that is on its way. It is never borrowed across an await.
    in_flight: RefCell<Vec<(String, String)>>,
}

impl WebhooksLogic {
    pub fn new(runtime: ObjectRuntime, ports: WebhookPorts) -> Self {
        Self { runtime, ports, in_flight: RefCell::default() }
    }

    /// See [`crate::ports::webhooks::Webhooks::enqueue`].
    ///
    /// # Errors
    /// The report may not be stored.
    pub async fn enqueue(&self, notice: RunNotice) -> Result<(), PortError> {
        let (storage, now) = (&*self.runtime.storage, self.runtime.clock.now());
        storage::create_tables(storage)?;
        storage::add(storage, &Delivery::new(notice, now))?;
        self.schedule().await
    }

    /// A part of the reports of a project, the newest first.
    ///
    /// # Errors
    /// The storage fails.
    pub fn deliveries(&self, project_id: &str, page: &Page) -> Result<Vec<ListedDelivery>, PortError> {
        let listed = storage::list(&*self.runtime.storage, project_id, page)?;
        Ok(listed.into_iter().map(ListedDelivery::from).collect())
    }

    /// Forgets the failures of a project.
    ///
    /// # Errors
    /// The storage fails.
    pub fn resume(&self, project_id: &str) -> Result<(), PortError> {
        storage::forget_failures(&*self.runtime.storage, project_id)
    }

    /// Deletes reports. What is on its way cannot be called back, and nothing of it is stored when it ends.
    ///
    /// # Errors
    /// The storage fails.
    pub fn erase(&self, reports: &ReportsOf) -> Result<(), PortError> {
        let storage = &*self.runtime.storage;
        storage.atomically(&mut || storage::erase(storage, reports))
    }

    /// Delivers what is due, and deletes what is kept no longer; the storage too when nothing is left. If the storage fails, the alarm
    /// comes again: the runtime repeats one that has failed a few times only.
    ///
    /// # Errors
    /// The next alarm could not be set.
    pub async fn alarm(&self) -> Result<(), PortError> {
        let Err(error) = self.maintain().await else { return Ok(()) };
        self.runtime.log_failure("The webhooks of an account could not do what was due; they try again.", &error.0);
        self.runtime.storage.set_alarm(self.runtime.clock.now().plus_ms(RETRY_AFTER_MS)).await
    }

    async fn maintain(&self) -> Result<(), PortError> {
        let storage = &*self.runtime.storage;
        if storage::has_tables(storage)? {
            let workers = (0..AT_ONCE).map(|_| self.work());
            join_all(workers).await.into_iter().collect::<Result<(), _>>()?;
            self.switch_off().await?;
            storage::purge(storage, self.runtime.clock.now())?;
        }
        match storage::next_alarm(storage)? {
            Some(at) => storage.set_alarm(at).await,
            // Between the look and the deletion there is no await, so no call can have stored anything.
            None => storage.delete_all().await,
        }
    }

    /// Delivers reports one after the other.
    async fn work(&self) -> Result<(), PortError> {
        for _ in 0..AT_MOST_EACH {
            let busy = busy_hosts(&self.in_flight.borrow());
            let due = storage::due(&*self.runtime.storage, self.runtime.clock.now(), &busy)?;
            let chosen = choose(&due, &self.in_flight.borrow()).cloned();
            let Some(delivery) = chosen else { break };
            let id = delivery.notice.id();
            self.in_flight.borrow_mut().push((id.clone(), delivery.notice.to.host.clone()));
            let done = self.attempt(delivery).await;
            self.in_flight.borrow_mut().retain(|(other, _)| *other != id);
            done?;
        }
        Ok(())
    }

    /// Makes the alarm fire when something is due.
    async fn schedule(&self) -> Result<(), PortError> {
        let storage = &*self.runtime.storage;
        match storage::next_alarm(storage)? {
            Some(at) => storage.schedule_alarm(at).await,
            None => Ok(()),
        }
    }
}
