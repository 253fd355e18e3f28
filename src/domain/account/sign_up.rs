//! How many accounts may be made: by network, by mail domain, and by mailbox. One person is many addresses.

use crate::domain::account::email::Email;
use crate::domain::account::session::{Allowance, network_of};
use crate::domain::timestamp::DAY_MS;
use sha2::{Digest, Sha256};
use std::net::IpAddr;

/// How far back new accounts count, in milliseconds.
pub const WINDOW_MS: i64 = DAY_MS;
/// New accounts of one network in a day: an office or a class.
const PER_NETWORK: Allowance = Allowance { count: 20, window_ms: WINDOW_MS };
/// New accounts of one mail domain in a day.
const PER_DOMAIN: Allowance = Allowance { count: 50, window_ms: WINDOW_MS };
/// The same of a provider at which everybody may have a mailbox.
const PER_PROVIDER: Allowance = Allowance { count: 2_000, window_ms: WINDOW_MS };
/// New accounts of one mailbox in a day, whatever stands after a plus sign.
const PER_MAILBOX: Allowance = Allowance { count: 3, window_ms: WINDOW_MS };

/// Providers at which everybody may have a mailbox.
const PROVIDERS: [&str; 24] = [
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "live.com",
    "msn.com",
    "yahoo.com",
    "yahoo.co.jp",
    "icloud.com",
    "me.com",
    "aol.com",
    "gmx.de",
    "gmx.net",
    "web.de",
    "t-online.de",
    "proton.me",
    "protonmail.com",
    "fastmail.com",
    "zoho.com",
    "mail.ru",
    "yandex.ru",
    "qq.com",
    "163.com",
    "naver.com",
];

/// What a new account counts against, and how many there may be in the last 24 hours.
pub fn subjects(email: &Email, ip: Option<&str>) -> [(String, Allowance); 3] {
    let (local, domain) = email.as_str().split_once('@').unwrap_or_default();
    let of_domain = if PROVIDERS.contains(&domain) { PER_PROVIDER } else { PER_DOMAIN };
    let mailbox = hex::encode(&Sha256::digest(mailbox_of(local, domain))[..16]);
    [
        (format!("sign-up-network:{}", sign_up_network_of(ip.unwrap_or("unknown"))), PER_NETWORK),
        (format!("sign-up-domain:{domain}"), of_domain),
        // The attempt outlives a deleted account, so it holds no address.
        (format!("sign-up-mailbox:{mailbox}"), PER_MAILBOX),
    ]
}

/// The mailbox behind an address: providers deliver what stands after a plus sign, and Google also what has other dots, to the
/// same one.
fn mailbox_of(local: &str, domain: &str) -> String {
    let local = local.split('+').next().unwrap_or(local);
    match domain {
        "gmail.com" | "googlemail.com" => format!("{}@gmail.com", local.replace('.', "")),
        _ => format!("{local}@{domain}"),
    }
}

/// The network of an address: 24 bits of IPv4, 64 bits of IPv6.
fn sign_up_network_of(ip: &str) -> String {
    match network_of(ip).parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        _ => network_of(ip),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(email: &str, ip: &str) -> [String; 3] {
        subjects(&Email::parse(email).unwrap(), Some(ip)).map(|(subject, _)| subject)
    }

    #[test]
    fn spellings_of_one_mailbox_and_addresses_of_one_network_are_one() {
        let first = of("ada.lovelace@gmail.com", "203.0.113.7");
        assert_eq!(of("adalovelace+shop@googlemail.com", "203.0.113.200")[2], first[2]);
        assert_eq!(of("b@example.com", "203.0.113.200")[0], "sign-up-network:203.0.113.0/24");
        assert_eq!(of("b@example.com", "::ffff:203.0.113.9")[0], first[0]);
        assert_eq!(of("b@example.com", "2001:db8:1:2::9")[0], "sign-up-network:2001:db8:1:2::/64");
        assert_eq!(of("b+1@example.com", "x")[2], of("b@example.com", "x")[2]);
        assert_ne!(of("b.c@example.com", "x")[2], of("bc@example.com", "x")[2]);
        assert!(!first[2].contains("ada"));
    }

    #[test]
    fn a_provider_of_mail_has_a_larger_limit() {
        let count = |email: &str| subjects(&Email::parse(email).unwrap(), None)[1].1.count;
        assert_eq!((count("a@gmail.com"), count("a@example.com")), (2_000, 50));
    }
}
