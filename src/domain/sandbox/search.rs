//! A search in the files of a sandbox, as a query names it.

use crate::domain::input::problem::FieldError;
use docle_api::limits::{DEFAULT_SEARCH_LIMIT, MAX_SEARCH_BYTES, SEARCH_LIMIT};
use docle_protocol::sandbox::FileRequest;

/// What a query says beside the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags {
    pub is_regex: bool,
    pub include_hidden: bool,
}

/// Reads the text and the limit.
///
/// # Errors
/// Everything that is wrong with them.
pub fn parse(
    path: String,
    flags: Flags,
    query: impl Fn(&str) -> Option<String>,
) -> Result<FileRequest, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut wrong = |field: &str, message: String| errors.push(FieldError { field: field.to_owned(), message });
    let text = query("q").unwrap_or_default();
    if !(1..=MAX_SEARCH_BYTES).contains(&text.len()) {
        wrong("q", format!("must be what is looked for, of 1 to {MAX_SEARCH_BYTES} bytes, such as ?q=import"));
    } else if !flags.is_regex && text.contains('\n') {
        wrong("q", "must be of one line: each line is searched by itself".to_owned());
    }
    let limit = match query("limit").map(|limit| limit.parse::<u32>()) {
        None => DEFAULT_SEARCH_LIMIT,
        Some(Ok(limit)) if SEARCH_LIMIT.contains(&limit) => limit,
        Some(_) => {
            let (least, most) = (SEARCH_LIMIT.start(), SEARCH_LIMIT.end());
            wrong("limit", format!("must be an integer from {least} to {most}"));
            DEFAULT_SEARCH_LIMIT
        }
    };
    let Flags { is_regex, include_hidden } = flags;
    if errors.is_empty() {
        Ok(FileRequest::Search { path, text, is_regex, include_hidden, limit })
    } else {
        Err(errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(pairs: &[(&str, &str)], is_regex: bool) -> Result<FileRequest, Vec<String>> {
        let query = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let request = parse(".".into(), Flags { is_regex, include_hidden: true }, query);
        request.map_err(|errors| errors.into_iter().map(|error| error.field).collect())
    }

    #[test]
    fn what_is_wrong_is_named() {
        let FileRequest::Search { text, limit, .. } = parsed(&[("q", "a b")], false).unwrap() else {
            panic!("a search")
        };
        assert_eq!((text.as_str(), limit), ("a b", 100));
        let long = "x".repeat(MAX_SEARCH_BYTES + 1);
        for (pairs, fields) in [
            (&[][..], &["q"][..]),
            (&[("q", "")], &["q"]),
            (&[("q", &long)], &["q"]),
            (&[("q", "a\nb")], &["q"]),
            (&[("limit", "0")], &["q", "limit"]),
            (&[("q", "a"), ("limit", "1001")], &["limit"]),
            (&[("q", "a"), ("limit", "many")], &["limit"]),
        ] {
            assert_eq!(parsed(pairs, false).unwrap_err(), fields, "{pairs:?}");
        }
        assert!(parsed(&[("q", "a\\nb")], true).is_ok());
    }
}
