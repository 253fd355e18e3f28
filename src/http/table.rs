//! The routes of the API: path, method, kind of caller, and handler.

use crate::app::App;
use crate::http::error::ApiError;
use crate::http::request::call::Call;
use crate::ports::http_messages::Response;
use ::http::Method;
use futures::future::LocalBoxFuture;

mod routes;

pub use routes::ROUTES;

/// The handler of a route.
type Handler = for<'a> fn(&'a App, Call) -> LocalBoxFuture<'a, Result<Response, ApiError>>;

/// The method of a route. A route with `GET` also serves `HEAD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    /// Every verb, in the order of the header `Allow`.
    const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// The methods that it stands for, as in the header `Allow`.
    const fn names(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// The method that it is named for.
    pub fn name(self) -> &'static str {
        self.names().split(", ").next().unwrap_or_default()
    }

    fn is(self, method: &Method) -> bool {
        self.names().split(", ").any(|name| name == method.as_str())
    }
}

/// Who may call a route. The pages that may read the answer follow from it; [`crate::http::middleware::cors`] has the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Every client.
    Anyone,
    /// Every client that is about to sign in.
    Visitor,
    /// A client with an API key or a token.
    ApiClient,
    /// A client with an API key, or else a signed-in user.
    KeyOrSession,
    /// A signed-in user.
    SignedIn,
    /// A signed-in user, or a server with a management token for the project.
    Manager,
}

impl Caller {
    /// The kind of caller that stands for all whose answers the same pages may read.
    pub const fn with_the_same_pages(self) -> Self {
        match self {
            Self::Visitor | Self::SignedIn | Self::Manager => Self::SignedIn,
            Self::Anyone | Self::ApiClient => Self::ApiClient,
            Self::KeyOrSession => Self::KeyOrSession,
        }
    }
}

/// One operation of the API.
pub struct Route {
    pub verb: Verb,
    /// The path; a segment that begins with a colon stands for any text, and a last one that begins with a star for the whole rest.
    pub path: &'static str,
    pub caller: Caller,
    pub handler: Handler,
    /// The handler's name, which is also the operation's in the description of this API.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the description is made of it, and that by a test"))]
    pub name: &'static str,
}

/// A handler as a function that returns a boxed future, and its name.
macro_rules! handler {
    ($module:ident::$handler:ident) => {
        (|app, call| Box::pin($module::$handler(app, call)), stringify!($handler))
    };
}
use handler;

const fn get(path: &'static str, caller: Caller, (handler, name): (Handler, &'static str)) -> Route {
    Route { verb: Verb::Get, path, caller, handler, name }
}

const fn post(path: &'static str, caller: Caller, (handler, name): (Handler, &'static str)) -> Route {
    Route { verb: Verb::Post, path, caller, handler, name }
}

const fn put(path: &'static str, caller: Caller, (handler, name): (Handler, &'static str)) -> Route {
    Route { verb: Verb::Put, path, caller, handler, name }
}

const fn patch(path: &'static str, caller: Caller, (handler, name): (Handler, &'static str)) -> Route {
    Route { verb: Verb::Patch, path, caller, handler, name }
}

const fn delete(path: &'static str, caller: Caller, (handler, name): (Handler, &'static str)) -> Route {
    Route { verb: Verb::Delete, path, caller, handler, name }
}

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
