//! Places in texts, and the way from a place in a changed text back to where it came from.
//!
//! A place is a line and a column in UTF-16 units, both counted from 0 here, as V8 counts them: its lines end with
//! `\n`, `\r`, `\r\n`, U+2028 and U+2029.

use docle_protocol::isolate::Finding;

/// A line and a column.
pub type Place = (u32, u32);

/// Where the lines of a text begin.
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// The lines of `text`.
    pub fn of(text: &'a str) -> Self {
        let mut starts = vec![0];
        let mut chars = text.char_indices().peekable();
        while let Some((at, char)) = chars.next() {
            let ends_line = match char {
                '\n' | '\u{2028}' | '\u{2029}' => true,
                '\r' => !matches!(chars.peek(), Some((_, '\n'))),
                _ => false,
            };
            if ends_line {
                starts.push(at + char.len_utf8());
            }
        }
        Self { text, starts }
    }

    /// The place of a byte offset; one past the end, or inside a character, is moved to where a character begins.
    pub fn place(&self, offset: usize) -> Place {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let column: usize = self.text[self.starts[line]..offset].chars().map(char::len_utf16).sum();
        (clamped(line), clamped(column))
    }

    /// A finding about the bytes from `start` to `end`.
    pub fn finding(&self, rule: &str, message: String, start: usize, end: usize) -> Finding {
        let ((line, column), (end_line, end_column)) = (self.place(start), self.place(end.max(start)));
        Finding {
            rule: rule.to_owned(),
            message,
            line: line + 1,
            column: column + 1,
            end_line: end_line + 1,
            end_column: end_column + 1,
        }
    }
}

/// Where a printer put what it read.
pub struct SourceMap {
    /// Sorted by the place in the printed text.
    tokens: Vec<(Place, Place)>,
}

impl SourceMap {
    /// A map of pairs of a printed place and its source.
    pub fn of(tokens: impl Iterator<Item = (Place, Place)>) -> Self {
        let mut tokens: Vec<_> = tokens.collect();
        tokens.sort_unstable();
        Self { tokens }
    }

    /// The source of the token that a printed place is in, or of the one before it.
    pub fn source(&self, printed: Place) -> Place {
        let after = self.tokens.partition_point(|(place, _)| *place <= printed);
        match after.checked_sub(1).and_then(|index| self.tokens.get(index)) {
            Some((_, source)) => *source,
            None => self.tokens.first().map_or(printed, |(_, source)| *source),
        }
    }
}

/// Insertions into a text, none of which has an end of a line in it.
#[derive(Default)]
pub struct Edits {
    /// The place in the text that came out, and how many units were inserted there; sorted.
    inserted: Vec<(Place, u32)>,
}

impl Edits {
    /// `text` with each of `insertions` at its byte offset; those of one offset stay in their order.
    pub fn apply(text: &str, mut insertions: Vec<(usize, &str)>) -> (String, Self) {
        insertions.sort_by_key(|(offset, _)| *offset);
        let lines = Lines::of(text);
        let mut changed =
            String::with_capacity(text.len() + insertions.iter().map(|(_, inserted)| inserted.len()).sum::<usize>());
        let mut edits = Self::default();
        let (mut copied, mut line, mut shift) = (0, 0, 0);
        for (offset, inserted) in insertions {
            changed.push_str(&text[copied..offset]);
            changed.push_str(inserted);
            copied = offset;
            let place = lines.place(offset);
            if place.0 != line {
                (line, shift) = (place.0, 0);
            }
            let units = clamped(inserted.encode_utf16().count());
            edits.inserted.push(((place.0, place.1 + shift), units));
            shift += units;
        }
        changed.push_str(&text[copied..]);
        (changed, edits)
    }

    /// Where a place was before the insertions.
    pub fn before(&self, (line, column): Place) -> Place {
        let first = self.inserted.partition_point(|((at, _), _)| *at < line);
        let mut before = column;
        for ((at, start), units) in &self.inserted[first..] {
            if *at != line || *start >= column {
                break;
            }
            // Inside of an insertion is where it was made.
            before -= (*units).min(column - start);
        }
        (line, before)
    }
}

fn clamped(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_as_v8_counts() {
        let text = "a\r\nb\u{1f600}c\rd\u{2028}e\nf";
        let place_of = |part: &str| Lines::of(text).place(text.find(part).unwrap());
        assert_eq!(["a", "b", "c", "d", "e", "f"].map(place_of), [(0, 0), (1, 0), (1, 3), (2, 0), (3, 0), (4, 0)]);
        assert_eq!(Lines::of(text).place(1_000), (4, 1));
        assert_eq!(Lines::of("").place(0), (0, 0));
    }

    #[test]
    fn insertions_are_undone() {
        let text = "ab\ncdef";
        let (changed, edits) = Edits::apply(text, vec![(5, "YYY"), (3, "X"), (5, "Z"), (0, "W")]);
        assert_eq!(changed, "Wab\nXcdYYYZef");
        let lines = (Lines::of(text), Lines::of(&changed));
        for char in ["a", "b", "c", "d", "e", "f"] {
            let at = |lines: &Lines<'_>, text: &str| lines.place(text.find(char).unwrap());
            assert_eq!(edits.before(at(&lines.1, &changed)), at(&lines.0, text), "{char}");
        }
    }
}
