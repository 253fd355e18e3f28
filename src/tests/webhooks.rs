//! Webhooks by their own logic, without the runtime between, and receivers that answer as they are told.

use crate::domain::input::page::Page;
use crate::domain::webhook::delivery::{Delivery, WebhookError};
use crate::domain::webhook::notice::RunNotice;
use crate::objects::runtime::ObjectRuntime;
use crate::objects::webhooks::logic::{WebhookPorts, WebhooksLogic};
use crate::ports::PortError;
use crate::ports::webhooks::{ReportRequest, ReportSender, ReportsOf, Webhooks};
use crate::tests::fault::Faults;
use async_trait::async_trait;
use std::cell::{Cell, RefCell};

/// [`Webhooks`] of all accounts in one object.
pub struct LocalWebhooks {
    pub logic: WebhooksLogic,
    /// The notices that arrived, also those that were known.
    pub notices: RefCell<Vec<RunNotice>>,
    /// What happens to the next notices.
    pub faults: Faults,
    /// Whether the objects cannot be reached.
    pub fails: Cell<bool>,
}

impl LocalWebhooks {
    pub fn new(runtime: ObjectRuntime, ports: WebhookPorts) -> Self {
        let logic = WebhooksLogic::new(runtime, ports);
        Self { logic, notices: RefCell::default(), faults: Faults::default(), fails: Cell::default() }
    }

    fn reach(&self) -> Result<&WebhooksLogic, PortError> {
        if self.fails.get() { Err(PortError("The webhooks are away.".into())) } else { Ok(&self.logic) }
    }
}

#[async_trait(?Send)]
impl Webhooks for LocalWebhooks {
    async fn enqueue(&self, notice: &RunNotice) -> Result<(), PortError> {
        let logic = self.reach()?;
        let enqueue = async || {
            self.notices.borrow_mut().push(notice.clone());
            logic.enqueue(notice.clone()).await
        };
        self.faults.around(enqueue).await?
    }

    async fn deliveries(&self, _: &str, project_id: &str, page: &Page) -> Result<Vec<Delivery>, PortError> {
        Ok(self.reach()?.deliveries(project_id, page)?.into_iter().map(Delivery::from).collect())
    }

    async fn resume(&self, _: &str, project_id: &str) -> Result<(), PortError> {
        self.reach()?.resume(project_id)
    }

    async fn erase(&self, _: &str, reports: &ReportsOf) -> Result<(), PortError> {
        self.reach()?.erase(reports)
    }
}

/// [`ReportSender`] that answers 204 unless it is told otherwise, and keeps what was sent.
pub struct FakeReceivers {
    pub sent: RefCell<Vec<ReportRequest>>,
    pub answer: Cell<Result<u16, WebhookError>>,
    /// What happens to the next requests: one that fails gets no answer.
    pub faults: Faults,
}

impl Default for FakeReceivers {
    fn default() -> Self {
        Self { sent: RefCell::default(), answer: Cell::new(Ok(204)), faults: Faults::default() }
    }
}

#[async_trait(?Send)]
impl ReportSender for FakeReceivers {
    async fn send(&self, request: &ReportRequest) -> Result<u16, WebhookError> {
        let receive = async || {
            self.sent.borrow_mut().push(request.clone());
            self.answer.get()
        };
        self.faults.around(receive).await.unwrap_or(Err(WebhookError::Unreachable))
    }
}
