//! The lines that differ between two texts.

use imara_diff::{Algorithm, Diff, Hunk, InternedInput};
use std::fmt::Write;

/// Lines around what differs.
const CONTEXT: u32 = 3;

/// The text that some bytes are; `None` if they are none.
pub fn text(bytes: &[u8]) -> Option<&str> {
    str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// A unified diff without the lines that name the files.
pub fn unified(before: &str, after: &str) -> String {
    let input = InternedInput::new(before, after);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let (before, after): (Vec<&str>, Vec<&str>) =
        (before.split_inclusive('\n').collect(), after.split_inclusive('\n').collect());
    let mut groups: Vec<Vec<Hunk>> = Vec::new();
    for hunk in diff.hunks() {
        match groups.last_mut() {
            // Their contexts touch.
            Some(group) if group.last().is_some_and(|last| hunk.before.start - last.before.end <= 2 * CONTEXT) => {
                group.push(hunk);
            }
            _ => groups.push(vec![hunk]),
        }
    }
    groups.iter().map(|group| written(group, &before, &after)).collect()
}

fn written(group: &[Hunk], before: &[&str], after: &[&str]) -> String {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return String::new() };
    let lead = first.before.start.min(CONTEXT);
    let trail = (before.len() as u32 - last.before.end).min(CONTEXT);
    let range = |start: u32, end: u32| match end - start {
        0 => format!("{start},0"),
        1 => (start + 1).to_string(),
        count => format!("{},{count}", start + 1),
    };
    let old = range(first.before.start - lead, last.before.end + trail);
    let new = range(first.after.start - lead, last.after.end + trail);
    let mut text = format!("@@ -{old} +{new} @@\n");
    let mut add = |sign: char, lines: &[&str]| {
        for line in lines {
            let end = if line.ends_with('\n') { "" } else { "\n\\ No newline at end of file\n" };
            write!(text, "{sign}{line}{end}").expect("a String takes all that is written to it");
        }
    };
    let mut at = first.before.start - lead;
    for hunk in group {
        add(' ', &before[at as usize..hunk.before.start as usize]);
        add('-', &before[hunk.before.start as usize..hunk.before.end as usize]);
        add('+', &after[hunk.after.start as usize..hunk.after.end as usize]);
        at = hunk.before.end;
    }
    add(' ', &before[at as usize..(at + trail) as usize]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_has_the_changed_lines_and_three_around_them() {
        let before: String = (0..10).map(|line| format!("line {line}\n")).collect();
        let after = before.replace("line 5\n", "line five\n");
        let expected = "@@ -3,7 +3,7 @@\n line 2\n line 3\n line 4\n-line 5\n+line five\n line 6\n line 7\n line 8\n";
        assert_eq!(unified(&before, &after), expected);
        assert_eq!(unified(&before, &before), "");
        assert_eq!(unified("", "a\nb"), "@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file\n");
        assert_eq!(unified("a\n", ""), "@@ -1 +0,0 @@\n-a\n");
        let twice = unified(&before, &before.replace("line 1\n", "one\n").replace("line 9\n", "nine\n"));
        assert_eq!(twice.matches("@@ -").count(), 2, "{twice}");
    }

    #[test]
    fn bytes_are_no_text() {
        assert_eq!((text(b"a\0b"), text(b"\xff"), text(b"a")), (None, None, Some("a")));
    }
}
