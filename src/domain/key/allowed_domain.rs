//! The pages that a key may be used from: hosts, as its owner lists them and as browsers name them.

use docle_protocol::hosts::covers;

/// A host as it is stored: `example.com`, or `*.example.com` for its subdomains of any depth, which do not include
/// itself. Scheme and port are dropped, because they are not compared.
///
/// # Errors
/// A clause to be read after the name of the field.
pub fn parse(text: &str) -> Result<String, String> {
    let lower = text.trim().to_ascii_lowercase();
    let host = lower.split_once("://").map_or(lower.as_str(), |(_, rest)| rest);
    let host = host.strip_suffix('/').unwrap_or(host);
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    let name = host.strip_prefix("*.").unwrap_or(host);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let good = name.len() <= 253 && name.split('.').all(is_label);
    good.then(|| host.to_owned()).ok_or_else(|| {
        "must be a host such as \"app.example.com\" or \"*.example.com\"; write other alphabets as xn--…".to_owned()
    })
}

/// The host of an `Origin` or a `Referer`; `None` where it names none, as `null` does.
pub fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    // What stands before an @ is no part of the host, however much it looks like one.
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split_once(']')?.0,
        None => host.split_once(':').map_or(host, |(host, _)| host),
    };
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

/// Whether a page on `host` may use a key with these domains. A list that is empty restricts nothing; one that is not
/// also keeps out callers that name no page.
pub fn allows(domains: &[String], host: Option<&str>) -> bool {
    if domains.is_empty() {
        return true;
    }
    let Some(host) = host else { return false };
    domains.iter().any(|domain| covers(domain, host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_stored_in_one_form() {
        for (text, host) in [
            ("app.example.com", "app.example.com"),
            ("*.Example.COM", "*.example.com"),
            ("https://App.example.com:3000/", "app.example.com"),
            ("localhost:5173", "localhost"),
            ("127.0.0.1", "127.0.0.1"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(host));
        }
        for text in [
            "",
            "*",
            "*.",
            "a..b",
            "https://",
            "a.com/path",
            "a b.com",
            "*.*.com",
            "a*.com",
            "b\u{fc}cher.de",
            "-a.com",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_page_is_known_by_its_host() {
        for (url, host) in [
            ("https://App.docle.co", Some("app.docle.co")),
            ("http://localhost:3000", Some("localhost")),
            ("https://a.com:8443/b?c#d", Some("a.com")),
            ("https://good.com@evil.com/", Some("evil.com")),
            ("http://[::1]:80", Some("::1")),
            ("null", None),
            ("", None),
            ("https://", None),
        ] {
            assert_eq!(host_of(url).as_deref(), host, "{url}");
        }
    }

    #[test]
    fn the_published_examples_hold() {
        let domains = ["app.docle.co", "*.docle.co", "localhost"].map(str::to_owned);
        for (host, allowed) in [
            (Some("app.docle.co"), true),
            (Some("dashboard.docle.co"), true),
            (Some("a.b.docle.co"), true),
            (Some("localhost"), true),
            (Some("evil.com"), false),
            (Some("docle.com"), false),
            (Some("docle.co"), false),
            (Some("xdocle.co"), false),
            (Some(".docle.co"), false),
            (Some("docle.co.evil.com"), false),
            (None, false),
        ] {
            assert_eq!(allows(&domains, host), allowed, "{host:?}");
        }
        assert!(allows(&[], None));
    }
}
