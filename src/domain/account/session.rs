//! Signing in and staying signed in: how long links and sessions hold, how often a link may be asked for.

use crate::domain::account::audit::Origin;
use crate::domain::input::page::Position;
use crate::domain::timestamp::Timestamp;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// A login link holds for 15 minutes.
pub const LINK_LIFETIME_MS: i64 = 15 * MINUTE_MS;
/// A session holds for 30 days after its last use.
pub const SESSION_LIFETIME_MS: i64 = 30 * DAY_MS;
/// A use renews the session when the last renewal is a day old, so that not every request writes.
const RENEW_AFTER_MS: i64 = DAY_MS;

/// How often something may happen within a rolling window.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    pub count: u32,
    pub window_ms: i64,
}

/// Links that one network address may ask for.
pub const LINKS_PER_IP: Allowance = Allowance { count: 5, window_ms: 15 * MINUTE_MS };
/// Mails to one address in a window, from all callers together.
pub const LINKS_PER_EMAIL: Allowance = Allowance { count: 5, window_ms: 60 * MINUTE_MS };

/// An account that is signed in, and by which session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: String,
    pub user_id: String,
    pub email: String,
    pub user_created_at: Timestamp,
    /// Whether the operator trusts the account.
    pub is_trusted: bool,
    /// Whether the operator has suspended the account. Its sessions are refused.
    pub is_suspended: bool,
    pub last_used_at: Timestamp,
}

/// A session as its owner sees it in a list.
#[derive(Debug)]
pub struct ListedSession {
    pub id: String,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    pub expires_at: Timestamp,
    pub origin: Origin,
}

impl ListedSession {
    /// Where it stands in the list.
    pub fn position(&self) -> Position {
        Position { at: self.created_at, id: self.id.clone() }
    }
}

/// Whether a session that was last renewed at `last_used_at` should be renewed now.
pub fn is_due_for_renewal(last_used_at: Timestamp, now: Timestamp) -> bool {
    last_used_at.plus_ms(RENEW_AFTER_MS) <= now
}

/// Whether a caller is on the machine that it calls; a caller without an address is.
pub fn is_own_machine(ip: Option<&str>) -> bool {
    ip.is_none_or(|ip| ip.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback()))
}

/// Whom a network address counts for. Providers give a household 64 bits of IPv6, so the rest of it counts as one.
pub fn network_of(ip: &str) -> String {
    match ip.parse::<std::net::Ipv6Addr>() {
        Ok(address) => match address.to_ipv4_mapped() {
            Some(address) => address.to_string(),
            None => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        },
        Err(_) => ip.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_household_is_one_network() {
        for (ip, network) in [
            ("203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("unknown", "unknown"),
        ] {
            assert_eq!(network_of(ip), network);
        }
    }

    #[test]
    fn only_the_loopback_interface_is_the_own_machine() {
        for (ip, own) in [
            (None, true),
            (Some("127.0.0.1"), true),
            (Some("::1"), true),
            (Some("::ffff:127.0.0.1"), true),
            (Some("10.0.0.1"), false),
            (Some("203.0.113.7"), false),
            (Some("localhost"), false),
        ] {
            assert_eq!(is_own_machine(ip), own, "{ip:?}");
        }
    }

    #[test]
    fn a_session_is_renewed_once_a_day() {
        assert!(!is_due_for_renewal(Timestamp(0), Timestamp(DAY_MS - 1)));
        assert!(is_due_for_renewal(Timestamp(0), Timestamp(DAY_MS)));
    }
}
