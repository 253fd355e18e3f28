//! Operations of the webhooks of a project.

use crate::document::operation::{Caller, Method, Operation, Tag};
use crate::document::parameters::Parameter;
use crate::errors::ErrorCode::*;
use crate::webhooks::*;

const PROJECT: Parameter = Parameter::Id("The id of the project.");
const SECRET: &str = "/api/projects/:id/webhook-secret";

pub fn operations() -> Vec<Operation> {
    let of = |id, route, summary, description| {
        Operation::new(id, route, (Tag::Projects, Caller::Manager), summary, description)
            .with(PROJECT)
            .fails(&[ProjectNotFound])
    };
    vec![
        of(
            "rotate_webhook_secret",
            (Method::Post, SECRET),
            "Make a webhook secret",
            "Makes the secret that signs the webhooks of the project. No other response shows it. A secret that was there before \
             signs as well for 24 hours. If the webhooks were switched off, they are on again.",
        )
        .gives::<CreatedWebhookSecret>(201, "The secret.")
        .changes(),
        of(
            "get_webhook_secret",
            (Method::Get, SECRET),
            "Read the state of the webhooks",
            "When the secret was made, and whether webhooks are delivered.",
        )
        .gives::<WebhookSecret>(200, "The state."),
        of(
            "delete_webhook_secret",
            (Method::Delete, SECRET),
            "Delete the webhook secret",
            "Deletes the secret, the reports that wait, and the list of those that were delivered. Runs that ask for a webhook are \
             refused from then on. Repeating this changes nothing.",
        )
        .empty(204, "The project has no webhooks any more.")
        .changes(),
        of(
            "list_webhook_deliveries",
            (Method::Get, "/api/projects/:id/webhook-deliveries"),
            "List webhook deliveries",
            "The reports of the last seven days, the newest first, with the status and the time of each attempt.",
        )
        .paged()
        .gives::<WebhookDeliveryPage>(200, "One page of reports."),
    ]
}
