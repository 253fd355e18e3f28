//! Headers between the client of a preview URL and the program: what passes, what stays here, and what is added.

use docle_protocol::sandbox::port::PortHeaders;

/// Headers of one connection (RFC 9110, section 7.6.1), and `Expect`, which is settled with each connection by itself.
const OF_CONNECTION: [&str; 11] = [
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
];
/// What only a proxy may say about a request, so nothing that a client says of it counts.
const OF_PROXIES: [&str; 7] =
    ["cdn-loop", "forwarded", "true-client-ip", "via", "x-original-url", "x-real-ip", "x-rewrite-url"];
const OF_PROXIES_BEGIN: [&str; 4] = ["cf-", "docle-", "x-docle-", "x-forwarded-"];
/// The handshake of a WebSocket that belongs to the connection. `Sec-WebSocket-Protocol` belongs to the program.
const OF_HANDSHAKE: [&str; 4] =
    ["sec-websocket-accept", "sec-websocket-extensions", "sec-websocket-key", "sec-websocket-version"];
/// The cookie of a session here, which no program may read.
pub const SESSION_COOKIE: &str = "docle_session";

/// What the program is told about a request.
pub struct Called<'a> {
    /// The host that the client called.
    pub preview_host: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Path and query.
    pub target: &'a str,
}

/// The headers of a request for the program.
pub fn for_program(sent: &[(String, String)], called: &Called<'_>) -> PortHeaders {
    let listed = listed(sent);
    let mut headers = vec![("host".to_owned(), called.preview_host.to_owned())];
    let mut lengths = Vec::new();
    for (name, value) in sent {
        let name = name.to_ascii_lowercase();
        let is_ours =
            OF_PROXIES.contains(&name.as_str()) || OF_PROXIES_BEGIN.iter().any(|begin| name.starts_with(begin));
        if is_ours || is_of_connection(&name, &listed) || OF_HANDSHAKE.contains(&name.as_str()) {
            continue;
        }
        match name.as_str() {
            "host" => {}
            "content-length" => lengths.push(value.as_str()),
            "cookie" => headers.extend(without_session(value).map(|value| (name, value))),
            _ => headers.push((name, value.clone())),
        }
    }
    if let Some(length) = one_length(&lengths) {
        headers.push(("content-length".to_owned(), length.to_string()));
    }
    let Called { preview_host, scheme, target, .. } = called;
    headers.push(("x-forwarded-host".to_owned(), (*preview_host).to_owned()));
    headers.push(("x-forwarded-proto".to_owned(), (*scheme).to_owned()));
    headers.push(("x-original-url".to_owned(), format!("{scheme}://{preview_host}{target}")));
    headers
}

/// Lets a program read its own machine as the host that was called.
pub fn with_localhost(headers: &mut PortHeaders, port: u16) {
    for (name, value) in headers {
        if name == "host" {
            *value = format!("localhost:{port}");
        }
    }
}

/// The headers of an answer for the client.
pub fn for_client(sent: &[(String, String)]) -> PortHeaders {
    let listed = listed(sent);
    let is_chunked = sent.iter().any(|(name, _)| name.eq_ignore_ascii_case("transfer-encoding"));
    let mut headers = PortHeaders::new();
    let mut lengths = Vec::new();
    for (name, value) in sent {
        let name = name.to_ascii_lowercase();
        if is_of_connection(&name, &listed) || OF_HANDSHAKE.contains(&name.as_str()) {
            continue;
        }
        match name.as_str() {
            "content-length" => lengths.push(value.as_str()),
            "set-cookie" => headers.push((name, without_domain(value))),
            _ => headers.push((name, value.clone())),
        }
    }
    if let Some(length) = one_length(&lengths).filter(|_| !is_chunked) {
        headers.push(("content-length".to_owned(), length.to_string()));
    }
    for (name, value) in [("referrer-policy", "same-origin"), ("x-robots-tag", "noindex")] {
        if !headers.iter().any(|(known, _)| known == name) {
            headers.push((name.to_owned(), value.to_owned()));
        }
    }
    headers
}

/// The names that `Connection` lists.
fn listed(headers: &[(String, String)]) -> Vec<String> {
    let connection = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("connection"));
    connection.flat_map(|(_, value)| value.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect()
}

fn is_of_connection(name: &str, listed: &[String]) -> bool {
    OF_CONNECTION.contains(&name) || listed.iter().any(|known| known == name)
}

/// The length that all say, if they say one.
fn one_length(lengths: &[&str]) -> Option<u64> {
    let mut lengths = lengths.iter().flat_map(|text| text.split(',')).map(|text| {
        let text = text.trim();
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { text.parse::<u64>().ok() } else { None }
    });
    let first = lengths.next()??;
    lengths.all(|length| length == Some(first)).then_some(first)
}

/// The cookies but that of a session here; `None` if none is left.
fn without_session(cookies: &str) -> Option<String> {
    let is_other = |pair: &&str| pair.split('=').next().unwrap_or_default().trim() != SESSION_COOKIE;
    let others: Vec<&str> =
        cookies.split(';').map(str::trim).filter(|pair| !pair.is_empty()).filter(is_other).collect();
    (!others.is_empty()).then(|| others.join("; "))
}

/// A cookie that its own host alone gets.
fn without_domain(cookie: &str) -> String {
    let mut parts = cookie.split(';');
    let pair = parts.next().unwrap_or_default();
    let is_domain = |part: &&str| part.split('=').next().unwrap_or_default().trim().eq_ignore_ascii_case("domain");
    let kept = parts.filter(|part| !is_domain(part));
    std::iter::once(pair).chain(kept).collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> PortHeaders {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn to_program(sent: &[(&str, &str)]) -> PortHeaders {
        let called = Called { preview_host: "p.example.com", scheme: "https", target: "/a?b" };
        let mut headers = for_program(&pairs(sent), &called);
        assert_eq!(headers.remove(0), ("host".into(), "p.example.com".into()));
        let added = headers.split_off(headers.len() - 3);
        let expected = [
            ("x-forwarded-host", "p.example.com"),
            ("x-forwarded-proto", "https"),
            ("x-original-url", "https://p.example.com/a?b"),
        ];
        assert_eq!(added, pairs(&expected));
        headers
    }

    #[test]
    fn a_client_that_says_what_only_proxies_may_say_is_not_believed() {
        let sent = [
            ("Host", "evil"),
            ("CF-Connecting-IP", "1.1.1.1"),
            ("X-Forwarded-For", "1.1.1.1"),
            ("x-forwarded-host", "evil"),
            ("Forwarded", "for=1.1.1.1"),
            ("X-Original-URL", "https://evil"),
            ("X-Docle-Run-Id", "a"),
            ("docle-call", "{}"),
            ("Accept", "a"),
            ("X-Own", "b"),
        ];
        assert_eq!(to_program(&sent), pairs(&[("accept", "a"), ("x-own", "b")]));
    }

    #[test]
    fn a_request_that_two_servers_read_differently_was_smuggled() {
        let smuggled = [
            ("Transfer-Encoding", "chunked"),
            ("Content-Length", "5"),
            ("Connection", "close, X-Secret"),
            ("X-Secret", "a"),
            ("TE", "trailers"),
            ("Upgrade", "h2c"),
        ];
        assert_eq!(to_program(&smuggled), pairs(&[("content-length", "5")]));
        assert_eq!(to_program(&[("content-length", "5"), ("content-length", "6")]), []);
        assert_eq!(to_program(&[("content-length", "5, 5")]), pairs(&[("content-length", "5")]));
        for wrong in ["+5", "-1", "5x", "", "0x5", "5,6"] {
            assert_eq!(to_program(&[("content-length", wrong)]), [], "{wrong}");
        }
    }

    #[test]
    fn a_program_never_reads_the_session_of_its_visitor() {
        let cookies = |value: &str| to_program(&[("cookie", value)]);
        assert_eq!(cookies("a=1; docle_session=secret;b=2"), pairs(&[("cookie", "a=1; b=2")]));
        for only in ["docle_session=secret", " docle_session =secret; docle_session=2", "docle_session", ""] {
            assert_eq!(cookies(only), [], "{only}");
        }
        assert_eq!(cookies("docle_session2=a"), pairs(&[("cookie", "docle_session2=a")]));
    }

    #[test]
    fn an_answer_with_a_forged_domain_set_a_cookie_for_its_neighbours() {
        let cookie = |value: &str| {
            let headers = for_client(&pairs(&[("Set-Cookie", value)]));
            headers.into_iter().find(|(name, _)| name == "set-cookie").unwrap().1
        };
        assert_eq!(cookie("a=b; Domain=example.com; Path=/"), "a=b; Path=/");
        assert_eq!(cookie("a=b;DOMAIN = .example.com ;domain=x;Secure;\tdomain"), "a=b;Secure");
        assert_eq!(cookie("domain=b; Path=/"), "domain=b; Path=/", "the name of a cookie may be any");
    }

    #[test]
    fn an_answer_has_one_length_and_says_what_it_has_not_said_itself() {
        let headers = for_client(&pairs(&[("Transfer-Encoding", "chunked"), ("Content-Length", "5"), ("A", "b")]));
        let policies = [("referrer-policy", "same-origin"), ("x-robots-tag", "noindex")];
        assert_eq!(headers, pairs(&[&[("a", "b")][..], &policies].concat()));
        let own = [("referrer-policy", "origin"), ("x-robots-tag", "all")];
        assert_eq!(for_client(&pairs(&own)), pairs(&own));
        let cookies = for_client(&pairs(&[("set-cookie", "a=1"), ("set-cookie", "b=2")]));
        assert_eq!(cookies.iter().filter(|(name, _)| name == "set-cookie").count(), 2);
    }
}
