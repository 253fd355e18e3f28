//! The hosts at which ports of sandboxes are reached: `{port}-{sandbox}-{token}.{preview host}`.
//!
//! Everything below the preview host belongs to the programs of sandboxes, and nothing there to this service. The id stands
//! without its prefix, whose `_` the names of hosts do not have.

use crate::domain::sandbox::id::SandboxId;
use crate::domain::sandbox::port::{is_token, parse_number};

/// The preview host of a machine on which people work on Docle. Browsers take every name below it for this machine.
pub const LOCAL: &str = "localhost";

/// What a host below the preview host names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub port: u16,
    /// By its form; the deployment may not have made it.
    pub id: SandboxId,
    pub token: Option<String>,
}

/// What a host means here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// It is none of the preview host's.
    Elsewhere,
    /// It is below the preview host, and names no port of a sandbox.
    Nothing,
    Port(Address),
}

/// What the host of a request means. `preview_host` may have a port, which does not matter.
pub fn read(host: &str, preview_host: &str) -> Meaning {
    let (host, preview_host) = (plain(host), plain(preview_host));
    if host == preview_host {
        // The bare name of a development machine is this service.
        return if preview_host == LOCAL { Meaning::Elsewhere } else { Meaning::Nothing };
    }
    let Some(label) = host.strip_suffix(&preview_host).and_then(|rest| rest.strip_suffix('.')) else {
        return Meaning::Elsewhere;
    };
    address(label).map_or(Meaning::Nothing, Meaning::Port)
}

/// The host of a port, without the preview host's own port.
pub fn label(port: u16, id: &SandboxId, token: Option<&str>) -> String {
    let token = token.map(|token| format!("-{token}")).unwrap_or_default();
    format!("{port}-{}{token}", id.digits())
}

/// Whether programs could answer in the place of this service: the preview host is the service's own, or above it.
pub fn covers(preview_host: &str, url: &str) -> bool {
    let host = url.split("://").last().unwrap_or_default().split('/').next().unwrap_or_default();
    let (host, preview_host) = (plain(host), plain(preview_host));
    host == preview_host || host.ends_with(&format!(".{preview_host}"))
}

fn address(label: &str) -> Option<Address> {
    let mut parts = label.splitn(3, '-');
    let port = parse_number(parts.next()?)?;
    let id = SandboxId::of_digits(parts.next()?)?;
    let token = parts.next().map(str::to_owned);
    token.as_deref().is_none_or(is_token).then_some(Address { port, id, token })
}

/// A host in lower case, without a port and the dot of the root.
fn plain(host: &str) -> String {
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn id() -> SandboxId {
        SandboxId::of_digits(DIGITS).unwrap()
    }

    #[test]
    fn preview_host_format_unchanged() {
        assert_eq!(label(3_000, &id(), Some("tok_1")), format!("3000-{DIGITS}-tok_1"));
        assert_eq!(label(80, &id(), None), format!("80-{DIGITS}"));
        assert!(label(65_535, &id(), Some(&"a".repeat(16))).len() <= 63, "it is one label of a name");
    }

    #[test]
    fn a_host_in_odd_case_or_with_the_dot_of_the_root_reached_the_api() {
        let address = Meaning::Port(Address { port: 3_000, id: id(), token: Some("tok".into()) });
        let host = format!("3000-{DIGITS}-tok.preview.example.com");
        for host in
            [host.clone(), host.to_uppercase(), format!("{host}."), format!("{host}:443"), format!("{host}.:443")]
        {
            assert_eq!(read(&host, "preview.example.com"), address, "{host}");
            assert_eq!(read(&host, "Preview.Example.Com:8443"), address, "{host}");
        }
    }

    #[test]
    fn everything_below_the_preview_host_is_the_programs() {
        for label in [
            "api".to_owned(),
            "a.b".into(),
            format!("0-{DIGITS}"),
            format!("65536-{DIGITS}"),
            format!("80-{DIGITS}-"),
            format!("80-{DIGITS}-a-b"),
            format!("x.80-{DIGITS}"),
            "80-short".into(),
            "80".into(),
            String::new(),
        ] {
            assert_eq!(read(&format!("{label}.p.example.com"), "p.example.com"), Meaning::Nothing, "{label}");
            assert_eq!(read(&format!("{label}.localhost:8787"), LOCAL), Meaning::Nothing, "{label}");
        }
        assert_eq!(read("p.example.com", "p.example.com"), Meaning::Nothing);
        for host in
            ["localhost", "LOCALHOST.:8787", "127.0.0.1:8787", "[::1]:8787", "xlocalhost", "localhost.example.com"]
        {
            assert_eq!(read(host, LOCAL), Meaning::Elsewhere, "{host}");
        }
    }

    #[test]
    fn a_preview_host_above_the_service_is_seen() {
        for url in ["https://api.example.com", "https://example.com:8443/", "http://a.b.EXAMPLE.com/x"] {
            assert!(covers("example.com", url), "{url}");
        }
        assert!(
            !covers("preview.example.com", "https://api.example.com") && !covers("ample.com", "https://example.com")
        );
    }
}
