//! JSON as people write it: strict first, then with comments and trailing commas.

use serde_json::Value;

/// Parses `text` as JSON; where that fails, once more without `//` and `/* */` comments and without trailing commas,
/// because documentation and hands put them there.
///
/// # Errors
/// What the strict parser says, with line and column.
pub fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).or_else(|strict| {
        serde_json::from_str(&without_comments_and_trailing_commas(text)).map_err(|_| strict.to_string())
    })
}

/// The same text with comments and trailing commas blanked. It works on bytes: every byte it looks for is ASCII, which
/// in UTF-8 is never part of another character, and strings are copied whole.
fn without_comments_and_trailing_commas(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut kept = Vec::with_capacity(bytes.len());
    // Where the last comma stands while nothing but blanks and comments has followed it.
    let mut pending_comma = None;
    let mut previous = b'{';
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let length = match rest[0] {
            b'"' => string_length(rest),
            b'/' if rest.starts_with(b"//") => {
                at += rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
                continue;
            }
            b'/' if rest.starts_with(b"/*") => {
                at += rest[2..].windows(2).position(|pair| pair == b"*/").map_or(rest.len(), |end| end + 4);
                kept.push(b' ');
                continue;
            }
            _ => 1,
        };
        match rest[0] {
            b',' if !matches!(previous, b'{' | b'[' | b',') => pending_comma = Some(kept.len()),
            b'}' | b']' => {
                if let Some(comma) = pending_comma.take() {
                    kept[comma] = b' ';
                }
            }
            byte if byte.is_ascii_whitespace() => {}
            _ => pending_comma = None,
        }
        if !rest[0].is_ascii_whitespace() {
            previous = rest[0];
        }
        kept.extend_from_slice(&rest[..length]);
        at += length;
    }
    String::from_utf8(kept).unwrap_or_default()
}

/// Bytes of the string literal that `rest` opens with, quotes included.
fn string_length(rest: &[u8]) -> usize {
    let mut escaped = false;
    for (at, &byte) in rest.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn comments_and_trailing_commas_are_forgiven_outside_strings() {
        let cases = [
            (r#"{"a": 1,}"#, json!({ "a": 1 })),
            (r#"{"a": [1, 2, ], /* b */ "c": {},}"#, json!({ "a": [1, 2], "c": {} })),
            ("{\"a\": 60000  // time to install\n}", json!({ "a": 60000 })),
            ("{\"a\": 1, // one\n // two\n}", json!({ "a": 1 })),
            (
                r#"{"a": "// no \" /* comment */ ,}", "b": "é,]",}"#,
                json!({ "a": "// no \" /* comment */ ,}", "b": "é,]" }),
            ),
            (r#"{"a": "\\", /* , */ }"#, json!({ "a": "\\" })),
        ];
        for (text, value) in cases {
            assert_eq!(parse(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_is_still_wrong_is_reported_by_the_strict_parser() {
        let cases = [
            ("", "EOF while parsing a value at line 1 column 0"),
            ("{\n  \"a\": NaN\n}", "expected value at line 2 column 8"),
            (r#"{"a": 1,, }"#, "key must be a string at line 1 column 9"),
            (r#"{,}"#, "key must be a string at line 1 column 2"),
            (r#"{"a": "b"#, "EOF while parsing a string at line 1 column 8"),
            ("{\"a\": 1 /*", "expected `,` or `}` at line 1 column 9"),
        ];
        for (text, message) in cases {
            assert_eq!(parse(text), Err(message.to_owned()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in r#"[{}\[\],:/*"\\a1é \n]{0,40}"#) {
            let strict = serde_json::from_str::<Value>(&text).ok();
            if let Some(value) = strict {
                prop_assert_eq!(parse(&text), Ok(value));
            } else if let Err(message) = parse(&text) {
                prop_assert!(message.contains("line"));
            }
        }
    }
}
