//! A path with an API key in front, for clients of other services that send no header: `/k/<key>/compat/…`.

/// Where the paths of other protocols begin, which alone take a key in front.
const COMPAT: &str = "/compat/";

/// A path, and the key in front of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedPath {
    pub key: Option<String>,
    /// The path without the key. Logs and errors have this one.
    pub path: String,
}

impl KeyedPath {
    /// Takes the path of a request apart.
    pub fn of(path: &str) -> Self {
        let Some((key, rest)) = path.strip_prefix("/k/").and_then(|rest| rest.split_once('/')) else {
            let path = if path.starts_with("/k/") { "/k/" } else { path };
            return Self { key: None, path: path.to_owned() };
        };
        let rest = format!("/{rest}");
        match rest.starts_with(COMPAT) {
            true => Self { key: Some(key.to_owned()), path: rest },
            // No path has a key in front there, so nothing answers, and the key is not shown.
            false => Self { key: None, path: format!("/k/…{rest}") },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_a_path_was_shown_again() {
        for (path, key, rest) in [
            ("/k/sk_1/compat/piston/api", Some("sk_1"), "/compat/piston/api"),
            ("/k//compat/piston", Some(""), "/compat/piston"),
            ("/compat/piston", None, "/compat/piston"),
            ("/k/sk_1/api/run", None, "/k/…/api/run"),
            ("/k/sk_1/", None, "/k/…/"),
            ("/k/sk_1", None, "/k/"),
            ("/k", None, "/k"),
            ("/keys", None, "/keys"),
        ] {
            let expected = KeyedPath { key: key.map(str::to_owned), path: rest.to_owned() };
            assert_eq!(KeyedPath::of(path), expected, "{path}");
        }
    }
}
