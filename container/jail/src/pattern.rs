//! Patterns of paths: `out/*.png`, `**/*.csv`.
//!
//! `*` stands for any characters of one name, `?` for one character, `**` as a whole name for any directories, also none.
//! Every other character stands for itself. A leading dot is a character as any other.

/// Whether a pattern covers a path. Both are relative, with `/` between names. The time is bounded by the product of both
/// lengths, whatever the pattern.
pub fn covers(pattern: &str, path: &str) -> bool {
    let names: Vec<&str> = path.split('/').collect();
    // `reach[i]`: whether the parts of the pattern so far cover the first `i` names.
    let mut reach = vec![false; names.len() + 1];
    reach[0] = true;
    for part in pattern.split('/') {
        let mut next = vec![false; names.len() + 1];
        if part == "**" {
            let mut any = false;
            for (to, from) in next.iter_mut().zip(&reach) {
                any |= from;
                *to = any;
            }
        } else {
            for (index, name) in names.iter().enumerate() {
                next[index + 1] = reach[index] && name_covers(part, name);
            }
        }
        reach = next;
    }
    reach[names.len()]
}

/// How many directories deep a covered path can be; `None` where there is no limit.
pub fn depth(pattern: &str) -> Option<usize> {
    (!pattern.split('/').any(|part| part == "**")).then(|| pattern.matches('/').count())
}

/// Whether one part of a pattern covers one name. Goes back to the last `*` only, which finds every match.
fn name_covers(part: &str, name: &str) -> bool {
    let (part, name): (Vec<char>, Vec<char>) = (part.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while n < name.len() {
        match part.get(p) {
            Some('*') => {
                last_star = Some((p, n));
                p += 1;
            }
            Some(&c) if c == '?' || c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match &mut last_star {
                Some((star, from)) => {
                    *from += 1;
                    (p, n) = (*star + 1, *from);
                }
                None => return false,
            },
        }
    }
    part[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_paths() {
        for (pattern, path, expected) in [
            ("a.txt", "a.txt", true),
            ("a.txt", "b/a.txt", false),
            ("*.png", "a.png", true),
            ("*.png", ".png", true),
            ("*.png", "out/a.png", false),
            ("out/*.png", "out/a.png", true),
            ("out/*", "out/a/b", false),
            ("out/**", "out/a/b", true),
            ("**/*.csv", "a.csv", true),
            ("**/*.csv", "a/b/c.csv", true),
            ("**", "a/b", true),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/b", "a/x/y/c", false),
            ("?.txt", "é.txt", true),
            ("?.txt", "ab.txt", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b", false),
            ("[a].txt", "[a].txt", true),
            ("a**b", "axxb", true),
            ("*", "a\nb", true),
            ("", "a", false),
        ] {
            assert_eq!(covers(pattern, path), expected, "{pattern} {path}");
        }
        assert_eq!((depth("a/*/c"), depth("a"), depth("a/**")), (Some(2), Some(0), None));
    }

    #[test]
    fn a_pattern_of_stars_took_for_ever() {
        let (pattern, path) = ("*a".repeat(500), "a".repeat(1_024));
        assert!(!covers(&format!("{pattern}b"), &path));
        assert!(!covers(&format!("{}b", "**/".repeat(300)), &"a/".repeat(500)));
    }
}
