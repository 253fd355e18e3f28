//! The calls of a Webhooks object, and the stub that sends them.

use crate::domain::input::page::Page;
use crate::domain::timestamp::Timestamp;
use crate::domain::webhook::delivery::Delivery;
use crate::domain::webhook::notice::RunNotice;
use crate::objects::call::{self, Answer, CallError, ObjectCall};
use crate::platform::fetch;
use crate::ports::PortError;
use crate::ports::webhooks::{ReportsOf, Webhooks};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use worker::ObjectNamespace;

/// The calls of a Webhooks object; [`Webhooks`] documents what each of them does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WebhooksCall {
    Enqueue(RunNotice),
    /// The body of the answer is a list of [`ListedDelivery`] as JSON.
    #[serde(rename_all = "camelCase")]
    Deliveries {
        project_id: String,
        page: Page,
    },
    Resume(String),
    Erase(ReportsOf),
}

impl ObjectCall for WebhooksCall {
    /// The object has logged why.
    type Refusal = ();

    fn may_repeat(&self) -> bool {
        true
    }
}

/// A report with the time of its next attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedDelivery {
    pub delivery: Delivery,
    pub next_at: Option<Timestamp>,
}

impl From<Delivery> for ListedDelivery {
    fn from(delivery: Delivery) -> Self {
        Self { next_at: delivery.next_at, delivery }
    }
}

impl From<ListedDelivery> for Delivery {
    fn from(listed: ListedDelivery) -> Self {
        Self { next_at: listed.next_at, ..listed.delivery }
    }
}

const PREFIX: &str = "webhooks:";

/// The name of the object of an account.
pub fn object_of_account(account: &str) -> String {
    format!("{PREFIX}{account}")
}

/// The account whose object has this name.
pub fn account_of_object(object: &str) -> Option<&str> {
    object.strip_prefix(PREFIX).filter(|account| !account.is_empty())
}

/// [`Webhooks`] by calling Webhooks objects.
pub struct WebhooksStub {
    pub namespace: ObjectNamespace,
}

impl WebhooksStub {
    async fn call(&self, account: &str, webhooks_call: &WebhooksCall) -> Result<Answer, PortError> {
        let answer = call::call(&self.namespace, &object_of_account(account), webhooks_call, None, None).await;
        answer.map_err(|error| match error {
            CallError::Refused(()) => PortError("The webhooks of an account refused a call.".to_owned()),
            CallError::Lost(why) => PortError(format!("Calling the webhooks of an account failed: {why}")),
        })
    }
}

#[async_trait(?Send)]
impl Webhooks for WebhooksStub {
    async fn enqueue(&self, notice: &RunNotice) -> Result<(), PortError> {
        self.call(&notice.to.account, &WebhooksCall::Enqueue(notice.clone())).await.map(drop)
    }

    async fn deliveries(&self, account: &str, project_id: &str, page: &Page) -> Result<Vec<Delivery>, PortError> {
        let list = WebhooksCall::Deliveries { project_id: project_id.to_owned(), page: page.clone() };
        let answer = self.call(account, &list).await?;
        let read = |error: String| PortError(format!("The reports of an account are unreadable: {error}"));
        let bytes = fetch::bytes(&answer.0).await.map_err(|error| read(error.to_string()))?;
        let listed: Vec<ListedDelivery> = serde_json::from_slice(&bytes).map_err(|error| read(error.to_string()))?;
        Ok(listed.into_iter().map(Delivery::from).collect())
    }

    async fn resume(&self, account: &str, project_id: &str) -> Result<(), PortError> {
        self.call(account, &WebhooksCall::Resume(project_id.to_owned())).await.map(drop)
    }

    async fn erase(&self, account: &str, reports: &ReportsOf) -> Result<(), PortError> {
        self.call(account, &WebhooksCall::Erase(reports.clone())).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::webhook::notice::tests::notice;
    use serde_json::json;

    #[test]
    fn webhooks_object_name_unchanged() {
        assert_eq!(object_of_account("user_1"), "webhooks:user_1");
        assert_eq!(account_of_object("webhooks:user_1"), Some("user_1"));
        for other in ["", "webhooks:", "account:user_1"] {
            assert_eq!(account_of_object(other), None, "{other}");
        }
    }

    #[test]
    fn webhooks_call_format_unchanged() {
        let written = |call: WebhooksCall| serde_json::to_value(call).unwrap();
        let notice = notice(1, "a.com", 5);
        let expected = json!({ "enqueue": serde_json::to_value(&notice).unwrap() });
        assert_eq!(written(WebhooksCall::Enqueue(notice.clone())), expected);
        let deliveries = WebhooksCall::Deliveries { project_id: "proj_1".into(), page: Page::of(7, None) };
        let expected = json!({ "deliveries": { "projectId": "proj_1", "page": { "limit": 7, "after": null } } });
        assert_eq!(written(deliveries), expected);
        assert_eq!(written(WebhooksCall::Resume("proj_1".into())), json!({ "resume": "proj_1" }));
        let project = WebhooksCall::Erase(ReportsOf::Project("proj_1".into()));
        assert_eq!(written(project), json!({ "erase": { "project": "proj_1" } }));
        let end_user = ReportsOf::EndUser { project_id: "proj_1".into(), end_user_id: "u".into() };
        let expected = json!({ "erase": { "endUser": { "projectId": "proj_1", "endUserId": "u" } } });
        assert_eq!(written(WebhooksCall::Erase(end_user)), expected);
        let listed = ListedDelivery::from(Delivery::new(notice, Timestamp(6)));
        assert_eq!(serde_json::to_value(&listed).unwrap()["nextAt"], 6);
        assert_eq!(Delivery::from(listed).next_at, Some(Timestamp(6)));
    }
}
