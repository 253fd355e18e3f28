//! The difference of two texts, computed with a bounded amount of work.
//!
//! Most pairs of texts differ in one range, which the common prefix and suffix delimit. The algorithm compares that range
//! by lines, and replaced lines by characters. The heuristics of the library take a minute for 1 MiB of the worst lines, and
//! a clock would make the result depend on the machine. So the bound is the number of pairs of lines or characters.

use crate::change::Change;
use imara_diff::{Algorithm, Diff, InternedInput};
use operational_transform::Operation;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// Pairs of lines or characters to compare for one difference: all pairs of two texts of 2,000 characters. The worst case
/// takes about 12 ms natively.
const MAX_PAIRS: usize = 4_000_000;

/// The change from `old` to `new`.
pub fn diff(old: &str, new: &str) -> Change {
    let (start, end) = common_ends(old, new);
    let (old_middle, new_middle) = (&old[start..old.len() - end], &new[start..new.len() - end]);
    let mut operations = vec![retain(&old[..start])];
    let mut pairs = MAX_PAIRS;
    let (old_lines, new_lines) = (lines(old_middle), lines(new_middle));
    for hunk in hunks(&old_lines, &new_lines, &mut pairs) {
        operations.push(retain(&hunk.kept.concat()));
        let (deleted, inserted) = (characters(hunk.deleted), characters(hunk.inserted));
        for hunk in hunks(&deleted, &inserted, &mut pairs) {
            operations.push(Operation::Retain(hunk.kept.len() as u64));
            operations.push(Operation::Delete(hunk.deleted.len() as u64));
            operations.push(Operation::Insert(hunk.inserted.iter().collect()));
        }
    }
    operations.push(retain(&old[old.len() - end..]));
    Change::of(operations)
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn characters(lines: &[&str]) -> Vec<char> {
    lines.iter().flat_map(|line| line.chars()).collect()
}

/// Bytes to delete and to insert when the whole range between the common prefix and suffix is replaced.
pub fn distance(old: &str, new: &str) -> usize {
    let (start, end) = common_ends(old, new);
    old.len() + new.len() - 2 * (start + end)
}

/// Bytes of the common prefix and of the common suffix.
fn common_ends(old: &str, new: &str) -> (usize, usize) {
    let (old_bytes, new_bytes) = (old.as_bytes(), new.as_bytes());
    let mut start = old_bytes.iter().zip(new_bytes).take_while(|(a, b)| a == b).count();
    while !old.is_char_boundary(start) || !new.is_char_boundary(start) {
        start -= 1;
    }
    let (old_rest, new_rest) = (&old_bytes[start..], &new_bytes[start..]);
    let mut end = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    while !old.is_char_boundary(old.len() - end) || !new.is_char_boundary(new.len() - end) {
        end -= 1;
    }
    (start, end)
}

/// Kept items, and then deleted items with their replacement.
struct Hunk<'a, T> {
    kept: &'a [T],
    deleted: &'a [T],
    inserted: &'a [T],
}

/// The difference of two lists, within the budget `pairs`. Lists that exceed the budget are split at items that occur exactly
/// once in each list; a part that still exceeds it is replaced as a whole.
fn hunks<'a, T: Eq + Hash + Copy + Default>(old: &'a [T], new: &'a [T], pairs: &mut usize) -> Vec<Hunk<'a, T>> {
    let mut found = Vec::new();
    if !compare(old, new, pairs, &mut found) {
        let (mut old_at, mut new_at) = (0, 0);
        for (old_next, new_next) in anchors(old, new) {
            let (old_part, new_part) = (&old[old_at..old_next], &new[new_at..new_next]);
            if !compare(old_part, new_part, pairs, &mut found) {
                found.push(Hunk { kept: &[], deleted: old_part, inserted: new_part });
            }
            let anchor = old_next..(old_next + 1).min(old.len());
            found.push(Hunk { kept: &old[anchor], deleted: &[], inserted: &[] });
            (old_at, new_at) = (old_next + 1, new_next + 1);
        }
    }
    found
}

/// Compares two lists as a whole; `false` when that exceeds the budget.
fn compare<'a, T: Eq + Hash + Copy + Default>(
    old: &'a [T],
    new: &'a [T],
    pairs: &mut usize,
    found: &mut Vec<Hunk<'a, T>>,
) -> bool {
    let Some(left) = pairs.checked_sub(old.len().saturating_mul(new.len())) else { return false };
    *pairs = left;
    let mut input = InternedInput::default();
    input.update_before(old.iter().copied());
    input.update_after(new.iter().copied());
    let mut at = 0;
    for hunk in Diff::compute(Algorithm::Myers, &input).hunks() {
        let (start, end) = (hunk.before.start as usize, hunk.before.end as usize);
        let inserted = &new[hunk.after.start as usize..hunk.after.end as usize];
        found.push(Hunk { kept: &old[at..start], deleted: &old[start..end], inserted });
        at = end;
    }
    found.push(Hunk { kept: &old[at..], deleted: &[], inserted: &[] });
    true
}

/// The indices of items that occur exactly once in each list, as many as have the same order in both; at the end the lengths.
fn anchors<T: Eq + Hash + Copy>(old: &[T], new: &[T]) -> Vec<(usize, usize)> {
    let mut indices: HashMap<T, [Option<usize>; 2]> = HashMap::new();
    let mut repeated = HashSet::new();
    for (side, list) in [old, new].into_iter().enumerate() {
        for (at, &item) in list.iter().enumerate() {
            if indices.entry(item).or_default()[side].replace(at).is_some() {
                repeated.insert(item);
            }
        }
    }
    let unique = indices.into_iter().filter(|(item, _)| !repeated.contains(item));
    let mut unique: Vec<(usize, usize)> = unique.filter_map(|(_, [old, new])| old.zip(new)).collect();
    unique.sort_unstable();
    let mut anchors = longest_increasing(&unique);
    anchors.push((old.len(), new.len()));
    anchors
}

/// The longest subsequence of `pairs` with increasing second numbers, by patience sorting; `pairs` is sorted.
fn longest_increasing(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // For each length the last pair of the best subsequence, and for each pair its predecessor.
    let mut ends: Vec<usize> = Vec::new();
    let mut previous = vec![None; pairs.len()];
    for (index, pair) in pairs.iter().enumerate() {
        let length = ends.partition_point(|&end| pairs[end].1 < pair.1);
        previous[index] = length.checked_sub(1).map(|shorter| ends[shorter]);
        if length == ends.len() { ends.push(index) } else { ends[length] = index }
    }
    let mut increasing: Vec<_> =
        std::iter::successors(ends.last().copied(), |&index| previous[index]).map(|index| pairs[index]).collect();
    increasing.reverse();
    increasing
}

fn retain(text: &str) -> Operation {
    Operation::Retain(text.chars().count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(old: &str, new: &str) -> Change {
        let change = diff(old, new);
        assert_eq!(change.apply(old).as_deref(), Some(new));
        assert_eq!(change.invert(old).apply(new).as_deref(), Some(old));
        change
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_difference_turns_one_text_into_the_other(old in "[ab\n\u{1f600}\u{1f601}é]{0,60}", new in "[ab\n\u{1f600}\u{1f601}é]{0,60}") {
            check(&old, &new);
        }

        #[test]
        fn a_difference_of_long_texts_does_so_too(lines in proptest::collection::vec("[a-d]{0,40}\n", 0..80), swap: (usize, usize)) {
            let mut other = lines.clone();
            if !lines.is_empty() {
                other.swap(swap.0 % lines.len(), swap.1 % lines.len());
                other.reverse();
            }
            check(&lines.concat(), &other.concat());
        }
    }

    #[test]
    fn characters_are_never_cut() {
        // Both begin with the same two bytes of three, and the same high surrogate.
        assert_eq!(check("\u{1f600}", "\u{1f601}").inserted_bytes(), 4);
        assert_eq!(check("ä", "ö").inserted_bytes(), 2);
    }

    #[test]
    fn edits_in_two_ranges_keep_the_text_between() {
        let old = "def one():\n    return 1\n\n\ndef two():\n    return 2\n";
        let new = "def eins():\n    return 1\n\n\ndef zwei():\n    return 2\n";
        assert!(check(old, new).inserted_bytes() <= 8);
        let (old, new) = (old.repeat(100), old.repeat(50) + new + &old.repeat(50));
        assert!(check(&old, &new).inserted_bytes() <= 60, "{}", check(&old, &new).inserted_bytes());
    }

    #[test]
    fn a_reversed_text_does_not_stall() {
        let line = |n: usize| format!("line {n} {}\n", "x".repeat(n % 17));
        let lines: Vec<String> = (0..5_000).map(line).collect();
        let old = lines.concat();
        assert!(old.len() > 87_000);
        let new: String = lines.iter().rev().map(String::as_str).collect();
        check(&old, &new);
        // Without line breaks the text is one line.
        let (old, new): (String, String) = (old.replace('\n', " "), old.chars().rev().collect());
        check(&old, &new);
    }
}
