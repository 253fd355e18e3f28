//! A repository to check out into a sandbox, as a request may name it.

use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::Reader;
use crate::domain::run::repository::{read_reference, read_token, read_url};
use crate::domain::sandbox::file::wrong_path;
use docle_api::fields;
use docle_api::limits::{CHECKOUT_DEPTH, DEFAULT_CHECKOUT_DEPTH};
use docle_api::repositories::Repository;
use docle_api::sandboxes::CheckoutRequest;
use docle_protocol::sandbox::checkout::CheckoutJob;
use serde_json::Value;

/// Reads the body of a checkout.
///
/// # Errors
/// Everything that is wrong with it. No message has any of a token.
pub fn parse(body: Value, id: String) -> Result<CheckoutJob, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<CheckoutRequest>();
    let job = Reader::open(body, String::new(), known, &mut problems).and_then(|mut fields| {
        if fields.has("branch") && fields.has("ref") {
            fields.note("branch", "must be absent with ref, which may name a branch, too");
        }
        let (token, url) = (read_token(&mut fields), read_url(&mut fields));
        let branch = read_reference(&mut fields, "branch").map(|branch| match branch.starts_with("refs/") {
            true => branch,
            false => format!("refs/heads/{branch}"),
        });
        let reference = read_reference(&mut fields, "ref").or(branch);
        let depth = fields.integer("depth", &CHECKOUT_DEPTH).unwrap_or(DEFAULT_CHECKOUT_DEPTH);
        let dir = fields.string("dir");
        if let Some(clause) = dir.as_deref().and_then(wrong_path) {
            fields.note("dir", clause);
        }
        let url = url?;
        let path = dir.unwrap_or_else(|| name_of(&url));
        Some(CheckoutJob { id, repository: Repository { url, reference, subdir: None, token }, depth, path })
    });
    problems.conclude(job)
}

/// The directory of a repository where none is named, as git-clone(1) has it.
fn name_of(url: &str) -> String {
    let last = url.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let name = last.strip_suffix(".git").filter(|name| !name.is_empty()).unwrap_or(last);
    if matches!(name, "" | "." | "..") { "repository".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parsed(body: Value) -> CheckoutJob {
        parse(body, "c".into()).unwrap()
    }

    #[test]
    fn the_directory_has_the_name_of_the_repository() {
        for (url, path) in [
            ("https://github.com/owner/name", "name"),
            ("https://github.com/owner/name.git", "name"),
            ("https://github.com/owner/name.git/", "name"),
            ("https://github.com/.git", ".git"),
        ] {
            assert_eq!(parsed(json!({ "url": url })).path, path);
        }
        assert_eq!(parsed(json!({ "url": "https://github.com/a/b", "dir": "/app/c" })).path, "/app/c");
    }

    #[test]
    fn a_branch_is_no_tag_of_its_name() {
        let reference = |body: Value| parsed(body).repository.reference;
        let url = "https://github.com/a/b";
        assert_eq!(reference(json!({ "url": url, "branch": "main" })).as_deref(), Some("refs/heads/main"));
        assert_eq!(reference(json!({ "url": url, "ref": "main" })).as_deref(), Some("main"));
        assert_eq!(reference(json!({ "url": url })), None);
    }

    #[test]
    fn what_is_wrong_is_named_and_no_message_has_the_token() {
        let url = "https://github.com/a/b";
        for (body, field) in [
            (json!({}), "url"),
            (json!({ "url": "ssh://github.com/a/b" }), "url"),
            (json!({ "url": "https://s3cret@github.com/a/b" }), "url"),
            (json!({ "url": url, "ref": "-x" }), "ref"),
            (json!({ "url": url, "branch": "a b" }), "branch"),
            (json!({ "url": url, "branch": "a", "ref": "b" }), "branch"),
            (json!({ "url": url, "depth": 0 }), "depth"),
            (json!({ "url": url, "dir": "" }), "dir"),
            (json!({ "url": url, "token": "s3 cret" }), "token"),
            (json!({ "url": url, "subdir": "a" }), "subdir"),
        ] {
            let errors = parse(body.clone(), "c".into()).unwrap_err();
            assert_eq!(errors[0].field, field, "{body}");
            assert!(!format!("{errors:?}").contains("cret"), "{errors:?}");
        }
    }
}
