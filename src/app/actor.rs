//! The user behind a change.

use crate::app::context::App;
use crate::domain::account::audit::{Action, Event, Origin};
use crate::domain::id::{self, Kind};

/// The user who makes a change, and where the call comes from.
pub struct Actor<'a> {
    pub user_id: &'a str,
    pub origin: Origin,
}

impl Actor<'_> {
    /// The audit event of a change made now.
    pub fn event(&self, app: &App, action: Action, project_id: &str, subject: &str) -> Event {
        Event {
            id: id::from_random(Kind::Event, app.random()),
            user_id: self.user_id.to_owned(),
            project_id: Some(project_id.to_owned()),
            action,
            subject: subject.to_owned(),
            at: app.clock.now(),
            origin: self.origin.clone(),
        }
    }
}
