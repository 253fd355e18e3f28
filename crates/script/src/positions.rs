//! Positions in texts, and their mapping from a changed text back to the original.
//!
//! A position is a line and a column in UTF-16 units, both counted from 0. Lines are those of V8: they end with `\n`,
//! `\r`, `\r\n`, U+2028 and U+2029.

use docle_protocol::isolate::Diagnostic;

/// A line and a column.
pub type Position = (u32, u32);

/// The offsets at which the lines of a text begin.
pub struct LineIndex<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> LineIndex<'a> {
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

    /// The position of a byte offset. An offset past the end, or inside of a character, is rounded down.
    pub fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let column: usize = self.text[self.starts[line]..offset].chars().map(char::len_utf16).sum();
        (saturated(line), saturated(column))
    }

    /// A diagnostic about the bytes from `start` to `end`.
    pub fn diagnostic(&self, rule: &str, message: String, start: usize, end: usize) -> Diagnostic {
        let ((line, column), (end_line, end_column)) = (self.position(start), self.position(end.max(start)));
        Diagnostic {
            rule: rule.to_owned(),
            message,
            line: line + 1,
            column: column + 1,
            end_line: end_line + 1,
            end_column: end_column + 1,
        }
    }
}

/// The source positions of the tokens in a printed text.
pub struct SourceMap {
    /// Printed position and source position, sorted by the printed position.
    tokens: Vec<(Position, Position)>,
}

impl SourceMap {
    /// A map of pairs of a printed position and its source position.
    pub fn of(tokens: impl Iterator<Item = (Position, Position)>) -> Self {
        let mut tokens: Vec<_> = tokens.collect();
        tokens.sort_unstable();
        Self { tokens }
    }

    /// The source position of the last token that starts at or before a printed position.
    pub fn source(&self, printed: Position) -> Position {
        let after = self.tokens.partition_point(|(position, _)| *position <= printed);
        match after.checked_sub(1).and_then(|index| self.tokens.get(index)) {
            Some((_, source)) => *source,
            None => self.tokens.first().map_or(printed, |(_, source)| *source),
        }
    }
}

/// Insertions into a text, none of which contains the end of a line.
#[derive(Default)]
pub struct Insertions {
    /// The position in the changed text and the number of inserted UTF-16 units; sorted.
    inserted: Vec<(Position, u32)>,
}

impl Insertions {
    /// Inserts each of `insertions` at its byte offset; insertions at one offset stay in their order.
    pub fn apply(text: &str, mut insertions: Vec<(usize, &str)>) -> (String, Self) {
        insertions.sort_by_key(|(offset, _)| *offset);
        let lines = LineIndex::of(text);
        let mut changed =
            String::with_capacity(text.len() + insertions.iter().map(|(_, inserted)| inserted.len()).sum::<usize>());
        let mut applied = Self::default();
        let (mut copied, mut line, mut shift) = (0, 0, 0);
        for (offset, inserted) in insertions {
            changed.push_str(&text[copied..offset]);
            changed.push_str(inserted);
            copied = offset;
            let position = lines.position(offset);
            if position.0 != line {
                (line, shift) = (position.0, 0);
            }
            let units = saturated(inserted.encode_utf16().count());
            applied.inserted.push(((position.0, position.1 + shift), units));
            shift += units;
        }
        changed.push_str(&text[copied..]);
        (changed, applied)
    }

    /// The position in the text before the insertions.
    pub fn original(&self, (line, column): Position) -> Position {
        let first = self.inserted.partition_point(|((at, _), _)| *at < line);
        let mut original = column;
        for ((at, start), units) in &self.inserted[first..] {
            if *at != line || *start >= column {
                break;
            }
            // A position inside of an insertion maps to the point of the insertion.
            original -= (*units).min(column - start);
        }
        (line, original)
    }
}

fn saturated(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_counted_as_v8_counts() {
        let text = "a\r\nb\u{1f600}c\rd\u{2028}e\nf";
        let position_of = |part: &str| LineIndex::of(text).position(text.find(part).unwrap());
        assert_eq!(["a", "b", "c", "d", "e", "f"].map(position_of), [(0, 0), (1, 0), (1, 3), (2, 0), (3, 0), (4, 0)]);
        assert_eq!(LineIndex::of(text).position(1_000), (4, 1));
        assert_eq!(LineIndex::of("").position(0), (0, 0));
    }

    #[test]
    fn insertions_are_undone() {
        let text = "ab\ncdef";
        let (changed, insertions) = Insertions::apply(text, vec![(5, "YYY"), (3, "X"), (5, "Z"), (0, "W")]);
        assert_eq!(changed, "Wab\nXcdYYYZef");
        let lines = (LineIndex::of(text), LineIndex::of(&changed));
        for char in ["a", "b", "c", "d", "e", "f"] {
            let at = |lines: &LineIndex<'_>, text: &str| lines.position(text.find(char).unwrap());
            assert_eq!(insertions.original(at(&lines.1, &changed)), at(&lines.0, text), "{char}");
        }
    }
}
