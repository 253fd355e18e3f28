//! The URL of a webhook: which ones the service sends a request to.

use crate::domain::host;
use docle_api::limits::MAX_WEBHOOK_URL_BYTES;

const HTTPS_ONLY: &str = "must begin with https://";
const NAME_ONLY: &str = "must name its host by a public name such as \"example.com\", not by an address";

/// A URL that a webhook may have: `https`, port 443, a public name, and neither user name nor password; or one of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookUrl {
    /// As it was sent.
    pub text: String,
    /// The host in lower case.
    pub host: String,
    is_loopback: bool,
}

impl WebhookUrl {
    /// The URL written as `text`.
    ///
    /// A name may still resolve to an address that is not public. The runtime refuses to connect to one.
    ///
    /// # Errors
    /// A clause to be read after the name of the field.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_WEBHOOK_URL_BYTES {
            return Err(format!("must have at most {MAX_WEBHOOK_URL_BYTES} bytes, got {}", text.len()));
        }
        // Browsers and servers read a backslash as a slash, and leave out blanks and line breaks.
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return Err(
                "must be ASCII without blanks and backslashes: write other characters as %20 or xn--".to_owned()
            );
        }
        let (scheme, rest) = text.split_once("://").ok_or(HTTPS_ONLY)?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(HTTPS_ONLY.to_owned()),
        };
        if rest.contains('#') {
            return Err("must have no fragment: leave out what begins with #".to_owned());
        }
        let authority = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
        if authority.contains('@') {
            return Err("must have no user name and no password: the signature shows who sends the report".to_owned());
        }
        if authority.starts_with('[') {
            return Err(NAME_ONLY.to_owned());
        }
        let (name, port) = match authority.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (authority, None),
        };
        let host = name.to_ascii_lowercase();
        if matches!(host.as_str(), "localhost" | "127.0.0.1") && port.is_none_or(|port| port.parse::<u16>().is_ok()) {
            return Ok(Self { text: text.to_owned(), host, is_loopback: true });
        }
        if !is_secure {
            return Err(HTTPS_ONLY.to_owned());
        }
        if port.is_some_and(|port| port != "443") {
            return Err("must use port 443: leave the port out".to_owned());
        }
        if !host::is_public_name(&host) {
            return Err(NAME_ONLY.to_owned());
        }
        Ok(Self { text: text.to_owned(), host, is_loopback: false })
    }

    /// Whether a deployment with these hosts sends a request there. A host is refused with all names below it. Only a
    /// development machine sends requests to itself.
    ///
    /// # Errors
    /// A clause to be read after the name of the field.
    pub fn check(&self, own_hosts: &[String], is_development: bool) -> Result<(), String> {
        if self.is_loopback {
            return if is_development { Ok(()) } else { Err(self.clause_of_loopback()) };
        }
        let is_own = |own: &String| self.host == *own || self.host.ends_with(&format!(".{own}"));
        if own_hosts.iter().any(is_own) {
            return Err("must not be a host of this service".to_owned());
        }
        Ok(())
    }

    fn clause_of_loopback(&self) -> String {
        let is_secure = self.text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
        if is_secure { NAME_ONLY } else { HTTPS_ONLY }.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::host::host_of;

    fn own() -> Vec<String> {
        ["https://api.docle.co", "https://app.docle.co:8443/x"].map(host_of).to_vec()
    }

    fn checked(text: &str, is_development: bool) -> Result<String, String> {
        let url = WebhookUrl::parse(text)?;
        url.check(&own(), is_development)?;
        Ok(url.host)
    }

    #[test]
    fn a_webhook_goes_to_a_public_name_at_port_443() {
        for (text, host) in [
            ("https://example.com", "example.com"),
            ("https://example.com/", "example.com"),
            ("https://Example.COM:443/a/b?token=1&next=http://x", "example.com"),
            ("HTTPS://hooks.example.com?x", "hooks.example.com"),
            ("https://xn--bcher-kva.example.org/h", "xn--bcher-kva.example.org"),
            ("https://a_b.example.com/@user", "a_b.example.com"),
            ("https://docle.co/h", "docle.co"),
            ("https://notapi-docle.co/h", "notapi-docle.co"),
        ] {
            assert_eq!(checked(text, false).as_deref(), Ok(host), "{text}");
        }
    }

    #[test]
    fn every_other_url_is_refused_with_what_is_wrong() {
        for (text, clause) in [
            ("", HTTPS_ONLY),
            ("example.com/h", HTTPS_ONLY),
            ("//example.com/h", HTTPS_ONLY),
            ("http://example.com/h", HTTPS_ONLY),
            ("ftp://example.com/h", HTTPS_ONLY),
            ("javascript:alert(1)//https://example.com", HTTPS_ONLY),
            ("https:/example.com", HTTPS_ONLY),
            ("https://example.com:8443/h", "must use port 443"),
            ("https://example.com:0443/h", "must use port 443"),
            ("https://example.com:/h", "must use port 443"),
            ("https://example.com:443:443/h", "must use port 443"),
            ("https://user@example.com/h", "must have no user name"),
            ("https://user:pass@example.com/h", "must have no user name"),
            ("https://example.com@evil.example.net/", "must have no user name"),
            ("https://example.com/#x", "must have no fragment"),
            ("https://example.com\\@127.0.0.1/", "must be ASCII"),
            ("https://exa\tmple.com/", "must be ASCII"),
            ("https://example.com/a b", "must be ASCII"),
            ("https://bücher.example.com/", "must be ASCII"),
            ("https://", NAME_ONLY),
            ("https:///example.com", NAME_ONLY),
            ("https://example", NAME_ONLY),
            ("https://example.com./", NAME_ONLY),
            ("https://.example.com/", NAME_ONLY),
            ("https://exam%70le.com/", NAME_ONLY),
            ("https://*.example.com/", NAME_ONLY),
            // Addresses in every spelling that URLs know.
            ("https://1.1.1.1/", NAME_ONLY),
            ("https://10.0.0.1/", NAME_ONLY),
            ("https://169.254.169.254/latest", NAME_ONLY),
            ("https://127.1/", NAME_ONLY),
            ("https://2130706433/", NAME_ONLY),
            ("https://0x7f000001/", NAME_ONLY),
            ("https://0x7f.1/", NAME_ONLY),
            ("https://0177.0.0.1/", NAME_ONLY),
            ("https://1.2.3.0x4/", NAME_ONLY),
            ("https://127.0.0.1./", NAME_ONLY),
            ("https://[::1]/", NAME_ONLY),
            ("https://[::ffff:127.0.0.1]:443/", NAME_ONLY),
            ("https://[fd00::1]/", NAME_ONLY),
            // Names of the machine and of private networks.
            ("https://localhost./", NAME_ONLY),
            ("https://a.localhost/", NAME_ONLY),
            ("https://metadata.google.internal/", NAME_ONLY),
            ("https://printer.local/", NAME_ONLY),
            ("https://router.lan/", NAME_ONLY),
            ("https://1.0.0.127.in-addr.arpa/", NAME_ONLY),
            // Ours.
            ("https://api.docle.co/api/run", "must not be a host of this service"),
            ("https://API.DOCLE.CO/", "must not be a host of this service"),
            ("https://x.app.docle.co/", "must not be a host of this service"),
        ] {
            for is_development in [false, true] {
                let clause_of = checked(text, is_development).unwrap_err();
                assert!(clause_of.starts_with(clause), "{text}: {clause_of}");
            }
        }
        let longest = format!("https://example.com/{}", "a".repeat(MAX_WEBHOOK_URL_BYTES - 20));
        assert!(checked(&longest, false).is_ok());
        assert!(checked(&format!("{longest}a"), false).unwrap_err().starts_with("must have at most 2048 bytes"));
    }

    #[test]
    fn only_a_development_machine_sends_requests_to_itself() {
        for (text, clause) in [
            ("http://127.0.0.1:4000/h", HTTPS_ONLY),
            ("http://localhost/h", HTTPS_ONLY),
            ("https://LOCALHOST:9/h", NAME_ONLY),
            ("https://127.0.0.1/", NAME_ONLY),
        ] {
            assert!(checked(text, true).is_ok(), "{text}");
            assert_eq!(checked(text, false), Err(clause.to_owned()), "{text}");
        }
        assert_eq!(checked("http://127.0.0.1:x/", true), Err(HTTPS_ONLY.to_owned()));
        assert_eq!(checked("http://127.0.0.2:80/", true), Err(HTTPS_ONLY.to_owned()));
    }
}
