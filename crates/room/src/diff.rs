//! The difference of two texts, found with bounded work.
//!
//! Most texts differ in one place, which comparing their beginnings and ends finds. What is between is compared by lines,
//! and replaced lines by characters. A clock would make results depend on the machine, and the library's own heuristics
//! still take a minute for a mebibyte of the worst lines, so the number of pairs that may be compared is bounded.

use crate::change::Change;
use imara_diff::{Algorithm, Diff, InternedInput};
use operational_transform::Operation;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// Pairs of lines or characters that are compared for one difference: all of two texts of 2,000 characters. That many
/// take about 12 ms natively, where nothing is alike.
const MAX_PAIRS: usize = 4_000_000;

/// What makes `new` of `old`.
pub fn diff(old: &str, new: &str) -> Change {
    let (start, end) = common(old, new);
    let (old_middle, new_middle) = (&old[start..old.len() - end], &new[start..new.len() - end]);
    let mut steps = vec![retain(&old[..start])];
    let mut pairs = MAX_PAIRS;
    let (old_lines, new_lines) = (lines(old_middle), lines(new_middle));
    for hunk in hunks(&old_lines, &new_lines, &mut pairs) {
        steps.push(retain(&hunk.kept.concat()));
        let (deleted, inserted) = (characters(hunk.deleted), characters(hunk.inserted));
        for hunk in hunks(&deleted, &inserted, &mut pairs) {
            steps.push(Operation::Retain(hunk.kept.len() as u64));
            steps.push(Operation::Delete(hunk.deleted.len() as u64));
            steps.push(Operation::Insert(hunk.inserted.iter().collect()));
        }
    }
    steps.push(retain(&old[old.len() - end..]));
    Change::of(steps)
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn characters(lines: &[&str]) -> Vec<char> {
    lines.iter().flat_map(|line| line.chars()).collect()
}

/// How many bytes would be deleted and inserted if everything between beginning and end were replaced.
pub fn distance(old: &str, new: &str) -> usize {
    let (start, end) = common(old, new);
    old.len() + new.len() - 2 * (start + end)
}

/// The bytes that two texts have in common at their beginnings, and then at their ends.
fn common(old: &str, new: &str) -> (usize, usize) {
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

/// What is kept, and what then is replaced by what.
struct Hunk<'a, T> {
    kept: &'a [T],
    deleted: &'a [T],
    inserted: &'a [T],
}

/// The difference of two lists, while there are `pairs` left to be compared. What is too much for them is divided at
/// items that are in both lists exactly once, and replaced as a whole where there are none.
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

/// Compares two lists as a whole, or not at all where that would take too many pairs.
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

/// Where items stand that are in both lists exactly once, as many as have the same order in both; at last the ends.
fn anchors<T: Eq + Hash + Copy>(old: &[T], new: &[T]) -> Vec<(usize, usize)> {
    let mut places: HashMap<T, [Option<usize>; 2]> = HashMap::new();
    let mut repeated = HashSet::new();
    for (side, list) in [old, new].into_iter().enumerate() {
        for (at, &item) in list.iter().enumerate() {
            if places.entry(item).or_default()[side].replace(at).is_some() {
                repeated.insert(item);
            }
        }
    }
    let once = places.into_iter().filter(|(item, _)| !repeated.contains(item));
    let mut once: Vec<(usize, usize)> = once.filter_map(|(_, [old, new])| old.zip(new)).collect();
    once.sort_unstable();
    let mut anchors = longest_rising(&once);
    anchors.push((old.len(), new.len()));
    anchors
}

/// The longest part of `pairs`, ordered by their first, whose second rise, too; by patience sorting.
fn longest_rising(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // The last pair of the best rising part of each length, and for each pair the one before it in its own.
    let mut ends: Vec<usize> = Vec::new();
    let mut before = vec![None; pairs.len()];
    for (index, pair) in pairs.iter().enumerate() {
        let length = ends.partition_point(|&end| pairs[end].1 < pair.1);
        before[index] = length.checked_sub(1).map(|shorter| ends[shorter]);
        if length == ends.len() { ends.push(index) } else { ends[length] = index }
    }
    let mut rising: Vec<_> =
        std::iter::successors(ends.last().copied(), |&index| before[index]).map(|index| pairs[index]).collect();
    rising.reverse();
    rising
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
        assert_eq!(change.back(old).apply(new).as_deref(), Some(old));
        change
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_difference_leads_from_one_text_to_the_other(old in "[ab\n\u{1f600}\u{1f601}é]{0,60}", new in "[ab\n\u{1f600}\u{1f601}é]{0,60}") {
            check(&old, &new);
        }

        #[test]
        fn so_does_that_of_long_texts(lines in proptest::collection::vec("[a-d]{0,40}\n", 0..80), swap: (usize, usize)) {
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
    fn edits_in_two_places_keep_what_is_between() {
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
        // Without line breaks, everything is one line.
        let (old, new): (String, String) = (old.replace('\n', " "), old.chars().rev().collect());
        check(&old, &new);
    }
}
