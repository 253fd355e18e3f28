//! Who may pass a key's gate: the key's validity, its domains and its rate, decided in one step.

use crate::domain::account::quota::QuotaExceeded;
use crate::domain::key::allowed_domain;
use crate::domain::key::publishable::{NetworkWindows, PageLimits};
use crate::domain::key::rolling_window::{Rate, RollingWindow, WINDOW_MS};
use crate::domain::project::isolate_settings::IsolateSettings;
use crate::domain::run::record::Owner;
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
    /// What a publishable key may do; `None` for a secret key.
    pub page: Option<PageLimits>,
    /// Whether the key may stand in URLs. Then it runs programs and does nothing else.
    pub allow_in_url: bool,
}

/// A call with the key, as the gate checks it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckKey {
    /// The host of the page that the call comes from, in lower case.
    pub host: Option<String>,
    /// Whether the call counts against the limit; others only show the key.
    pub counts: bool,
    /// Whether the call executes a script, which counts against the quotas of the account.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executes: bool,
    /// The network of the caller, for which a publishable key has a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Whether the call comes from the embed frame, for which a browser has checked the page around it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_framed: bool,
    /// Whether the key stood in the URL of the call.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_url: bool,
}

/// A publishable key that a call may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageKey {
    pub limits: PageLimits,
    /// The domains of its pages, for a call of the embed frame that does not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
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
    /// The key may not stand in a URL.
    UrlNotAllowed,
    /// The limit is used up.
    #[serde(rename_all = "camelCase")]
    Limited {
        rate: Rate,
        /// Whether it is the limit of the caller's network.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        of_network: bool,
    },
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
        /// With a publishable key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        page: Option<PageKey>,
        /// Whether the key runs programs and does nothing else, because it may stand in URLs.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        runs_only: bool,
    },
}

impl Decision {
    /// Whether the key exists and is valid, whatever else speaks against the call.
    pub const fn is_for_valid_key(&self) -> bool {
        match self {
            Self::Invalid | Self::Expired { .. } | Self::Suspended => false,
            Self::DomainNotAllowed
            | Self::UrlNotAllowed
            | Self::Limited { .. }
            | Self::QuotaExceeded { .. }
            | Self::Allowed { .. } => true,
        }
    }
}

/// Decides about one caller; one that passes and counts is counted in `window`, and in `networks` for a publishable key.
pub fn decide(
    config: Option<&KeyConfig>,
    (window, networks): (&mut RollingWindow, &mut NetworkWindows),
    check: &CheckKey,
    now: Timestamp,
) -> Decision {
    let Some(config) = config.filter(|config| !config.is_revoked) else { return Decision::Invalid };
    if let Some(at) = config.expires_at.filter(|at| *at <= now) {
        return Decision::Expired { at };
    }
    if config.is_suspended {
        return Decision::Suspended;
    }
    if check.in_url && config.page.is_none() && !config.allow_in_url {
        return Decision::UrlNotAllowed;
    }
    // Only a publishable key is for frames, and only its gate believes that a call comes from one.
    let is_framed = check.is_framed && config.page.is_some();
    if !is_framed && !allowed_domain::allows(&config.allowed_domains, check.host.as_deref()) {
        return Decision::DomainNotAllowed;
    }
    let network = check.network.as_deref().filter(|_| check.counts);
    let bounded = config.page.and_then(|page| Some((network?, page.network_limit)));
    if let Some(rate) = bounded.and_then(|(network, limit)| networks.exceeded(network, limit, now)) {
        return Decision::Limited { rate, of_network: true };
    }
    let admitted = !check.counts || window.admit(config.limit, now);
    let rate = window.rate(config.limit, now);
    if admitted {
        if let Some((network, _)) = bounded {
            networks.count(network, now);
        }
        let domains = if is_framed && !check.counts { config.allowed_domains.clone() } else { Vec::new() };
        Decision::Allowed {
            page: config.page.map(|limits| PageKey { limits, domains }),
            owner: config.owner.clone(),
            store_ip: config.store_ip,
            rate,
            isolates: config.isolates.clone(),
            execution: None,
            runs_only: config.allow_in_url,
        }
    } else {
        Decision::Limited { rate, of_network: false }
    }
}

/// How long a call that was let through may be known to the object's memory alone. This, and no more, is what a crash of
/// the object can forget: its limit may be exceeded by the calls of the last second before.
pub const SAVE_AFTER_MS: i64 = 1_000;
/// How long after a use of the key the database gets the time of the latest use,
const NOTE_USE_AFTER_MS: i64 = 5_000;
/// and how long after that it gets a later one.
const NOTE_AGAIN_AFTER_MS: i64 = 60_000;

/// What a gate has left to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Maintenance {
    /// When the first call was let through that is not saved.
    pub unsaved_since: Option<Timestamp>,
    /// When the key was used for the first time since the database has the time of a use.
    pub used_since: Option<Timestamp>,
    /// The latest use that the database has.
    pub noted_use: Option<Timestamp>,
    /// When the latest call was let through.
    pub latest: Option<Timestamp>,
    /// When the settings have to be read again, or what the gate holds of the account's quotas has to be looked at.
    pub look_at: Option<Timestamp>,
}

impl Maintenance {
    /// Whether the time of the latest use is to be written.
    pub fn notes_use(&self, now: Timestamp) -> bool {
        self.note_at(now).is_some_and(|at| at <= now)
    }

    /// When the time of the latest use is to be written.
    fn note_at(&self, now: Timestamp) -> Option<Timestamp> {
        let soon = due(self.used_since?, NOTE_USE_AFTER_MS, now);
        Some(self.noted_use.map_or(soon, |noted| soon.max(due(noted, NOTE_AGAIN_AFTER_MS, now))))
    }
}

/// When to do what waits since then; that is now where the clock was ahead at that time.
fn due(since: Timestamp, after_ms: i64, now: Timestamp) -> Timestamp {
    if since > now { now } else { since.plus_ms(after_ms) }
}

/// When a gate has to wake up next; `None` where it has nothing to do, and nothing to keep: then its storage is
/// deleted.
pub fn next_alarm(maintenance: &Maintenance, now: Timestamp) -> Option<Timestamp> {
    let save = maintenance.unsaved_since.map(|since| due(since, SAVE_AFTER_MS, now));
    let note = maintenance.note_at(now);
    let end = maintenance.latest.map(|latest| latest.plus_ms(WINDOW_MS)).filter(|end| now < *end);
    // What was used a moment ago is stored together with the window.
    let look = maintenance.look_at.map(|at| at.max(now.plus_ms(SAVE_AFTER_MS)));
    save.into_iter().chain(note).chain(look).min().or(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::quota::Quota;
    use crate::domain::timestamp::DAY_MS;
    use crate::domain::usage_log::name::LogId;
    use serde_json::json;

    fn config() -> KeyConfig {
        KeyConfig {
            owner: Owner { project_id: "proj_1".into(), log_id: LogId::default(), key_id: "key_1".into() },
            account: Some("user_1".into()),
            is_suspended: false,
            is_revoked: false,
            expires_at: None,
            allowed_domains: vec![],
            limit: 1,
            store_ip: false,
            isolates: IsolateSettings::default(),
            page: None,
            allow_in_url: false,
        }
    }

    #[test]
    fn a_secret_key_in_a_url_was_let_through() {
        let in_url = CheckKey { in_url: true, counts: true, ..CheckKey::default() };
        let (mut window, mut networks) = (RollingWindow::default(), NetworkWindows::default());
        let mut decision =
            |config: &KeyConfig| decide(Some(config), (&mut window, &mut networks), &in_url, Timestamp(0));
        assert_eq!(decision(&config()), Decision::UrlNotAllowed);
        let for_urls = KeyConfig { allow_in_url: true, ..config() };
        assert!(matches!(decision(&for_urls), Decision::Allowed { runs_only: true, .. }));
    }

    #[test]
    fn a_publishable_key_is_for_its_pages_and_for_frames_and_bounds_each_network() {
        let config = KeyConfig {
            allowed_domains: vec!["a.com".into()],
            limit: 3,
            page: Some(PageLimits { network_limit: 1, ..PageLimits::default() }),
            ..config()
        };
        let (mut window, mut networks) = (RollingWindow::default(), NetworkWindows::default());
        let mut decision = |config: &KeyConfig, check: &CheckKey| {
            decide(Some(config), (&mut window, &mut networks), check, Timestamp(0))
        };
        let from = |host: &str, network: &str| CheckKey {
            host: Some(host.to_owned()),
            counts: true,
            network: Some(network.to_owned()),
            ..CheckKey::default()
        };
        let frame = CheckKey { is_framed: true, ..CheckKey::default() };
        assert_eq!(decision(&config, &from("b.com", "n1")), Decision::DomainNotAllowed);
        assert!(matches!(decision(&config, &from("a.com", "n1")), Decision::Allowed { .. }));
        assert!(matches!(decision(&config, &from("a.com", "n1")), Decision::Limited { of_network: true, .. }));
        assert!(matches!(decision(&config, &from("a.com", "n2")), Decision::Allowed { .. }));
        let framed = CheckKey { is_framed: true, ..from("api.com", "n3") };
        assert!(matches!(decision(&config, &framed), Decision::Allowed { .. }));
        assert!(matches!(decision(&config, &from("a.com", "n4")), Decision::Limited { of_network: false, .. }));
        let Decision::Allowed { page: Some(page), .. } = decision(&config, &frame) else { panic!("a frame") };
        assert_eq!(page.domains, ["a.com"]);
        let secret = KeyConfig { page: None, ..config };
        assert_eq!(decision(&secret, &frame), Decision::DomainNotAllowed, "a secret key has no frames");
    }

    #[test]
    fn validity_comes_first_then_the_domain_then_the_rate() {
        let page = config();
        let restricted = KeyConfig { allowed_domains: vec!["a.com".into()], ..config() };
        let ended = KeyConfig { expires_at: Some(Timestamp(10)), ..restricted.clone() };
        let suspended = KeyConfig { is_suspended: true, ..restricted.clone() };
        let revoked = KeyConfig { is_revoked: true, ..ended.clone() };
        let ask =
            |host: Option<&str>, counts| CheckKey { host: host.map(str::to_owned), counts, ..CheckKey::default() };
        let (mut window, mut networks) = (RollingWindow::default(), NetworkWindows::default());
        let mut decision =
            |facts, ask: CheckKey, now| match decide(facts, (&mut window, &mut networks), &ask, Timestamp(now)) {
                Decision::Invalid => "invalid",
                Decision::Expired { .. } => "expired",
                Decision::Suspended => "suspended",
                Decision::DomainNotAllowed => "domain",
                Decision::UrlNotAllowed => "url",
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
    fn maintenance_is_done_in_time_and_the_last_of_it_is_to_disappear() {
        let at = |ms| Some(Timestamp(ms));
        for (unsaved_since, used_since, noted_use, latest, now, alarm) in [
            (None, None, None, None, 0, None),
            (at(0), None, None, at(0), 0, at(1_000)),
            (at(5_000), at(0), None, at(5_000), 5_000, at(5_000)),
            (at(5_000), at(5_000), at(0), at(5_000), 5_000, at(6_000)),
            (None, at(5_000), at(0), at(5_000), 6_000, at(60_000)),
            (None, at(59_000), at(0), at(59_000), 60_000, at(64_000)),
            (None, None, at(0), at(0), 5_000, at(60_000)),
            (None, None, at(0), at(0), 60_000, None),
            // The clock was an hour ahead when these came.
            (at(3_600_000), at(3_600_000), at(3_600_000), at(0), 1_000, at(1_000)),
        ] {
            let maintenance = Maintenance { unsaved_since, used_since, noted_use, latest, look_at: None };
            assert_eq!(next_alarm(&maintenance, Timestamp(now)), alarm, "{maintenance:?}");
        }
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
            page: None,
            runs_only: false,
        };
        let rate = json!({ "limit": 60, "remaining": 59, "resetAt": 60_000 });
        let owner = json!({ "projectId": "proj_1", "logId": "0000000000", "keyId": "key_1" });
        let written = |decision: &Decision| serde_json::to_value(decision).unwrap();
        assert_eq!(written(&open), json!({ "type": "allowed", "owner": owner, "storeIp": true, "rate": rate }));
        assert_eq!(written(&Decision::Invalid), json!({ "type": "invalid" }));
        let expired = Decision::Expired { at: Timestamp(5) };
        assert_eq!(written(&expired), json!({ "type": "expired", "at": 5 }));
        assert_eq!(written(&Decision::Suspended), json!({ "type": "suspended" }));
        assert_eq!(written(&Decision::DomainNotAllowed), json!({ "type": "domainNotAllowed" }));
        let ask = CheckKey { host: Some("a.com".into()), counts: true, ..CheckKey::default() };
        assert_eq!(serde_json::to_value(&ask).unwrap(), json!({ "host": "a.com", "counts": true }));
        let executes = CheckKey { executes: true, ..ask };
        assert_eq!(serde_json::to_value(executes).unwrap()["executes"], true);
        let framed = CheckKey { is_framed: true, network: Some("n".into()), ..CheckKey::default() };
        let expected = json!({ "host": null, "counts": false, "network": "n", "isFramed": true });
        assert_eq!(serde_json::to_value(framed).unwrap(), expected);
        let page = PageKey { limits: PageLimits::default(), domains: vec!["a.com".into()] };
        assert_eq!(serde_json::to_value(page).unwrap()["domains"], json!(["a.com"]));
        let limited =
            Decision::Limited { rate: Rate { limit: 1, remaining: 0, reset_at: Timestamp(1) }, of_network: true };
        assert_eq!(written(&limited)["ofNetwork"], true);
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
