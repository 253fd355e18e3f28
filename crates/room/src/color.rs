//! The colours of cursors and names.

/// Colours that are easy to tell apart on light and on dark backgrounds.
const COLORS: [&str; 10] =
    ["#ff6b6b", "#51cf66", "#339af0", "#fcc419", "#cc5de8", "#ff922b", "#20c997", "#f06595", "#5c7cfa", "#94d82d"];

/// The colour that occurs least often among `others`.
pub fn least_used<'a>(others: impl Iterator<Item = &'a str> + Clone) -> &'static str {
    let uses = |color: &str| others.clone().filter(|other| *other == color).count();
    COLORS.into_iter().min_by_key(|color| uses(color)).unwrap_or(COLORS[0])
}

/// Whether a text is a colour that is safe in a style: `#` and six hexadecimal digits.
pub fn is_color(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_color_has_six_hexadecimal_digits() {
        assert!(!is_color("red") && !is_color("#ff6b6") && !is_color("#ff6b6g") && is_color("#Ff6B60"));
    }
}
