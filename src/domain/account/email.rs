//! Addresses that mail can be sent to.

use crate::domain::host;
use std::fmt;

pub use docle_api::limits::MAX_EMAIL_BYTES as MAX_BYTES;
const MAX_LOCAL_BYTES: usize = 64;

/// An address, trimmed and in lower case: two spellings of one address are one account.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// The address written as `text`.
    ///
    /// Only what mailboxes are really called is accepted: quotes, comments, lists, line breaks and whatever else could
    /// mean something to a mail system are not.
    ///
    /// # Errors
    /// A clause to be read after the name of the field.
    pub fn parse(text: &str) -> Result<Self, String> {
        let email = text.trim().to_ascii_lowercase();
        let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
        let good = email.len() <= MAX_BYTES
            && email.split_once('@').is_some_and(|(local, domain)| {
                (1..=MAX_LOCAL_BYTES).contains(&local.len())
                    && local.bytes().all(is_atom)
                    && !local.split('.').any(str::is_empty)
                    && domain.contains('.')
                    && !domain.starts_with("*.")
                    && host::parse(domain).is_ok()
            });
        good.then_some(Self(email)).ok_or_else(|| "must be an email address such as \"ada@example.com\"".to_owned())
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Email(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_normalised() {
        for (text, email) in [
            ("ada@example.com", "ada@example.com"),
            (" Ada.Lovelace+x@Example.COM\n", "ada.lovelace+x@example.com"),
            ("o'neil@mail.example.co.uk", "o'neil@mail.example.co.uk"),
        ] {
            assert_eq!(Email::parse(text).unwrap().as_str(), email);
        }
    }

    #[test]
    fn what_could_mean_more_than_an_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        for text in [
            "",
            "@",
            "a",
            "a@",
            "@b.com",
            "a@b",
            "a b@c.com",
            "a@b.com,c@d.com",
            "a@b.com\r\nBcc: c@d.com",
            "\"a\"@b.com",
            "a<b@c.com>",
            "a@b@c.com",
            ".a@b.com",
            "a..b@c.com",
            "a@-b.com",
            "a@*.b.com",
            "a@b.com/",
            "\u{e4}@b.com",
            &long,
        ] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
    }
}
