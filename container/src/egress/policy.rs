//! Which hosts and addresses a jail may reach.

use docle_protocol::hosts::covers;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What one jail may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policy {
    /// Any public address.
    Public,
    /// These hosts, at public addresses: on every port, or on the one that stands after the name and a colon.
    Hosts(Vec<String>),
    /// These services wherever they are: the package registries that the operator has configured, which may well lie
    /// in a private network. The other ports of their hosts are none of an installation's business.
    Trusted(Vec<Service>),
}

/// A port of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    pub host: String,
    pub port: u16,
}

/// Ports on which mail is handed in. No program here sends mail, except for people who send what nobody wants.
const MAIL: [u16; 4] = [25, 465, 587, 2525];
const HTTP: u16 = 80;
const HTTPS: u16 = 443;

impl Service {
    /// The one that an address leads to.
    pub fn of_url(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?.rsplit('@').next()?;
        let default = if scheme.eq_ignore_ascii_case("http") { HTTP } else { HTTPS };
        Some(Self::read(authority).unwrap_or(Self { host: bare(authority), port: default }))
    }

    /// Those that an option names: `host:port`, or `host` for its web server.
    pub fn of_option(text: &str) -> Vec<Self> {
        match Self::read(text) {
            Some(service) => vec![service],
            None => [HTTP, HTTPS].map(|port| Self { host: bare(text), port }).into(),
        }
    }

    /// Reads `host:port`.
    pub fn read(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'))?;
        Some(Self { host: bare(host), port: port.parse().ok()? })
    }
}

/// An IPv6 address without its brackets.
fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

impl Policy {
    /// Whether this port of the name may be asked for at all.
    pub fn allows(&self, host: &str, port: u16) -> bool {
        match self {
            Self::Public => !MAIL.contains(&port),
            Self::Hosts(hosts) => !MAIL.contains(&port) && hosts.iter().any(|entry| covers_port(entry, host, port)),
            Self::Trusted(services) => services.iter().any(|one| one.port == port && matches(&one.host, host)),
        }
    }

    /// Whether a tunnel to this port must name the host that it was allowed for.
    pub fn wants_name(&self, port: u16) -> bool {
        matches!(self, Self::Hosts(_)) && port == HTTPS
    }

    /// Whether a name that is allowed may lead to this address.
    pub fn allows_address(&self, address: IpAddr) -> bool {
        matches!(self, Self::Trusted(_)) || is_public(address) && !is_own(address)
    }
}

/// Whether an address is one of this machine's, public or not: what listens here is not meant for programs. A machine
/// that cannot say counts every address as its own.
fn is_own(address: IpAddr) -> bool {
    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else { return true };
    interfaces.filter_map(|interface| interface.address).any(|own| {
        let v4 = own.as_sockaddr_in().map(|own| IpAddr::V4(own.ip()));
        let v6 = own.as_sockaddr_in6().map(|own| IpAddr::V6(own.ip()));
        v4.or(v6) == Some(address)
    })
}

/// Whether an entry of a list of hosts covers this port of a host.
fn covers_port(entry: &str, host: &str, port: u16) -> bool {
    match entry.rsplit_once(':') {
        Some((pattern, only)) => only.parse() == Ok(port) && matches(pattern, host),
        None => matches(entry, host),
    }
}

/// `*.example.com` matches subdomains of any depth but not `example.com`; case and a final dot do not matter.
pub fn matches(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.to_ascii_lowercase(), host.trim_end_matches('.').to_ascii_lowercase());
    covers(&pattern, &host)
}

/// Globally reachable unicast. Everything in the IANA special-purpose registries (RFC 6890) is not, however it is
/// written: an IPv4 address inside an IPv6 one is judged as what it leads to.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 240..=255, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224..=239, _, _)
    );
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // NAT64 and 6to4 lead to the IPv4 address inside them.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo, documentation, benchmarking, ORCHID and the rest of 2001::/23.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // What is left of 2000::/3 is the global unicast space.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_with_a_port_is_reached_there_alone() {
        let policy =
            Policy::Hosts(vec!["db.example.com:5432".into(), "*.example.org:443".into(), "any.example".into()]);
        for (host, port, expected) in [
            ("db.example.com", 5432, true),
            ("DB.example.com.", 5432, true),
            ("db.example.com", 443, false),
            ("a.example.org", 443, true),
            ("a.example.org", 80, false),
            ("any.example", 8080, true),
            ("any.example", 25, false),
            ("other.example", 5432, false),
        ] {
            assert_eq!(policy.allows(host, port), expected, "{host} {port}");
        }
    }

    #[test]
    fn wildcards_match_subdomains_and_not_the_apex() {
        for host in ["a.example.com", "A.B.EXAMPLE.com", "a.example.com."] {
            assert!(matches("*.example.com", host), "{host}");
        }
        for host in ["example.com", "badexample.com", ".example.com", "example.com.evil.org"] {
            assert!(!matches("*.example.com", host), "{host}");
        }
        assert!(matches("Example.com", "example.COM"));
    }

    #[test]
    fn an_installation_reached_every_port_of_the_registry_s_host() {
        let service = |host: &str, port| Service { host: host.into(), port };
        let url = |url| Service::of_url(url).unwrap();
        assert_eq!(url("https://user:p:w@pypi.internal:8443/simple"), service("pypi.internal", 8443));
        assert_eq!(url("https://pypi.org/simple"), service("pypi.org", 443));
        assert_eq!(url("http://pypi.org"), service("pypi.org", 80));
        assert_eq!(url("http://[::1]:81/x"), service("::1", 81));
        assert_eq!(url("http://[::1]/x"), service("::1", 80));
        assert_eq!(Service::of_option("a.org:444"), [service("a.org", 444)]);
        assert_eq!(Service::of_option("a.org"), [service("a.org", 80), service("a.org", 443)]);
        let policy = Policy::Trusted(vec![service("10.0.0.1", 8443)]);
        assert!(policy.allows("10.0.0.1", 8443));
        assert!(!policy.allows("10.0.0.1", 22) && !policy.allows("10.0.0.2", 8443));
    }

    #[test]
    fn no_mail_leaves() {
        for policy in [Policy::Public, Policy::Hosts(vec!["a.org".into()])] {
            assert!(policy.allows("a.org", 443) && policy.allows("a.org", 8080));
            assert!(!policy.allows("a.org", 25) && !policy.allows("a.org", 587), "{policy:?}");
        }
    }

    #[test]
    fn the_machines_own_addresses_are_known() {
        assert!(is_own(Ipv4Addr::LOCALHOST.into()));
        assert!(!is_own(Ipv4Addr::new(1, 1, 1, 1).into()));
    }

    #[test]
    fn special_addresses_are_refused_however_they_are_written() {
        let refused = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "::7f00:1",
        ];
        for address in refused {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::101:101"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }
}
