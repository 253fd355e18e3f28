//! Where two texts differ, with a short piece of each.

use docle_api::judging::Difference;

/// Characters of each piece.
const MAX_CHARS: usize = 100;

/// The difference at byte `at` of `actual`, where `expected` should be. `wanted` and `found` begin with what differs.
pub fn at(actual: &str, at: usize, wanted: &str, found: &str) -> Difference {
    let before = &actual[..at];
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let begin = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before[begin..].chars().count() + 1;
    let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
    Difference { line: number(line), column: number(column), expected: piece(wanted), actual: piece(found) }
}

/// The length of the longest beginning that both texts have, in bytes and in whole characters.
pub fn common_prefix(one: &str, other: &str) -> usize {
    let mut length = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    while !one.is_char_boundary(length) || !other.is_char_boundary(length) {
        length -= 1;
    }
    length
}

/// The beginning of a text up to the end of its first line, with that line's end where it is all.
pub fn piece(text: &str) -> String {
    let end = text.find('\n').map_or(text.len(), |end| end.max(1));
    text[..end].chars().take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_its_place_and_short_pieces() {
        let actual = "ä\nbé!\nrest";
        let place = actual.find('!').unwrap();
        let found = at(actual, place, &"x".repeat(1_000), &actual[place..]);
        assert_eq!((found.line, found.column), (2, 3));
        assert_eq!((found.expected.len(), found.actual.as_str()), (100, "!"));
        assert_eq!(at("a\n", 1, "", "\n").actual, "\n");
    }

    #[test]
    fn a_common_beginning_ends_between_characters() {
        assert_eq!(common_prefix("aé", "aè"), 1);
        assert_eq!(common_prefix("abc", "ab"), 2);
        assert_eq!(common_prefix("", "ab"), 0);
    }
}
