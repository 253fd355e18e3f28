//! What the address of an embed frame asks for: a program, its language, and how the frame looks.

use docle_languages::{RunLanguage, TABLE};

/// The longest program in an address, in bytes. Longer ones are sent to the frame as a message.
pub const MAX_CODE_BYTES: usize = 100 * 1_024;

/// The parameters of `GET /embed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// The name of the language, as the page spells it.
    pub lang: String,
    pub code: String,
    /// `dark`, `light` or `system`.
    pub theme: &'static str,
    pub readonly: bool,
    pub autorun: bool,
    /// The standard input, which the frame then shows; `None` if the page does not ask for it.
    pub stdin: Option<String>,
    /// Whether the frame is as high as its content.
    pub auto_height: bool,
    /// The key in the address, whatever it is.
    pub key: Option<String>,
}

impl Parameters {
    /// Reads the query of an address. What it does not understand has its default, because a frame has nobody to tell.
    pub fn read(query: &str) -> Self {
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(found, _)| *found == name).map(|(_, value)| decode(value))
        };
        let is_on = |name: &str| value(name).is_some_and(|value| matches!(value.as_str(), "true" | "1" | ""));
        let theme = match value("theme").as_deref() {
            Some("light") => "light",
            Some("system") => "system",
            _ => "dark",
        };
        let mut code = value("code").unwrap_or_default();
        if code.len() > MAX_CODE_BYTES {
            code.clear();
        }
        Self {
            lang: value("lang").filter(|lang| !lang.is_empty()).unwrap_or_else(|| TABLE[0].id.to_owned()),
            code,
            theme,
            readonly: is_on("readonly"),
            autorun: is_on("autorun"),
            stdin: value("stdin"),
            auto_height: value("height").as_deref() == Some("auto"),
            key: value("key").filter(|key| !key.is_empty()),
        }
    }

    /// The language, if there are programs in it.
    pub fn language(&self) -> Option<RunLanguage> {
        RunLanguage::meant_by(&self.lang)
    }
}

/// The text of a value. A form writes a space as `+`, and a plus as `%2B`; `encodeURIComponent` and people write a plus as
/// it is. A form writes no character but letters, digits and `*-._`, so a value with any other was not written by one.
fn decode(value: &str) -> String {
    let is_of_form = |byte: u8| byte.is_ascii_alphanumeric() || b"*-._+%".contains(&byte);
    let by_form = value.bytes().all(is_of_form) && !value.contains("%20");
    let pair = if by_form { format!("={value}") } else { format!("={}", value.replace('+', "%2B")) };
    // A percent sign without two digits after it stands for itself.
    form_urlencoded::parse(pair.as_bytes()).next().map(|(_, text)| text.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_arrives_as_it_was_written_whatever_wrote_the_address() {
        for (query, code) in [
            // As the documentation of the service has it.
            ("code=print('Hello')", "print('Hello')"),
            // By hand.
            ("code=print(1+1)", "print(1+1)"),
            ("code=print(5%20%%202)", "print(5 % 2)"),
            ("code=print(5%2)", "print(5%2)"),
            ("code=x=1", "x=1"),
            // By encodeURIComponent.
            ("code=print(%221%2B1%22%2C%205%20%25%202)%0A", "print(\"1+1\", 5 % 2)\n"),
            // By a form, or URLSearchParams.
            ("code=print%28%221%2B1%22%2C+5+%25+2%29%0A", "print(\"1+1\", 5 % 2)\n"),
            ("code=a+b", "a b"),
            ("code=%E2%9C%93", "\u{2713}"),
            ("code=%E0%A4%A", "\u{fffd}%A"),
            ("code=", ""),
            ("", ""),
        ] {
            assert_eq!(Parameters::read(query).code, code, "{query}");
        }
        assert_eq!(Parameters::read(&format!("code={}", "x".repeat(MAX_CODE_BYTES + 1))).code, "");
    }

    #[test]
    fn every_parameter_has_a_default() {
        let read = Parameters::read("");
        assert_eq!((read.lang.as_str(), read.theme), (TABLE[0].id, "dark"));
        assert!(!read.readonly && !read.autorun);
        assert_eq!((read.stdin, read.key, read.auto_height), (None, None, false));
        let read = Parameters::read("lang=JS&theme=light&readonly=true&autorun=true&stdin=Ada%0A&key=pk&height=auto");
        assert_eq!((read.lang.as_str(), read.theme, read.readonly, read.autorun), ("JS", "light", true, true));
        assert_eq!((read.stdin.as_deref(), read.key.as_deref(), read.auto_height), (Some("Ada\n"), Some("pk"), true));
        assert_eq!(Parameters::read("theme=pink&readonly=false").theme, "dark");
    }
}
