//! Which outputs are right, where the others differ, and that a hostile one takes no longer.

use super::*;
use proptest::prelude::*;

fn expected(how: &str, text: &str) -> Expected {
    let text = text.to_owned();
    match how {
        "exact" => Expected::Exact(text),
        "trim" => Expected::Trim(text),
        "tokens" => Expected::Tokens(text),
        "float" => Expected::Float { text, epsilon: 1e-6 },
        _ => regex(text).unwrap(),
    }
}

fn accepts(how: &str, text: &str, actual: &str) -> bool {
    expected(how, text).compare(actual).is_none()
}

#[test]
fn each_comparison_accepts_what_its_name_says() {
    for (how, text, actual, accepted) in [
        ("exact", "3\n", "3\n", true),
        ("exact", "3\n", "3", false),
        ("exact", "3\n", "3\r\n", false),
        ("trim", "3\n", "3", true),
        ("trim", "a\nb\n", "a  \r\nb\r\n\r\n \n", true),
        ("trim", "a\nb", "a\n\nb", false),
        ("trim", "\na", "a", false),
        ("trim", " a", "a", false),
        ("trim", "", "\n\n", true),
        ("trim", "", "x", false),
        ("trim", "a\nb", "a", false),
        ("trim", "a", "a\nb", false),
        ("trim", "a", "a\u{a0}", false),
        ("tokens", "1 2\n3", "  1\t2 \r\n\n3", true),
        ("tokens", "1 2", "1 2 3", false),
        ("tokens", "1 2", "12", false),
        ("tokens", "é", "e\u{301}", false),
        ("float", "0.5 x", "0.50000001 x", true),
        ("float", "0.5 x", "0.51 x", false),
        ("float", "1 2", "1", false),
        ("regex", r"\d+", "42\n", true),
        ("regex", r"\d+", "42 x", false),
        ("regex", "a|ab", "ab", true),
        ("regex", "x", "axa", false),
        ("regex", "(?s).*b.*", "a\nb\nc\n", true),
        ("regex", "", "", true),
        ("regex", "é.", "éü", true),
    ] {
        assert_eq!(accepts(how, text, actual), accepted, "{how} {text:?} {actual:?}");
    }
}

#[test]
fn the_first_difference_is_shown_with_its_place() {
    for (how, text, actual, line, column, want, have) in [
        ("exact", "ab\ncd\n", "ab\ncx\n", 2, 2, "d", "x"),
        ("exact", "3\n", "3", 1, 2, "\n", ""),
        ("trim", "a\nbcd", "a\nbxd  ", 2, 2, "cd", "xd"),
        ("trim", "a\nb", "a\n", 1, 2, "b", ""),
        ("trim", "a", "a\n\nb", 3, 1, "", "b"),
        ("tokens", "1 2 3", "1\n 5 3", 2, 2, "2", "5"),
        ("tokens", "1 2", "1 ", 1, 2, "2", ""),
        ("tokens", "1", "1 2", 1, 3, "", "2"),
        ("float", "1.5", "é 1.6", 1, 1, "1.5", "é"),
        ("regex", "[ab]+", "c", 1, 1, "[ab]+", "c"),
    ] {
        let found = expected(how, text).compare(actual).unwrap();
        let (place, pieces) = ((found.line, found.column), (found.expected.as_str(), found.actual.as_str()));
        assert_eq!((place, pieces), ((line, column), (want, have)), "{how} {text:?} {actual:?}");
    }
}

#[test]
fn a_wrong_regular_expression_is_refused() {
    for wrong in ["(", "a)|(b", "[", "a{2,1}", "*", "(?x)a # comment", "(?:a{1000}){1000}", r"\1", "(?=a)"] {
        assert!(regex(wrong.into()).is_err(), "{wrong}");
    }
    assert!(regex("a".repeat(MAX_PATTERN_BYTES + 1)).is_err());
}

/// With one that looks at each character once more for each other one, this test has 10¹² steps and does not end.
#[test]
fn a_hostile_output_takes_linear_time() {
    let size = 1 << 20;
    for (how, text, actual) in [
        ("trim", String::new(), " \n".repeat(size) + "x"),
        ("trim", format!("{}x", " ".repeat(size)), format!("{}y", " ".repeat(size))),
        ("trim", "\n".repeat(size) + "x", "\n".repeat(size) + "y"),
        ("tokens", "1 ".repeat(size), "1 ".repeat(size) + "2"),
        ("float", "9".repeat(size), "8".repeat(size) + "e9"),
        ("float", format!("1e{}", "9".repeat(size)), format!("1e-{}", "9".repeat(size))),
        ("regex", "(a*)*b".into(), "a".repeat(MAX_MATCHED_BYTES)),
        ("regex", "(a|aa|aaa)+$".into(), "a".repeat(MAX_MATCHED_BYTES - 1) + "b"),
        ("regex", ".*.*.*x".into(), "a".repeat(size)),
    ] {
        assert!(expected(how, &text).compare(&actual).is_some(), "{how}");
    }
}

proptest! {
    #[test]
    fn every_text_is_its_own_answer(text in "(?s).{0,80}") {
        for how in ["exact", "trim", "tokens", "float"] {
            prop_assert!(accepts(how, &text, &text), "{how}");
        }
    }

    #[test]
    fn no_comparison_panics_and_pieces_are_short(how in 0usize..4, text in "(?s)[ \r\na-cé0-9.e\u{1f980}-]{0,300}", actual in "(?s)[ \r\na-cé0-9.e\u{1f980}-]{0,300}") {
        let how = ["exact", "trim", "tokens", "float"][how];
        if let Some(found) = expected(how, &text).compare(&actual) {
            prop_assert!(found.expected.chars().count() <= 100 && found.actual.chars().count() <= 100);
            let lines = actual.split('\n').count();
            prop_assert!(found.line as usize <= lines && found.column >= 1);
        } else if how == "exact" {
            prop_assert_eq!(text, actual);
        }
    }

    #[test]
    fn what_a_stricter_comparison_accepts_a_looser_one_accepts_too(text in "[ \n\ta-b1-2.]{0,20}", actual in "[ \n\ta-b1-2.]{0,20}") {
        let accepted = ["exact", "trim", "tokens", "float"].map(|how| accepts(how, &text, &actual));
        prop_assert!(accepted.is_sorted(), "{accepted:?}");
    }

    #[test]
    fn white_space_at_line_ends_is_nothing_to_trim(lines in prop::collection::vec("[a-z ]{0,5}[a-z]", 0..6), ends in prop::collection::vec("[ \t]{0,3}\r?", 6..7)) {
        let plain = lines.join("\n");
        let spaced: String = lines.iter().zip(&ends).map(|(line, end)| format!("{line}{end}\n")).collect();
        prop_assert!(accepts("trim", &plain, &spaced) && accepts("trim", &spaced, &plain));
    }
}
