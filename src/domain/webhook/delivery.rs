//! One report on its way to its receiver: its attempts, and when the next one is due.

use crate::domain::input::page::Position;
use crate::domain::timestamp::{DAY_MS, Timestamp};
use crate::domain::webhook::notice::RunNotice;
use crate::domain::webhook::retry::{ATTEMPT_MS, next_attempt};
pub use docle_api::webhooks::{WebhookDrop, WebhookError, WebhookState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// An attempt is known to be over after this long, in milliseconds: what it may take, and as much again for what comes after.
const LEASE_MS: i64 = 2 * ATTEMPT_MS as i64;
/// The pause before a report is looked at again that could not be written, in milliseconds: a quarter of its age, within these.
const UNREADY_MS: (i64, i64) = (30_000, 1_800_000);
/// A result that is missing this long after the end of its run was deleted, in milliseconds. The log of a project may take runs
/// late.
const DELETED_AFTER_MS: i64 = DAY_MS / 2;

/// One report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// What is reported. When nothing is to come, the URL in it is empty.
    pub notice: RunNotice,
    pub state: WebhookState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<WebhookDrop>,
    pub attempts: Vec<Attempt>,
    /// When it is looked at again; `None` if nothing is to come. It has a column of its own.
    #[serde(skip)]
    pub next_at: Option<Timestamp>,
}

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<WebhookError>,
}

impl Delivery {
    /// A report that is due at once.
    pub fn new(notice: RunNotice, now: Timestamp) -> Self {
        Self { notice, state: WebhookState::Pending, reason: None, attempts: Vec::new(), next_at: Some(now) }
    }

    /// Notes that an attempt begins. If the object is reset meanwhile, the attempt counts as interrupted, and the next one comes
    /// when this one is certainly over. Returns whether it may begin.
    pub fn begin(&mut self, now: Timestamp) -> bool {
        if !self.attempts.is_empty() && next_attempt(self.attempts.len(), now, 0).is_none() {
            self.close(WebhookState::Failed);
            return false;
        }
        self.attempts.push(Attempt { at: now, status: None, error: Some(WebhookError::Interrupted) });
        self.next_at = Some(now.plus_ms(LEASE_MS));
        true
    }

    /// Notes how the attempt ended that began last. Returns whether the receiver has accepted the report.
    pub fn end(&mut self, answer: Result<u16, WebhookError>, now: Timestamp, random: u16) -> bool {
        if let Some(attempt) = self.attempts.last_mut() {
            (attempt.status, attempt.error) = (answer.ok(), answer.err());
        }
        if answer.is_ok_and(|status| (200..300).contains(&status)) {
            self.close(WebhookState::Delivered);
            return true;
        }
        self.next_at = next_attempt(self.attempts.len(), now, random);
        if self.next_at.is_none() {
            self.close(WebhookState::Failed);
        }
        false
    }

    /// Notes that the report could not be written now: by a failure of ours, or because the account is suspended.
    pub fn postpone(&mut self, now: Timestamp) {
        match now.0 - self.notice.at.0 {
            age @ ..DAY_MS => self.next_at = Some(now.plus_ms(pause_of_unready(age))),
            _ => self.close(WebhookState::Failed),
        }
    }

    /// Notes that the result of the run is not there.
    pub fn miss(&mut self, now: Timestamp) {
        match now.0 - self.notice.at.0 {
            age @ ..DELETED_AFTER_MS => self.next_at = Some(now.plus_ms(pause_of_unready(age))),
            _ => self.drop_for(WebhookDrop::RunDeleted),
        }
    }

    /// Notes that the report is not sent.
    pub fn drop_for(&mut self, reason: WebhookDrop) {
        self.reason = Some(reason);
        self.close(WebhookState::Dropped);
    }

    fn close(&mut self, state: WebhookState) {
        self.state = state;
        self.next_at = None;
        self.notice.to.url.clear();
    }

    /// Where it stands in a list.
    pub fn position(&self) -> Position {
        Position { at: self.notice.at, id: self.notice.id() }
    }
}

/// How long a report of this age waits that could not be written, in milliseconds.
fn pause_of_unready(age_ms: i64) -> i64 {
    let (shortest, longest) = UNREADY_MS;
    (age_ms / 4).clamp(shortest, longest)
}

/// Reports of one account that are on their way at once.
pub const AT_ONCE: usize = 3;
/// Those of one host, so that a receiver that does not answer leaves room for the others.
const AT_ONCE_FOR_HOST: usize = 2;

/// The hosts to which no further report may be sent while those in flight are.
pub fn busy_hosts(in_flight: &[(String, String)]) -> Vec<String> {
    let count = |host: &String| in_flight.iter().filter(|(_, other)| other == host).count();
    let busy = in_flight.iter().map(|(_, host)| host).filter(|host| count(host) >= AT_ONCE_FOR_HOST);
    busy.cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The first of the reports that are due and may be sent while those in flight are, each with its id and its host.
pub fn choose<'d>(due: &'d [Delivery], in_flight: &[(String, String)]) -> Option<&'d Delivery> {
    if in_flight.len() >= AT_ONCE {
        return None;
    }
    let busy = busy_hosts(in_flight);
    due.iter().find(|delivery| {
        let (id, host) = (delivery.notice.id(), &delivery.notice.to.host);
        in_flight.iter().all(|(other, _)| *other != id) && !busy.contains(host)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::webhook::notice::tests::notice;
    use serde_json::json;

    fn delivery(number: u8, host: &str) -> Delivery {
        Delivery::new(notice(number, host, 0), Timestamp(0))
    }

    #[test]
    fn delivery_format_unchanged() {
        let mut one = delivery(1, "a.com");
        assert!(one.begin(Timestamp(5)));
        let expected = json!({
            "notice": serde_json::to_value(&one.notice).unwrap(), "state": "pending",
            "attempts": [{ "at": 5, "error": "interrupted" }],
        });
        assert_eq!(serde_json::to_value(&one).unwrap(), expected);
        assert_eq!(one.next_at, Some(Timestamp(20_005)));
        assert!(one.end(Ok(204), Timestamp(6), 0));
        let written = serde_json::to_value(&one).unwrap();
        assert_eq!(
            (&written["state"], &written["attempts"]),
            (&json!("delivered"), &json!([{ "at": 5, "status": 204 }]))
        );
        assert_eq!((written["notice"]["to"]["url"].as_str(), one.next_at), (Some(""), None));
        one.drop_for(WebhookDrop::NoSecret);
        assert_eq!(serde_json::to_value(&one).unwrap()["reason"], "no_secret");
    }

    #[test]
    fn only_a_status_of_success_accepts_a_report() {
        for (answer, is_accepted) in [
            (Ok(200), true),
            (Ok(299), true),
            (Ok(302), false),
            (Ok(410), false),
            (Ok(500), false),
            (Err(WebhookError::Timeout), false),
        ] {
            let mut one = delivery(1, "a.com");
            one.begin(Timestamp(0));
            assert_eq!(one.end(answer, Timestamp(1), 0), is_accepted, "{answer:?}");
            assert_eq!(one.next_at.is_none(), is_accepted, "{answer:?}");
        }
    }

    #[test]
    fn a_report_fails_after_eleven_attempts_also_if_every_one_was_interrupted() {
        let (mut failing, mut interrupted) = (delivery(1, "a.com"), delivery(2, "a.com"));
        while let Some(at) = failing.next_at {
            assert!(failing.begin(at));
            failing.end(Ok(500), at, 0);
        }
        assert_eq!((failing.state, failing.attempts.len()), (WebhookState::Failed, 11));
        while let Some(at) = interrupted.next_at {
            interrupted.begin(at);
        }
        assert_eq!((interrupted.state, interrupted.attempts.len()), (WebhookState::Failed, 11));
    }

    #[test]
    fn a_result_that_is_missing_for_half_a_day_was_deleted() {
        let mut one = delivery(1, "a.com");
        one.miss(Timestamp(DELETED_AFTER_MS - 1));
        assert_eq!(
            (one.state, one.next_at),
            (WebhookState::Pending, Some(Timestamp(DELETED_AFTER_MS - 1 + 1_800_000)))
        );
        one.miss(Timestamp(DELETED_AFTER_MS));
        assert_eq!((one.state, one.reason), (WebhookState::Dropped, Some(WebhookDrop::RunDeleted)));
        let mut other = delivery(1, "a.com");
        other.postpone(Timestamp(DAY_MS - 1));
        assert_eq!(other.state, WebhookState::Pending);
        other.postpone(Timestamp(DAY_MS));
        assert_eq!((other.state, other.attempts.len()), (WebhookState::Failed, 0));
    }

    #[test]
    fn a_report_that_could_not_be_written_was_looked_at_every_thirty_seconds_for_a_day() {
        let (mut one, mut now, mut looks) = (delivery(1, "a.com"), Timestamp(0), 0);
        while one.state == WebhookState::Pending {
            one.postpone(now);
            now = one.next_at.unwrap_or(now);
            looks += 1;
        }
        assert!((50..80).contains(&looks), "{looks}");
    }

    #[test]
    fn three_are_sent_at_once_and_two_of_them_to_one_host() {
        let due = [
            delivery(1, "a.com"),
            delivery(2, "a.com"),
            delivery(3, "a.com"),
            delivery(4, "b.com"),
            delivery(5, "c.com"),
        ];
        let mut in_flight = Vec::new();
        while let Some(one) = choose(&due, &in_flight) {
            in_flight.push((one.notice.id(), one.notice.to.host.clone()));
        }
        assert_eq!(busy_hosts(&in_flight), ["a.com"]);
        let expected: Vec<_> = [0, 1, 3].map(|index: usize| due[index].notice.id()).to_vec();
        assert_eq!(in_flight.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), expected);
        in_flight.remove(0);
        assert_eq!(choose(&due, &in_flight).map(|one| one.notice.id()), Some(due[0].notice.id()));
    }
}
