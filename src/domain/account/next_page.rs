//! Where a browser goes on after it has signed in: a page of the website, and never another site.

pub use docle_api::limits::MAX_NEXT_PAGE_BYTES as MAX_BYTES;

/// A path of the website with its query and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextPage(String);

impl NextPage {
    /// The path written as `text`. What a browser could take for another host is none: `//host`, `/\host`, and the same
    /// with the blanks and line breaks that browsers leave out.
    ///
    /// # Errors
    /// A clause to be read after the name of the field.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_visible = |byte: u8| byte.is_ascii_graphic() && !b"\\\"<>`".contains(&byte);
        let good =
            text.len() <= MAX_BYTES && text.starts_with('/') && !text.starts_with("//") && text.bytes().all(is_visible);
        let clause =
            || format!("must be a path of the website of at most {MAX_BYTES} characters, such as \"/playground\"");
        good.then(|| Self(text.to_owned())).ok_or_else(clause)
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as the value of a query parameter.
    pub fn encoded(&self) -> String {
        form_urlencoded::byte_serialize(self.0.as_bytes()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_sign_in_led_to_another_site() {
        for (text, is_page) in [
            ("/", true),
            ("/playground", true),
            ("/projects/proj_1?tab=usage&run=1", true),
            ("/playground#z=abc", true),
            ("/login?next=//evil.com", true),
            ("//evil.com", false),
            ("/\\evil.com", false),
            ("/\t/evil.com", false),
            ("/\n/evil.com", false),
            ("/ /evil.com", false),
            ("\\\\evil.com", false),
            ("https://evil.com", false),
            ("javascript:alert(1)", false),
            ("evil.com", false),
            ("/\u{e9}", false),
            ("/\"><script>", false),
            ("", false),
        ] {
            assert_eq!(NextPage::parse(text).is_ok(), is_page, "{text:?}");
        }
        assert!(NextPage::parse(&format!("/{}", "a".repeat(MAX_BYTES))).is_err());
        assert_eq!(NextPage::parse("/a?b=c&d").unwrap().encoded(), "%2Fa%3Fb%3Dc%26d");
    }
}
