//! The files that a run hands back: the patterns that name them, and their content on its way into the result.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use docle_api::limits::{MAX_ARTIFACTS, MAX_INLINE_ARTIFACTS_BYTES, MAX_PATH_BYTES};
use docle_protocol::RunDetails;
use std::collections::BTreeMap;

/// The pattern in its usual form, without a leading `./`.
///
/// # Errors
/// A clause that says what is wrong, to be read after the name of the field.
pub fn parse_pattern(text: &str) -> Result<String, String> {
    let pattern = text.strip_prefix("./").unwrap_or(text);
    if pattern.is_empty() {
        return Err("must not be empty".to_owned());
    }
    if pattern.len() > MAX_PATH_BYTES {
        return Err(format!("must have at most {MAX_PATH_BYTES} bytes, got {}", pattern.len()));
    }
    if pattern.starts_with('/') {
        return Err("must be relative to the directory of the program, for example \"out/*.png\"".to_owned());
    }
    if pattern.contains('\\') {
        return Err("must separate directories with \"/\", not \"\\\"".to_owned());
    }
    if pattern.chars().any(char::is_control) {
        return Err("must not contain NUL or other control characters".to_owned());
    }
    match pattern.split('/').find(|part| ["", ".", ".."].contains(part)) {
        Some("") => Err("must name files; for all files of a directory write \"out/*\"".to_owned()),
        Some(part) => Err(format!("must not contain a \"{part}\" segment")),
        None => Ok(pattern.to_owned()),
    }
}

/// Content of files, as it comes.
#[derive(Debug, Default)]
pub struct InlineArtifacts {
    files: BTreeMap<u32, Vec<u8>>,
    bytes: usize,
}

impl InlineArtifacts {
    /// Adds a piece of a file. What is more than a result may contain is dropped.
    pub fn add(&mut self, index: u32, piece: &[u8]) {
        let is_expected = (index as usize) < MAX_ARTIFACTS;
        if is_expected && self.bytes + piece.len() <= MAX_INLINE_ARTIFACTS_BYTES as usize {
            self.bytes += piece.len();
            self.files.entry(index).or_default().extend_from_slice(piece);
        }
    }

    /// Puts the content of each whole file into the result.
    pub fn fill(self, details: &mut RunDetails) {
        for (index, content) in self.files {
            let Some(file) = details.artifacts.iter_mut().flatten().nth(index as usize) else { continue };
            if file.size == content.len() as u64 {
                file.base64 = Some(STANDARD.encode(content));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use docle_protocol::report::Artifact;

    #[test]
    fn patterns_stay_below_the_workspace() {
        for (text, pattern) in
            [("out/*.png", "out/*.png"), ("./a", "a"), ("**", "**"), ("..a/b..", "..a/b.."), ("ü?", "ü?")]
        {
            assert_eq!(parse_pattern(text).as_deref(), Ok(pattern));
        }
        let long = "a".repeat(1_025);
        for (text, says) in [
            ("", "must not be empty"),
            ("./", "must not be empty"),
            ("/etc/passwd", "must be relative"),
            ("../x", "a \"..\" segment"),
            ("out/../../x", "a \"..\" segment"),
            ("a/./b", "a \".\" segment"),
            ("out/", "must name files"),
            ("a//b", "must name files"),
            ("a\\b", "must separate"),
            ("a\0", "control characters"),
            ("a\nb", "control characters"),
            (&long, "must have at most 1024 bytes, got 1025"),
        ] {
            let clause = parse_pattern(text).unwrap_err();
            assert!(clause.contains(says), "{text:?}: {clause}");
        }
    }

    #[test]
    fn content_gets_to_its_file_whole_or_not_at_all() {
        let file = |size| Artifact {
            name: "a".into(),
            size,
            mime_type: "text/plain".into(),
            sha256: None,
            url: None,
            base64: None,
            error: None,
        };
        let mut details = RunDetails { artifacts: Some(vec![file(4), file(9), file(0)]), ..RunDetails::default() };
        let mut inline = InlineArtifacts::default();
        for (index, piece) in
            [(0, &b"ab"[..]), (1, b"cut"), (0, b"\0\xff"), (2, b""), (7, b"nothing"), (99, b"nothing")]
        {
            inline.add(index, piece);
        }
        inline.add(1, &vec![0; MAX_INLINE_ARTIFACTS_BYTES as usize]);
        inline.fill(&mut details);
        let base64: Vec<_> = details.artifacts.unwrap().into_iter().map(|file| file.base64).collect();
        assert_eq!(base64, [Some("YWIA/w==".into()), None, Some(String::new())]);
    }
}
