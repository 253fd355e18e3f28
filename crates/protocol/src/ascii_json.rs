//! JSON that a header can have.

use serde::Serialize;
use std::fmt::Write;

/// A value as JSON in visible ASCII and spaces. Other characters stand in strings only, where JSON has an escape for each UTF-16 unit.
///
/// # Panics
/// The value is no plain data with string keys, which always encodes.
pub fn ascii_json(value: &impl Serialize) -> String {
    let json =
        serde_json::to_string(value).expect("what travels in headers is plain data with string keys, which encodes");
    let stands = |character: char| character.is_ascii() && !character.is_ascii_control();
    if json.chars().all(stands) {
        return json;
    }
    let mut ascii = String::with_capacity(json.len() * 2);
    for character in json.chars() {
        if stands(character) {
            ascii.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            write!(ascii, "\\u{unit:04x}").expect("a String takes all that is written to it");
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_control_character_that_json_leaves_alone_is_escaped() {
        assert_eq!(ascii_json(&"a\u{7f}"), r#""a\u007f""#);
    }

    proptest! {
        #[test]
        fn every_character_survives_a_header(text in any::<String>()) {
            let written = ascii_json(&text);
            prop_assert!(written.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }
}
