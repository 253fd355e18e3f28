//! Examples of webhooks.

use crate::document::example::{Example, RUN_ID, text, time};
use crate::runs::RunResult;
use crate::webhook_messages::*;
use crate::webhooks::*;

impl Example for CreatedWebhookSecret {
    const NAME: &'static str = "secret";

    fn example() -> Self {
        // Every byte is a zero, so that it is no secret.
        Self { secret: format!("whsec_{}=", "A".repeat(43)), created_at: time(), previous_until: None }
    }
}

impl Example for WebhookSecret {
    const NAME: &'static str = "state";

    fn example() -> Self {
        Self { created_at: Some(time()), previous_until: None, disabled_at: None }
    }
}

impl Example for WebhookMessage {
    const NAME: &'static str = "report";

    fn example() -> Self {
        let shortened = Shortened { stdout: false, stderr: false };
        let data = ReportedRun { result: RunResult::example(), shortened };
        Self { event: WebhookEvent::RunCompleted, timestamp: time(), data }
    }
}

impl Example for WebhookDeliveryPage {
    const NAME: &'static str = "deliveries";

    fn example() -> Self {
        let delivery = WebhookDelivery {
            id: format!("msg_{RUN_ID}_completed"),
            run_id: text(RUN_ID),
            event: WebhookEvent::RunCompleted,
            host: text("example.com"),
            state: WebhookState::Delivered,
            reason: None,
            created_at: time(),
            next_attempt_at: None,
            attempts: vec![
                WebhookAttempt { at: time(), status: None, error: Some(WebhookError::Timeout) },
                WebhookAttempt { at: time(), status: Some(204), error: None },
            ],
        };
        Self { deliveries: vec![delivery], next_cursor: None }
    }
}
