//! The header `Range` (RFC 9110, section 14): one part of a content in bytes.

/// What of a content is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// All of it. Several parts, other units and what is no range count as this, which the standard allows.
    Whole,
    /// `length` bytes, at least one, from `offset` on.
    Part { offset: u64, length: u64 },
    /// A part that the content does not have.
    Unsatisfiable,
}

/// What a header asks for of a content with so many bytes.
pub fn parse(header: &str, size: u64) -> Asked {
    let Some((first, last)) = header.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Asked::Whole;
    };
    let number = |text: &str| -> Option<u64> {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    };
    let (offset, end) = match (first.trim(), last.trim()) {
        ("", suffix) => match number(suffix) {
            Some(suffix) => (size.saturating_sub(suffix), size),
            None => return Asked::Whole,
        },
        (first, last) => match (number(first), number(last)) {
            (Some(first), None) if last.is_empty() => (first, size),
            (Some(first), Some(last)) if first <= last => (first, last.saturating_add(1).min(size)),
            _ => return Asked::Whole,
        },
    };
    if offset < end { Asked::Part { offset, length: end - offset } } else { Asked::Unsatisfiable }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_of_ten_bytes() {
        let part = |offset, length| Asked::Part { offset, length };
        for (header, asked) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=2-4", part(2, 3)),
            ("bytes=2-", part(2, 8)),
            ("bytes=0-3", part(0, 4)),
            ("bytes=4-", part(4, 6)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-30", part(0, 10)),
            ("bytes=8-99", part(8, 2)),
            ("bytes=-99", part(0, 10)),
            ("bytes=2-99", part(2, 8)),
            ("bytes=10-", Asked::Unsatisfiable),
            ("bytes=-0", Asked::Unsatisfiable),
            ("bytes=4-2", Asked::Whole),
            ("bytes=0-1,3-4", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("lines=0-1", Asked::Whole),
            ("lines=1-2", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=1-2,4-5", Asked::Whole),
            ("bytes=5-2", Asked::Whole),
            ("", Asked::Whole),
        ] {
            assert_eq!(parse(header, 10), asked, "{header}");
        }
        assert_eq!(parse("bytes=0-", 0), Asked::Unsatisfiable);
    }

    proptest! {
        #[test]
        fn a_part_is_inside_of_the_content(header in "(bytes=)?[0-9, -]{0,12}", size in 0_u64..100) {
            if let Asked::Part { offset, length } = parse(&header, size) {
                prop_assert!(length > 0 && offset + length <= size);
            }
        }
    }
}
