//! Repositories whose files come into a sandbox.
//!
//! `POST` [`checkout_path`] with a [`CheckoutJob`] gives [`CheckedOut`]; [`CheckoutRefused`] or a [`super::FileError`] with 422.

use docle_api::repositories::{Repository, RepositoryError};
use serde::{Deserialize, Serialize};

/// Where repositories are checked out.
pub fn checkout_path(id: &str) -> String {
    format!("/v1/sandboxes/{id}/checkout")
}

/// A repository to check out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckoutJob {
    /// Unique in the sandbox.
    pub id: String,
    pub repository: Repository,
    /// Commits of the history.
    pub depth: u32,
    /// A directory that is empty or not there.
    pub path: String,
}

/// A repository that was checked out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckedOut {
    /// Absolute.
    pub path: String,
    pub commit: String,
    /// Absent if a tag, a commit or nothing was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
}

/// Why there is no repository. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckoutRefused {
    pub repository_error: RepositoryError,
    /// To be read after what has failed.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn checkout_format_unchanged() {
        assert_eq!(checkout_path("sbx_a"), "/v1/sandboxes/sbx_a/checkout");
        let repository =
            Repository { url: "https://a.example/b".into(), reference: Some("main".into()), subdir: None, token: None };
        let job = CheckoutJob { id: "c1".into(), repository, depth: 1, path: "b".into() };
        let repository = json!({ "url": "https://a.example/b", "ref": "main" });
        let wire = json!({ "id": "c1", "repository": repository, "depth": 1, "path": "b" });
        assert_eq!(serde_json::to_value(job).unwrap(), wire);
        let done = CheckedOut { path: "/workspace/b".into(), commit: "c".into(), branch: Some("main".into()) };
        let wire = json!({ "path": "/workspace/b", "commit": "c", "branch": "main" });
        assert_eq!(serde_json::to_value(done).unwrap(), wire);
        let refused = CheckoutRefused { repository_error: RepositoryError::NotFound, message: "m".into() };
        assert_eq!(serde_json::to_value(refused).unwrap(), json!({ "repositoryError": "not_found", "message": "m" }));
    }
}
