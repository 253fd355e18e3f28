//! What a run may say about its webhook.

use crate::domain::input::reader::{Reader, shown};
use crate::domain::webhook::notice::WebhookEvent;
use crate::domain::webhook::url::WebhookUrl;
use docle_api::webhooks::Webhook;
use docle_api::{fields, limits};

const EVENTS: &str = "must be [\"run.completed\"], which is the default";

/// Reads `webhook` of a run, which is detached or not. What is wrong is noted.
pub fn read(fields: &mut Reader<'_>, is_detached: bool) -> Option<WebhookUrl> {
    let is_sent = fields.has("webhook");
    let url = fields.object("webhook", fields::of::<Webhook>()).and_then(read_url);
    if is_sent && !is_detached {
        fields.note("webhook", "needs detach: true, because another call answers with the result itself");
    }
    url
}

fn read_url(mut fields: Reader<'_>) -> Option<WebhookUrl> {
    read_events(&mut fields);
    if !fields.has("url") {
        fields.note("url", "is required, such as \"https://example.com/docle\"");
    }
    let text = fields.string("url")?;
    // The URL itself is in no message, because it may have secrets of the receiver.
    WebhookUrl::parse(&text).map_err(|clause| fields.note("url", clause)).ok()
}

fn read_events(fields: &mut Reader<'_>) {
    let Some(events) = fields.strings("events", limits::MAX_WEBHOOK_EVENTS) else { return };
    if events.is_empty() {
        fields.note("events", EVENTS);
    }
    for (index, event) in events.iter().enumerate() {
        if WebhookEvent::ALL.iter().all(|known| known.name() != event) {
            fields.note(&format!("events[{index}]"), format!("is no event, got \"{}\": events {EVENTS}", shown(event)));
        }
    }
}
