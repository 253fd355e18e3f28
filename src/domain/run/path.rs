//! Paths of source files, as a request may name them.

use docle_api::limits::{MAX_NAME_BYTES, MAX_PATH_BYTES};
use std::collections::HashSet;

/// The normalised form of a relative path: segments joined by `/`, without a leading `./`.
///
/// # Errors
/// A clause that says what is wrong, to be read after the name of the field.
pub fn parse(text: &str) -> Result<String, String> {
    let path = text.strip_prefix("./").unwrap_or(text);
    if path.is_empty() {
        return Err("must not be empty".to_owned());
    }
    if path.len() > MAX_PATH_BYTES {
        return Err(format!("must have at most {MAX_PATH_BYTES} bytes, got {}", path.len()));
    }
    if path.starts_with('/') {
        return Err("must be relative, without a leading \"/\"".to_owned());
    }
    if path.contains('\\') {
        return Err("must separate directories with \"/\", not \"\\\"".to_owned());
    }
    if path.chars().any(char::is_control) {
        return Err("must not contain NUL or other control characters".to_owned());
    }
    for segment in path.split('/') {
        match segment {
            "" => return Err("must name a file, without empty segments".to_owned()),
            "." | ".." => return Err(format!("must not contain a \"{segment}\" segment")),
            long if long.len() > MAX_NAME_BYTES => {
                return Err(format!("must have at most {MAX_NAME_BYTES} bytes between slashes"));
            }
            _ => {}
        }
    }
    Ok(path.to_owned())
}

/// For each of `paths` that cannot be written next to the others, its position and the clause that says why.
pub fn conflicts(paths: &[String]) -> Vec<(usize, String)> {
    let parents = |path: &str| path.match_indices('/').map(|(at, _)| at).collect::<Vec<_>>();
    let directories: HashSet<&str> =
        paths.iter().flat_map(|path| parents(path).into_iter().map(move |at| &path[..at])).collect();
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for (index, path) in paths.iter().enumerate() {
        if !seen.insert(path.as_str()) {
            found.push((index, "is the path of another file, too".to_owned()));
        } else if directories.contains(path.as_str()) {
            found.push((index, "is a directory of another file".to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn good_paths_are_normalised() {
        for (text, path) in [
            ("main.py", "main.py"),
            ("./src/a b/ü.js", "src/a b/ü.js"),
            ("..a/b..", "..a/b.."),
            (".env", ".env"),
            ("-rf", "-rf"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(path), "{text}");
        }
    }

    #[test]
    fn bad_paths_are_refused() {
        let long_name = "a".repeat(256);
        let long_path = "a/".repeat(600) + "b";
        for text in [
            "",
            "./",
            "././a",
            "/etc/passwd",
            "//a",
            "a//b",
            "a/",
            ".",
            "..",
            "../x",
            "a/../b",
            "a/..",
            "a/./b",
            "a\\b",
            "a\0b",
            "a\nb",
            "a\u{7f}",
            "a\u{85}b",
            &long_name,
            &long_path,
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn files_that_cannot_stand_side_by_side_are_found() {
        let paths = ["a/b", "a", "c", "c", "a/b/d", "ab"].map(str::to_owned);
        let indices: Vec<usize> = conflicts(&paths).into_iter().map(|(index, _)| index).collect();
        assert_eq!(indices, [0, 1, 3]);
    }

    proptest! {
        #[test]
        fn nothing_that_climbs_gets_through(text in r"[./a\\\x00 -]{0,12}") {
            if let Ok(path) = parse(&text) {
                prop_assert!(!path.starts_with('/') && !path.ends_with('/'));
                prop_assert!(path.split('/').all(|segment| !["", ".", ".."].contains(&segment)));
                prop_assert!(!path.contains(['\\', '\0']));
                prop_assert_eq!(parse(&path), Ok(path));
            }
        }
    }
}
