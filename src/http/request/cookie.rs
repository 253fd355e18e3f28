//! The session cookie, read and written.

use crate::domain::account::session::SESSION_LIFETIME_MS;
use crate::domain::account::token::Token;
use crate::domain::sandbox::preview_headers::SESSION_COOKIE;
use crate::http::request::call::is_local_host;
use ::http::HeaderMap;
use ::http::header::{COOKIE, HeaderValue};

const NAME: &str = SESSION_COOKIE;

/// The token of the session cookie. If there are two cookies of this name, another site has set one of them, for
/// example a site on a neighbouring host. It is unknown which one, so both are ignored.
pub fn read(headers: &HeaderMap) -> Option<Token> {
    let mut tokens = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == NAME)
        .map(|(_, value)| value);
    let token = Token::parse(tokens.next()?)?;
    tokens.next().is_none().then_some(token)
}

/// The header that sets the session cookie. `base_url` is the URL of this service.
pub fn set(token: &Token, base_url: &str) -> HeaderValue {
    cookie(token.reveal(), SESSION_LIFETIME_MS / 1_000, base_url)
}

/// The header that deletes the session cookie.
pub fn clear(base_url: &str) -> HeaderValue {
    cookie("", 0, base_url)
}

fn cookie(value: &str, max_age_seconds: i64, base_url: &str) -> HeaderValue {
    let secure = if is_local(base_url) { "" } else { "; Secure" };
    let text = format!("{NAME}={value}; Path=/; Max-Age={max_age_seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(text).expect("a token is hexadecimal, and the rest is ASCII")
}

/// Whether the service is called without TLS on the machine that it runs on.
fn is_local(base_url: &str) -> bool {
    base_url.strip_prefix("http://").is_some_and(is_local_host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_cookie_of_this_very_name_counts() {
        let token = "ab".repeat(32);
        let other = "cd".repeat(32);
        for (cookies, expected) in [
            (format!("docle_session={token}"), true),
            (format!("a=b; docle_session={token};c=d"), true),
            (format!("xdocle_session={token}"), false),
            (format!("docle_session2={token}"), false),
            (format!("Docle_Session={token}"), false),
            (format!("a=docle_session={token}"), false),
            (format!("docle_session=\"{token}\""), false),
            (format!("docle_session={token}x"), false),
            (format!("docle_session={token}; docle_session={other}"), false),
            (format!("docle_session={other}; docle_session={token}"), false),
            ("docle_session=".to_owned(), false),
            (String::new(), false),
        ] {
            let headers = HeaderMap::from_iter([(COOKIE, cookies.parse().unwrap())]);
            assert_eq!(read(&headers).is_some_and(|read| read.reveal() == token), expected, "{cookies}");
        }
    }

    #[test]
    fn cookie_format_unchanged() {
        let token = Token::from_random([0; 32]);
        let zeros = "00".repeat(32);
        for (base, secure) in [
            ("http://localhost:8787", ""),
            ("http://127.0.0.1", ""),
            ("https://localhost", "; Secure"),
            ("https://api.docle.co", "; Secure"),
            ("http://localhost.evil.com", "; Secure"),
        ] {
            let expected = format!("docle_session={zeros}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax{secure}");
            assert_eq!(set(&token, base), expected.as_str(), "{base}");
        }
        assert!(clear("https://a.com").to_str().unwrap().starts_with("docle_session=; Path=/; Max-Age=0;"));
    }
}
