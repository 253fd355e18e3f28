//! The routes of the API, and the resource at a path.

mod route;
mod routes;

pub use route::{Caller, Verb};
pub use routes::ROUTES;

use ::http::Method;
use route::{Handler, Route};

/// The resource at a path: its template, and who may call it.
pub struct Resource {
    pub path: &'static str,
    pub caller: Caller,
    /// The values of the segments `:name`, in order.
    pub params: Vec<String>,
}

impl Resource {
    /// The resource at `path`, if there is one. A slash at the end makes no difference.
    pub fn at(path: &str) -> Option<Self> {
        let path = path.strip_suffix('/').filter(|rest| !rest.is_empty() && !rest.ends_with('/')).unwrap_or(path);
        ROUTES.iter().find_map(|route| {
            let params = match_path(route.path, path)?;
            Some(Self { path: route.path, caller: route.caller, params })
        })
    }

    /// The handler of a method.
    pub fn handler(&self, method: &Method) -> Option<Handler> {
        self.routes().find(|route| route.verb.is(method)).map(|route| route.handler)
    }

    /// Its methods, as in the header `Allow`.
    pub fn methods(&self) -> String {
        let has = |verb: &Verb| self.routes().any(|route| route.verb == *verb);
        let methods = Verb::ALL.iter().filter(|verb| has(verb)).map(|verb| verb.names());
        methods.chain(["OPTIONS"]).collect::<Vec<_>>().join(", ")
    }

    fn routes(&self) -> impl Iterator<Item = &'static Route> {
        let path = self.path;
        ROUTES.iter().filter(move |route| route.path == path)
    }
}

/// The value in `path` of each parameter of `template`; `None` if they do not match.
pub fn match_path(template: &str, path: &str) -> Option<Vec<String>> {
    let mut params = Vec::new();
    let (mut segments, mut expected) = (path.split('/'), template.split('/'));
    loop {
        match (expected.next(), segments.next()) {
            (None, None) => return Some(params),
            (Some(name), Some(segment)) if name.starts_with('*') => {
                let rest: Vec<&str> = std::iter::once(segment).chain(segments).collect();
                params.push(rest.join("/"));
                return Some(params);
            }
            (Some(name), Some(segment)) if name.starts_with(':') && !segment.is_empty() => {
                params.push(segment.to_owned());
            }
            (Some(name), Some(segment)) if name == segment => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_of_one_path_are_read_by_the_same_pages_and_have_different_verbs() {
        for (index, one) in ROUTES.iter().enumerate() {
            for other in ROUTES[index + 1..].iter().filter(|other| other.path == one.path) {
                assert_eq!(one.caller.with_the_same_pages(), other.caller.with_the_same_pages(), "{}", one.path);
                assert_ne!(one.verb, other.verb, "{}", one.path);
            }
        }
    }

    #[test]
    fn no_path_leads_to_two_resources() {
        for route in ROUTES {
            let path = route.path.replace(":", "x");
            for path in [path.clone(), format!("{}/", path.trim_end_matches('/'))] {
                assert_eq!(Resource::at(&path).unwrap().path, route.path);
            }
        }
    }
}
