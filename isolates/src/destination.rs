//! The destinations that `api()` may connect to.

use docle_protocol::hosts::covers;
use worker::Url;
use worker::url::Host;

/// Why a URL is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DestinationError {
    /// The argument is no HTTP URL.
    Invalid(String),
    /// The allow-lists do not contain the host.
    Forbidden(String),
}

/// The URL in `text`, if every list in `allowed` covers its host.
///
/// The host is a name or an address as the URL standard parses it, so `127.1`, `0x7f000001` and `%3127.0.0.1` are the same
/// host. The lists cannot contain private addresses. This function does not resolve names: Cloudflare's edge connects to
/// public addresses only, and the local egress proxy checks every address.
///
/// # Errors
/// With a sentence for the author of the script.
pub fn check(text: &str, allowed: &[Vec<String>]) -> Result<Url, DestinationError> {
    let invalid = |why: &str| DestinationError::Invalid(format!("api() takes an http or https URL: {why}."));
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
            return Err(DestinationError::Forbidden("Addresses of IPv6 cannot be allowed: use a name.".to_owned()));
        }
        None => return Err(invalid("it has no host")),
    };
    if allowed.is_empty() {
        return Err(DestinationError::Forbidden(format!(
            "{host} is not allowed: neither config.allowedDomains nor the project names any host."
        )));
    }
    if allowed.iter().all(|list| list.iter().any(|entry| covers(entry, &host))) {
        Ok(url)
    } else {
        Err(DestinationError::Forbidden(format!(
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
    fn private_addresses_are_in_no_list() {
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
            assert!(matches!(check(url, &allowed), Err(DestinationError::Forbidden(_))), "{url}");
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
            assert!(matches!(check(url, &allowed), Err(DestinationError::Invalid(_))), "{url}");
        }
    }
}
