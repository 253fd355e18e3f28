//! Hosts that a program may be allowed to reach, and hosts of URLs.

use std::net::Ipv4Addr;

/// Top-level names that are never public (RFC 6761, RFC 6762, RFC 8375, RFC 9476), and those that private networks use.
const PRIVATE_NAMES: [&str; 15] = [
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "arpa",
    "test",
    "invalid",
    "onion",
    "alt",
    "example",
];

/// The host in lower case: a name, `*.` and a name, or a public IPv4 address.
///
/// The jail refuses private addresses whatever a name resolves to; refusing them here tells the caller early.
///
/// # Errors
/// A clause that says what is wrong, to be read after the name of the field.
pub fn parse(text: &str) -> Result<String, String> {
    let host = text.to_ascii_lowercase();
    let name = host.strip_prefix("*.").unwrap_or(&host);
    if let Ok(address) = name.parse::<Ipv4Addr>() {
        return if host == name && is_public(address) {
            Ok(host)
        } else {
            Err("must not be an address that is private, local or reserved".to_owned())
        };
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A last label of digits is an address in disguise: `127.1`, `0x7f.1` and `2130706433` all mean 127.0.0.1.
    let is_number = |label: &str| {
        let digits = label.strip_prefix("0x").unwrap_or(label);
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()) && label.starts_with(|c: char| c.is_ascii_digit())
    };
    let labels: Vec<&str> = name.split('.').collect();
    let good = name.len() <= 253
        && (labels.len() > 1 || host != name)
        && labels.iter().all(|label| is_label(label))
        && !labels.last().is_some_and(|label| is_number(label));
    good.then_some(host).ok_or_else(|| {
        "must be a host such as \"api.example.com\" or \"*.example.com\", without scheme, port or path".to_owned()
    })
}

/// The same with the only port that the program may reach there, if the text ends with one: `db.example.com:5432`.
///
/// # Errors
/// A clause that says what is wrong, to be read after the name of the field.
pub fn parse_with_port(text: &str) -> Result<String, String> {
    let is_number = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let Some((name, port)) = text.rsplit_once(':').filter(|(_, port)| is_number(port)) else { return parse(text) };
    match port.parse::<u16>() {
        Ok(1..) if !port.starts_with('0') => Ok(format!("{}:{port}", parse(name)?)),
        _ => Err("must have a port from 1 to 65535 after its colon, such as \"db.example.com:5432\"".to_owned()),
    }
}

/// Whether this is a name, in lower case, that may belong to a public server: no address, no pattern, and nothing that only
/// private networks know.
pub fn is_public_name(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_name = host.parse::<Ipv4Addr>().is_err() && !host.starts_with('*') && parse(host).is_ok();
    is_name && !PRIVATE_NAMES.contains(&last)
}

/// The host of a URL of ours, in lower case and without its port.
pub fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let name = authority.rsplit_once(':').map_or(authority, |(name, _)| name);
    name.to_ascii_lowercase()
}

fn is_public(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let shared = first == 100 && (64..128).contains(&second);
    let benchmark = first == 198 && (second == 18 || second == 19);
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || first == 0
        || first >= 224
        || shared
        || benchmark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_have_the_only_port_that_is_reached_there() {
        assert_eq!(parse_with_port("DB.example.com:5432"), Ok("db.example.com:5432".into()));
        assert_eq!(parse_with_port("*.example.com:443"), Ok("*.example.com:443".into()));
        assert_eq!(parse_with_port("93.184.215.14:80"), Ok("93.184.215.14:80".into()));
        assert_eq!(parse_with_port("example.com"), Ok("example.com".into()));
        for wrong in [
            "a.com:",
            "a.com:0",
            "a.com:65536",
            "a.com:080",
            "a.com:+80",
            "a.com:80:80",
            ":80",
            "10.0.0.1:80",
            "http://a.com:80",
            "[2001:db8::1]:80",
        ] {
            assert!(parse_with_port(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn hosts_are_names_or_public_addresses() {
        for (text, host) in [
            ("api.example.com", "api.example.com"),
            ("*.Example.COM", "*.example.com"),
            ("1.1.1.1", "1.1.1.1"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("a_b.example.com", "a_b.example.com"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(host), "{text}");
        }
        for text in [
            "",
            "*",
            "*.",
            "localhost",
            "http://a.com",
            "a.com/",
            "a.com:80",
            "a..com",
            ".a.com",
            "a.com.",
            "-a.com",
            "a b.com",
            "10.0.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "192.168.1.1",
            "0.0.0.0",
            "100.64.0.1",
            "224.0.0.1",
            "127.1",
            "0x7f.1",
            "2130706433",
            "[::1]",
            "::1",
            "*.1.1.1.1",
            "*.*.com",
            "a.*.com",
            "bücher.example",
            "a\0.com",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
