//! Who may pass a key's gate: the key's validity, its domains and its rate, decided in one step.

use crate::domain::account::quota::QuotaExceeded;
use crate::domain::key::allowed_domain;
use crate::domain::key::rolling_window::{Rate, RollingWindow, WINDOW_MS};
use crate::domain::project::isolate_settings::IsolateSettings;
use crate::domain::run::record::Owner;
use crate::domain::timestamp::DAY_MS;
use crate::domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// What the database says about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyConfig {
    pub owner: Owner,
    /// The account that owns the project; `None` if nobody does. Its quotas hold for the key.
    pub account: Option<String>,
    /// Whether the operator has suspended that account.
    pub is_suspended: bool,
    /// Whether the key was revoked, which is for good, whatever the clock says.
    pub is_revoked: bool,
    /// When the key expires by itself.
    pub expires_at: Option<Timestamp>,
    pub allowed_domains: Vec<String>,
    pub limit: u32,
    /// Whether the project wants the addresses of its callers kept.
    pub store_ip: bool,
    /// What the project decides about its scripts.
    pub isolates: IsolateSettings,
}

/// A call with the key, as the gate checks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckKey {
    /// The host of the page that the call comes from, in lower case.
    pub host: Option<String>,
    /// Whether the call counts against the limit; others only show the key.
    pub counts: bool,
    /// Whether the call executes a script, which counts against the quotas of the account.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executes: bool,
}

/// A script that may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// Whether the account has calls of models left.
    pub has_ai: bool,
}

/// The decision about a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum Decision {
    /// The key does not exist, or it was revoked.
    Invalid,
    /// The key has expired.
    Expired { at: Timestamp },
    /// The operator has suspended the account that the key belongs to.
    Suspended,
    /// The key is for other pages.
    DomainNotAllowed,
    /// The limit is used up.
    Limited { rate: Rate },
    /// A quota of the account is used up. The call was counted.
    QuotaExceeded { exceeded: QuotaExceeded, rate: Rate },
    /// The call passes.
    #[serde(rename_all = "camelCase")]
    Allowed {
        owner: Owner,
        store_ip: bool,
        rate: Rate,
        #[serde(default, skip_serializing_if = "IsolateSettings::is_default")]
        isolates: IsolateSettings,
        /// With a call that executes a script.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        execution: Option<Execution>,
    },
}

impl Decision {
    /// Whether the key exists and is valid, whatever else speaks against the call.
    pub const fn is_for_valid_key(&self) -> bool {
        match self {
            Self::Invalid | Self::Expired { .. } | Self::Suspended => false,
            Self::DomainNotAllowed | Self::Limited { .. } | Self::QuotaExceeded { .. } | Self::Allowed { .. } => true,
        }
    }
}

/// Decides about one caller; one that passes and counts is counted in `window`.
pub fn decide(config: Option<&KeyConfig>, window: &mut RollingWindow, check: &CheckKey, now: Timestamp) -> Decision {
    let Some(config) = config.filter(|config| !config.is_revoked) else { return Decision::Invalid };
    if let Some(at) = config.expires_at.filter(|at| *at <= now) {
        return Decision::Expired { at };
    }
    if config.is_suspended {
        return Decision::Suspended;
    }
    if !allowed_domain::allows(&config.allowed_domains, check.host.as_deref()) {
        return Decision::DomainNotAllowed;
    }
    let admitted = !check.counts || window.admit(config.limit, now);
    let rate = window.rate(config.limit, now);
    if admitted {
        Decision::Allowed {
            owner: config.owner.clone(),
            store_ip: config.store_ip,
            rate,
            isolates: config.isolates.clone(),
            execution: None,
        }
    } else {
        Decision::Limited { rate }
    }
}

/// How long a call that was let through may be known to the object's memory alone. This, and no more, is what a crash of
/// the object can forget: its limit may be exceeded by the calls of the last second before.
pub const SAVE_AFTER_MS: i64 = 1_000;
/// How long runs are collected before they are written to the database together.
const FLUSH_AFTER_MS: i64 = 5_000;
/// How long records of runs are kept: each for seven days, and all of one day together until the last of them has been.
const RECORDS_KEPT_MS: i64 = 7 * DAY_MS;

/// What a gate has left to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Maintenance {
    /// When the first call was let through that is not saved.
    pub unsaved_since: Option<Timestamp>,
    /// When the first run was recorded that is not flushed.
    pub pending_since: Option<Timestamp>,
    /// When the latest call was let through.
    pub latest: Option<Timestamp>,
    /// The beginning of the day that the oldest record is of that is kept.
    pub oldest_record: Option<Timestamp>,
    /// When what the gate holds of the account's quotas has to be looked at.
    pub quota: Option<Timestamp>,
}

impl Maintenance {
    /// Whether runs are due to be flushed.
    pub fn flushes(&self, now: Timestamp) -> bool {
        self.pending_since.is_some_and(|since| due(since, FLUSH_AFTER_MS, now) <= now)
    }

    /// Which records are to be purged: those of the days before that of this time.
    pub fn purges(&self, now: Timestamp) -> Option<Timestamp> {
        let is_due = self.oldest_record.is_some_and(|day| purged_at(day) <= now);
        is_due.then(|| now.plus_ms(-RECORDS_KEPT_MS))
    }
}

/// When to do what waits since then; that is now where the clock was ahead at that time.
fn due(since: Timestamp, after_ms: i64, now: Timestamp) -> Timestamp {
    if since > now { now } else { since.plus_ms(after_ms) }
}

fn purged_at(day: Timestamp) -> Timestamp {
    day.plus_ms(DAY_MS + RECORDS_KEPT_MS)
}

/// When a gate has to wake up next; `None` where it has nothing to do, and nothing to keep: then its storage is
/// deleted.
pub fn next_alarm(maintenance: &Maintenance, now: Timestamp) -> Option<Timestamp> {
    let save = maintenance.unsaved_since.map(|since| due(since, SAVE_AFTER_MS, now));
    let flush = maintenance.pending_since.map(|since| due(since, FLUSH_AFTER_MS, now));
    let purge = maintenance.oldest_record.map(purged_at);
    let end = maintenance.latest.map(|latest| latest.plus_ms(WINDOW_MS)).filter(|end| now < *end);
    // What was used a moment ago is stored together with the window.
    let quota = maintenance.quota.map(|at| at.max(now.plus_ms(SAVE_AFTER_MS)));
    save.into_iter().chain(flush).chain(purge).chain(quota).min().or(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::quota::Quota;
    use serde_json::json;

    fn config() -> KeyConfig {
        KeyConfig {
            owner: Owner { project_id: "proj_1".into(), key_id: "key_1".into() },
            account: Some("user_1".into()),
            is_suspended: false,
            is_revoked: false,
            expires_at: None,
            allowed_domains: vec![],
            limit: 1,
            store_ip: false,
            isolates: IsolateSettings::default(),
        }
    }

    #[test]
    fn validity_comes_first_then_the_domain_then_the_rate() {
        let page = config();
        let restricted = KeyConfig { allowed_domains: vec!["a.com".into()], ..config() };
        let ended = KeyConfig { expires_at: Some(Timestamp(10)), ..restricted.clone() };
        let suspended = KeyConfig { is_suspended: true, ..restricted.clone() };
        let revoked = KeyConfig { is_revoked: true, ..ended.clone() };
        let ask = |host: Option<&str>, counts| CheckKey { host: host.map(str::to_owned), counts, executes: false };
        let mut window = RollingWindow::default();
        let mut decision = |facts, ask: CheckKey, now| match decide(facts, &mut window, &ask, Timestamp(now)) {
            Decision::Invalid => "invalid",
            Decision::Expired { .. } => "expired",
            Decision::Suspended => "suspended",
            Decision::DomainNotAllowed => "domain",
            Decision::Limited { .. } => "limited",
            Decision::QuotaExceeded { .. } => "quota",
            Decision::Allowed { .. } => "open",
        };
        assert_eq!(decision(None, ask(None, true), 0), "invalid");
        assert_eq!(decision(Some(&revoked), ask(Some("b.com"), true), 10), "invalid");
        assert_eq!(decision(Some(&ended), ask(Some("b.com"), true), 10), "expired");
        assert_eq!(decision(Some(&ended), ask(Some("b.com"), true), 9), "domain");
        assert_eq!(decision(Some(&suspended), ask(Some("a.com"), true), 0), "suspended");
        assert_eq!(decision(Some(&restricted), ask(None, true), 0), "domain");
        assert_eq!(decision(Some(&restricted), ask(Some("a.com"), false), 0), "open");
        assert_eq!(decision(Some(&page), ask(None, true), 0), "open", "refused and uncounted callers left it");
        assert_eq!(decision(Some(&page), ask(None, true), 1), "limited");
        assert_eq!(decision(Some(&page), ask(None, false), 1), "open");
    }

    #[test]
    fn chores_are_done_in_time_and_the_last_one_is_to_disappear() {
        let at = |ms| Some(Timestamp(ms));
        for (unsaved_since, pending_since, latest, oldest_record, now, alarm) in [
            (None, None, None, None, 0, None),
            (at(0), None, at(0), None, 0, at(1_000)),
            (at(5_000), at(0), at(5_000), at(0), 5_000, at(5_000)),
            (None, at(0), at(0), None, 1_000, at(5_000)),
            (None, None, at(0), None, 5_000, at(60_000)),
            (None, None, at(0), None, 60_000, None),
            (None, None, at(0), at(0), 5_000, at(8 * DAY_MS)),
            // The clock was an hour ahead when these came.
            (at(3_600_000), at(3_600_000), at(0), None, 1_000, at(1_000)),
        ] {
            let maintenance = Maintenance { unsaved_since, pending_since, latest, oldest_record, quota: None };
            assert_eq!(next_alarm(&maintenance, Timestamp(now)), alarm, "{maintenance:?}");
        }
    }

    #[test]
    fn records_are_purged_after_a_week_those_of_a_day_together() {
        let maintenance = Maintenance { oldest_record: Some(Timestamp(0)), ..Maintenance::default() };
        assert_eq!(maintenance.purges(Timestamp(8 * DAY_MS - 1)), None);
        assert_eq!(maintenance.purges(Timestamp(8 * DAY_MS)), Some(Timestamp(DAY_MS)));
    }

    #[test]
    fn gate_format_unchanged() {
        let rate = Rate { limit: 60, remaining: 59, reset_at: Timestamp(60_000) };
        let open = Decision::Allowed {
            owner: config().owner,
            store_ip: true,
            rate,
            isolates: IsolateSettings::default(),
            execution: None,
        };
        let rate = json!({ "limit": 60, "remaining": 59, "resetAt": 60_000 });
        let owner = json!({ "projectId": "proj_1", "keyId": "key_1" });
        let written = |decision: &Decision| serde_json::to_value(decision).unwrap();
        assert_eq!(written(&open), json!({ "type": "allowed", "owner": owner, "storeIp": true, "rate": rate }));
        assert_eq!(written(&Decision::Invalid), json!({ "type": "invalid" }));
        let expired = Decision::Expired { at: Timestamp(5) };
        assert_eq!(written(&expired), json!({ "type": "expired", "at": 5 }));
        assert_eq!(written(&Decision::Suspended), json!({ "type": "suspended" }));
        assert_eq!(written(&Decision::DomainNotAllowed), json!({ "type": "domainNotAllowed" }));
        let ask = CheckKey { host: Some("a.com".into()), counts: true, executes: false };
        assert_eq!(serde_json::to_value(&ask).unwrap(), json!({ "host": "a.com", "counts": true }));
        let executes = CheckKey { executes: true, ..ask };
        assert_eq!(serde_json::to_value(executes).unwrap()["executes"], true);
        let exceeded = QuotaExceeded::new(Quota::Executions, 5, Timestamp(0));
        let refused =
            Decision::QuotaExceeded { exceeded, rate: Rate { limit: 1, remaining: 0, reset_at: Timestamp(1) } };
        let expected = json!({
            "type": "quotaExceeded", "exceeded": { "quota": "executions", "limit": 5, "resetsAt": DAY_MS },
            "rate": { "limit": 1, "remaining": 0, "resetAt": 1 },
        });
        assert_eq!(written(&refused), expected);
    }
}
