//! What a caller of a path that does not exist learns: the path that was probably meant, and where all paths are described.

use crate::http::error::ApiError;
use crate::http::table::{ROUTES, Verb};

/// The longest path that is compared with those that exist.
const MAX_COMPARED_BYTES: usize = 200;

/// Paths of other services, and the ones that do the same here.
const ELSEWHERE: [(&str, &str); 7] = [
    ("runtime", "/languages"),
    ("submission", "/api/run"),
    ("job", "/api/run"),
    ("exec", "/api/run"),
    ("openapi", "/openapi.json"),
    ("openapi.yaml", "/openapi.json"),
    ("swagger.json", "/openapi.json"),
];

/// The error for a path that does not exist.
pub fn not_found(path: &str) -> ApiError {
    ApiError::path_not_found(meant_by(path).as_deref())
}

/// The route whose path is the same but for a prefix such as `/api` or `/v1`, a plural, case, and slashes, with the method
/// that it takes.
fn meant_by(path: &str) -> Option<String> {
    if path.len() > MAX_COMPARED_BYTES {
        return None;
    }
    let asked = essence(path);
    let same = |template: &str| {
        let segments = essence(template);
        segments.len() == asked.len()
            && segments.iter().zip(&asked).all(|(template, asked)| template.starts_with(':') || template == asked)
    };
    // A path that names no parameter is a better guess than one that takes any text for one.
    let mut routes: Vec<&str> = ROUTES.iter().map(|route| route.path).filter(|path| *path != "/").collect();
    routes.sort_by_key(|path| path.matches(':').count());
    let template = routes.into_iter().find(|template| !asked.is_empty() && same(template)).or_else(|| {
        let [only] = &asked[..] else { return None };
        ELSEWHERE.iter().find(|(name, _)| *name == only).map(|(_, path)| *path)
    })?;
    let verbs = ROUTES.iter().filter(|route| route.path == template).map(|route| route.verb);
    let first = verbs.min_by_key(|verb| *verb != Verb::Post)?;
    Some(format!("{} {template}", first.name()))
}

/// The segments of a path that tell it from others: in lower case, without prefixes of APIs and endings of plurals.
fn essence(path: &str) -> Vec<String> {
    let segments = path.split('/').filter(|segment| !segment.is_empty()).map(str::to_ascii_lowercase);
    let is_prefix = |segment: &String| {
        let version = segment.strip_prefix('v').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        segment == "api" || (version && segment.len() > 1)
    };
    let singular = |segment: String| match segment.strip_suffix('s') {
        Some(singular) if !segment.starts_with(':') => singular.to_owned(),
        _ => segment,
    };
    segments.filter(|segment| !is_prefix(segment)).map(singular).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_was_told_that_nothing_is_there() {
        for (path, meant) in [
            ("/api/runs", Some("POST /api/run")),
            ("/v1/run", Some("POST /api/run")),
            ("/run", Some("POST /api/run")),
            ("/API/Run", Some("POST /api/run")),
            ("/api/v1/execute", Some("POST /execute")),
            ("/api/health", Some("GET /health")),
            ("/api/languages", Some("GET /languages")),
            ("/runtimes", Some("GET /languages")),
            ("/rooms", Some("POST /api/rooms")),
            ("/projects/proj_1/key", Some("POST /api/projects/:id/keys")),
            ("/openapi", Some("GET /openapi.json")),
            ("/swagger.json", Some("GET /openapi.json")),
            ("//", None),
            ("/api", None),
            ("/nothing", None),
            ("/wp-login.php", None),
        ] {
            assert_eq!(meant_by(path).as_deref(), meant, "{path}");
        }
        assert_eq!(meant_by(&"/run".repeat(100)), None);
    }
}
