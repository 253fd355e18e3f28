//! Requests to the receivers of reports.

use crate::domain::webhook::delivery::WebhookError;
use crate::platform::fetch;
use crate::ports::webhooks::{ReportRequest, ReportSender};
use async_trait::async_trait;
use worker::worker_sys::web_sys::{AbortController, RequestRedirect};

/// [`ReportSender`] by `fetch`. The runtime connects to public addresses only, whatever a name resolves to; on a development
/// machine to all.
pub struct FetchReports;

/// Ends a request, and the reading of its answer, when it is dropped.
struct AbortOnDrop(AbortController);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[async_trait(?Send)]
impl ReportSender for FetchReports {
    async fn send(&self, request: &ReportRequest) -> Result<u16, WebhookError> {
        let at = request.at_seconds.to_string();
        let headers = [
            ("content-type", "application/json"),
            ("user-agent", "Docle-Webhooks"),
            ("webhook-id", request.id.as_str()),
            ("webhook-timestamp", at.as_str()),
            ("webhook-signature", request.signatures.as_str()),
        ];
        let abort = AbortOnDrop(AbortController::new().map_err(|_| WebhookError::Unreachable)?);
        let answer = async {
            let init = fetch::request("POST", &headers, Some(&request.body.as_str().into()))?;
            init.set_redirect(RequestRedirect::Manual);
            init.set_signal(Some(&abort.0.signal()));
            fetch::outside(&request.url, &init).await
        };
        // The error may name the URL, so it is in no log.
        answer.await.map(|response| response.status()).map_err(|_| WebhookError::Unreachable)
    }
}
