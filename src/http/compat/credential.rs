//! The API key of a call, in the forms in which clients of other services send theirs.

use crate::http::auth::caller;
use crate::http::request::call::Call;
use ::http::HeaderName;
use ::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Headers that hold a key and nothing else, beside `X-API-Key`.
const KEY_HEADERS: [HeaderName; 2] =
    [HeaderName::from_static("x-auth-token"), HeaderName::from_static("x-rapidapi-key")];

/// The key or token of a call, if it has one in any form:
///
/// | form | for example of |
/// |---|---|
/// | the path `/k/<key>/…` | clients that send no header |
/// | `Authorization: Bearer <key>`, `X-API-Key` | Dify |
/// | `Authorization: <key>` | ultra-piston, aiopyston |
/// | `Authorization: token <key>` | clients of Jupyter |
/// | `Authorization: Basic`, with the key as user or password | piston-client with `http://x:<key>@host` |
/// | `X-Auth-Token`, `X-RapidAPI-Key` | Judge0 |
pub fn of(call: &Call) -> Option<String> {
    if let Some(key) = &call.key_in_path {
        return Some(key.clone());
    }
    if let Some(key) = caller::credentials(call.headers()) {
        return Some(key.to_owned());
    }
    let of_header = || KEY_HEADERS.iter().find_map(|name| call.header(name)).map(|key| key.trim().to_owned());
    let Some(sent) = call.header(AUTHORIZATION).map(str::trim) else { return of_header() };
    let Some((scheme, rest)) = sent.split_once(' ') else { return Some(sent.to_owned()) };
    match scheme.to_ascii_lowercase().as_str() {
        "token" => Some(rest.trim().to_owned()),
        "basic" => basic(rest.trim()),
        _ => of_header(),
    }
}

/// The password of `user:password` in base64, or the user where there is no password.
fn basic(encoded: &str) -> Option<String> {
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some(if password.is_empty() { user } else { password }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::body;
    use crate::http::request::call::Renewal;

    fn sent(headers: &[(&str, &str)], key_in_path: Option<&str>) -> Option<String> {
        let mut request = ::http::Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let key_in_path = key_in_path.map(str::to_owned);
        of(&Call { parts, body: body::none(), params: Vec::new(), key_in_path, renewal: Renewal::default() })
    }

    #[test]
    fn the_key_of_a_foreign_client_was_not_found() {
        for header in [
            ("authorization", "Bearer sk_1"),
            ("authorization", "bearer  sk_1"),
            ("authorization", "sk_1"),
            ("authorization", "token sk_1"),
            ("authorization", "Basic eDpza18x"),
            ("authorization", "Basic c2tfMTo="),
            ("x-api-key", "sk_1"),
            ("x-auth-token", " sk_1"),
            ("x-rapidapi-key", "sk_1"),
        ] {
            assert_eq!(sent(&[header], None).as_deref(), Some("sk_1"), "{header:?}");
        }
        assert_eq!(sent(&[("authorization", "Bearer sk_2")], Some("sk_1")).as_deref(), Some("sk_1"));
        for header in [("authorization", "Digest x"), ("authorization", "Basic ?"), ("cookie", "sk_1")] {
            assert_eq!(sent(&[header], None), None, "{header:?}");
        }
        assert_eq!(sent(&[("authorization", "Digest x"), ("x-auth-token", "sk_1")], None).as_deref(), Some("sk_1"));
    }
}
