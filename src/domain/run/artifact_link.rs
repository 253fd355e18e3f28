//! Links to files that a run has handed back: anyone with a link may read the file until the link expires.

use crate::domain::run::id::RunId;
use crate::domain::secret::{DeploymentSecret, Purpose};
use crate::domain::timestamp::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use docle_api::limits::MAX_ARTIFACTS;

/// How long a link is valid after its run was asked for, in milliseconds: as long as the result is kept.
const VALID_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
/// Bytes of a signature: half of a SHA-256, which nobody guesses.
const SIGNATURE_BYTES: usize = 16;
/// Characters of the file's name in a link. The name itself may have a thousand, and a result has twenty links.
const MAX_SHOWN_CHARS: usize = 64;

/// The name of the resource: the index of the file in the result, and what a URL can show of its name.
pub fn resource_name(index: u32, name: &str) -> String {
    let shown = last_part(name).chars().rev().take(MAX_SHOWN_CHARS).collect::<Vec<_>>().into_iter().rev();
    let shown: String = shown.map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
    format!("{index}-{shown}")
}

/// The name without its directories.
pub fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The address of a file. `base_url` is that of the service.
pub fn link(
    secret: &DeploymentSecret,
    base_url: &str,
    (id, created_at): (RunId, Timestamp),
    index: u32,
    name: &str,
) -> String {
    let resource = resource_name(index, name);
    let expires_s = (created_at.0 + VALID_MS).div_euclid(1_000);
    let code = secret.code(Purpose::ArtifactLink, &signed(id, &resource, expires_s));
    let signature = URL_SAFE_NO_PAD.encode(&code[..SIGNATURE_BYTES]);
    format!("{base_url}/api/artifacts/{id}/{resource}?sig={expires_s}.{signature}")
}

/// A link that this deployment has made and that has not expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValidLink {
    pub id: RunId,
    /// The index of the file in the result of its run.
    pub index: u32,
    /// The time until the link expires, in seconds.
    pub valid_s: i64,
}

/// The link with these parts; `None` if this deployment has not made it, or if it has expired.
pub fn read(
    secret: &DeploymentSecret,
    (id, resource, signature): (&str, &str, &str),
    now: Timestamp,
) -> Option<ValidLink> {
    let id = RunId::parse_own(id, secret)?;
    let index = resource.split_once('-')?.0.parse().ok().filter(|index| *index < MAX_ARTIFACTS as u32)?;
    let (expires, code) = signature.split_once('.')?;
    let expires_s: i64 = expires.parse().ok()?;
    let code = URL_SAFE_NO_PAD.decode(code).ok().filter(|code| code.len() == SIGNATURE_BYTES)?;
    let valid_s = expires_s.saturating_sub(now.0.div_euclid(1_000));
    let is_own = secret.verify(Purpose::ArtifactLink, &signed(id, resource, expires_s), &code);
    (is_own && valid_s > 0).then_some(ValidLink { id, index, valid_s })
}

/// What the signature is of. No part contains a line feed.
fn signed(id: RunId, resource: &str, expires_s: i64) -> Vec<u8> {
    format!("{id}\n{resource}\n{expires_s}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::usage_log::name::{LogId, LogName};

    const CREATED_AT: Timestamp = Timestamp(1_795_478_400_000);

    fn secret() -> DeploymentSecret {
        DeploymentSecret::parse("0123456789abcdef0123456789abcdef", "").unwrap()
    }

    fn id() -> RunId {
        RunId::in_log(LogName::of_project(LogId::parse("0badcafe01").unwrap()), [0xff; 16], &secret())
    }

    fn parts(link: &str) -> (String, String, String) {
        let (path, signature) = link.split_once("?sig=").unwrap();
        let mut parts = path.rsplit('/');
        let (resource, id) = (parts.next().unwrap(), parts.next().unwrap());
        (id.to_owned(), resource.to_owned(), signature.to_owned())
    }

    fn opened(link: &str, now: Timestamp) -> Option<ValidLink> {
        let (id, resource, signature) = parts(link);
        read(&secret(), (&id, &resource, &signature), now)
    }

    #[test]
    fn link_format_unchanged() {
        let link = link(&secret(), "https://api.docle.co", (id(), CREATED_AT), 3, "out/plot 1.png");
        let (_, _, signature) = parts(&link);
        assert_eq!(link, format!("https://api.docle.co/api/artifacts/{}/3-plot_1.png?sig={signature}", id()));
        assert_eq!(signature, "1796083200.6ctwv0nFHdWrxqJdHklRSA");
    }

    #[test]
    fn a_link_is_valid_for_seven_days() {
        let link = link(&secret(), "", (id(), CREATED_AT), 0, "a.csv");
        let week_s = VALID_MS / 1_000;
        assert_eq!(opened(&link, CREATED_AT), Some(ValidLink { id: id(), index: 0, valid_s: week_s }));
        assert_eq!(opened(&link, CREATED_AT.plus_ms(VALID_MS - 1)).unwrap().valid_s, 1);
        assert_eq!(opened(&link, CREATED_AT.plus_ms(VALID_MS)), None);
    }

    #[test]
    fn no_part_of_a_link_can_be_changed() {
        let made = link(&secret(), "", (id(), CREATED_AT), 1, "a.csv");
        let (own, resource, signature) = parts(&made);
        let other = link(&secret(), "", (RunId::from_random([1; 16]), CREATED_AT), 1, "a.csv");
        let (expires, code) = signature.split_once('.').unwrap();
        for (id, resource, signature) in [
            (parts(&other).0.as_str(), resource.as_str(), signature.as_str()),
            (&own, "2-a.csv", &signature),
            (&own, "1-b.csv", &signature),
            (&own, "1", &signature),
            (&own, "99-a.csv", &signature),
            (&own, &resource, &format!("{}.{code}", expires.parse::<i64>().unwrap() + 1)),
            (&own, &resource, &format!("{expires}.{}", &code[..20])),
            (&own, &resource, &format!("{expires}.")),
            (&own, &resource, code),
            (&own, &resource, ""),
            ("", "", ""),
        ] {
            assert_eq!(read(&secret(), (id, resource, signature), CREATED_AT), None, "{id} {resource} {signature}");
        }
        let stranger = DeploymentSecret::parse("fedcba9876543210fedcba9876543210", "").unwrap();
        assert_eq!(read(&stranger, (&own, &resource, &signature), CREATED_AT), None);
    }

    #[test]
    fn any_name_makes_a_short_segment_of_a_path() {
        for (name, resource) in [
            ("a.csv", "0-a.csv"),
            ("out/../x", "0-x"),
            ("..", "0-.."),
            ("ü?#%2f&\n", "0-____2f__"),
            ("", "0-"),
            (&"a".repeat(1_000), &format!("0-{}", "a".repeat(MAX_SHOWN_CHARS))),
        ] {
            assert_eq!(resource_name(0, name), resource, "{name:?}");
        }
    }
}
