//! Mail by Resend's HTTP API (<https://resend.com/docs/api-reference/emails/send-email>).

use crate::domain::account::mail::Mail;
use crate::platform::fetch;
use crate::ports::{Mailer, PortError};
use async_trait::async_trait;
use serde_json::json;

/// [`Mailer`] over Resend.
pub struct Resend {
    /// Without a slash at the end.
    pub url: String,
    pub api_key: String,
    /// The sender, for example `Docle <login@docle.co>`.
    pub from: String,
}

#[async_trait(?Send)]
impl Mailer for Resend {
    async fn send(&self, mail: Mail) -> Result<(), PortError> {
        let body = json!({
            "from": self.from,
            "to": [mail.to.as_str()],
            "subject": mail.subject,
            "text": mail.text,
            "html": mail.html,
        });
        let answer = async {
            let authorization = format!("Bearer {}", self.api_key);
            let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
            let request = fetch::request("POST", &headers, Some(&body.to_string().into()))?;
            fetch::outside(&format!("{}/emails", self.url), &request).await
        };
        let response =
            answer.await.map_err(|error: worker::Error| PortError(format!("Resend does not answer: {error}")))?;
        match response.status() {
            200..=299 => Ok(()),
            status => Err(PortError(format!("Resend answered {status}."))),
        }
    }
}
