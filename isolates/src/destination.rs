//! Where `api()` may go.

use docle_protocol::hosts::covers;
use worker::Url;
use worker::url::Host;

/// Why an address is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It is none: the argument is wrong.
    Invalid(String),
    /// It is one, and not allowed.
    Forbidden(String),
}

/// The address that `text` names, if a host of every list in `allowed` is its host.
///
/// A host is a name or an address, as the address's standard reads it, so that `127.1`, `0x7f000001` and `%3127.0.0.1`
/// are one and the same. Lists cannot hold private addresses, and networks that a name leads to are judged by whoever
/// connects: Cloudflare's edge reaches public addresses only, and local starts have an egress of their own.
///
/// # Errors
/// With a sentence for the author.
pub fn check(text: &str, allowed: &[Vec<String>]) -> Result<Url, Refused> {
    let invalid = |why: &str| Refused::Invalid(format!("api() takes an http or https URL: {why}."));
    let url = Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid(&format!("\"{}\" is another scheme", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("name and password belong into a header"));
    }
    let host = match url.host() {
        Some(Host::Domain(name)) => name.to_ascii_lowercase(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(_)) => {
            return Err(Refused::Forbidden("Addresses of IPv6 cannot be allowed: use a name.".to_owned()));
        }
        None => return Err(invalid("it has no host")),
    };
    if allowed.is_empty() {
        return Err(Refused::Forbidden(format!(
            "{host} is not allowed: neither config.allowedDomains nor the project names any host."
        )));
    }
    if allowed.iter().all(|list| list.iter().any(|entry| covers(entry, &host))) {
        Ok(url)
    } else {
        Err(Refused::Forbidden(format!(
            "{host} is not allowed: it must be in config.allowedDomains, and in the project's list, where there is one."
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(lists: &[&[&str]]) -> Vec<Vec<String>> {
        lists.iter().map(|list| list.iter().map(|host| (*host).to_owned()).collect()).collect()
    }

    #[test]
    fn a_host_must_be_in_every_list() {
        let one: &[&[&str]] = &[&["api.example.com", "*.docle.co", "1.1.1.1"]];
        let two: &[&[&str]] = &[&["api.example.com", "b.com"], &["*.example.com"]];
        for (url, allowed, fits) in [
            ("https://api.example.com/x?y#z", one, true),
            ("http://API.example.com:8080", one, true),
            ("https://a.b.docle.co", one, true),
            ("https://docle.co", one, false),
            ("https://xdocle.co", one, false),
            ("https://api.example.com.evil.com", one, false),
            ("https://evil.com/api.example.com", one, false),
            ("https://evil.com?api.example.com", one, false),
            ("https://evil.com#.docle.co", one, false),
            ("https://evil.com\\.docle.co", one, false),
            ("https://1.1.1.1", one, true),
            ("https://0x01010101", one, true),
            ("https://1.1.1.2", one, false),
            ("https://api.example.com", two, true),
            ("https://b.com", two, false),
            ("https://other.example.com", two, false),
            ("https://api.example.com", &[], false),
            ("https://api.example.com", &[&[]], false),
        ] {
            assert_eq!(check(url, &lists(allowed)).is_ok(), fits, "{url}");
        }
    }

    #[test]
    fn private_addresses_are_none_of_any_list() {
        let allowed = lists(&[&["example.com", "*.example.com", "8.8.8.8"]]);
        for url in [
            "http://127.0.0.1",
            "http://127.1",
            "http://2130706433",
            "http://0x7f.1",
            "http://0177.0.0.1",
            "http://%31%32%37.0.0.1",
            "http://①②⑦.0.0.1",
            "http://localhost",
            "http://169.254.169.254/latest/meta-data",
            "http://10.0.0.1",
            "http://192.168.0.1",
            "http://[::1]",
            "http://[::ffff:127.0.0.1]",
            "http://[fe80::1]",
            "http://0.0.0.0",
        ] {
            assert!(matches!(check(url, &allowed), Err(Refused::Forbidden(_))), "{url}");
        }
    }

    #[test]
    fn what_is_no_web_address_is_named_so() {
        let allowed = lists(&[&["example.com"]]);
        for url in [
            "",
            "example.com",
            "/path",
            "file:///etc/passwd",
            "ftp://example.com",
            "data:,x",
            "http://",
            "https://user:pw@example.com",
            "https://user@example.com",
        ] {
            assert!(matches!(check(url, &allowed), Err(Refused::Invalid(_))), "{url}");
        }
    }
}
