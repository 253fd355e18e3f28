//! A route of the API: path, method, kind of caller, and handler.

use crate::app::App;
use crate::http::error::ApiError;
use crate::http::request::call::Call;
use crate::ports::http_messages::Response;
use ::http::Method;
use futures::future::LocalBoxFuture;

/// The handler of a route.
pub type Handler = for<'a> fn(&'a App, Call) -> LocalBoxFuture<'a, Result<Response, ApiError>>;

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
    pub const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// The methods that it stands for, as in the header `Allow`.
    pub const fn names(self) -> &'static str {
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

    /// Whether it stands for a method.
    pub fn is(self, method: &Method) -> bool {
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
pub(super) use handler;

pub const fn get(path: &'static str, caller: Caller, (handler, name): (Handler, &'static str)) -> Route {
    Route { verb: Verb::Get, path, caller, handler, name }
}

pub const fn post(path: &'static str, caller: Caller, (handler, name): (Handler, &'static str)) -> Route {
    Route { verb: Verb::Post, path, caller, handler, name }
}

pub const fn put(path: &'static str, caller: Caller, (handler, name): (Handler, &'static str)) -> Route {
    Route { verb: Verb::Put, path, caller, handler, name }
}

pub const fn patch(path: &'static str, caller: Caller, (handler, name): (Handler, &'static str)) -> Route {
    Route { verb: Verb::Patch, path, caller, handler, name }
}

pub const fn delete(path: &'static str, caller: Caller, (handler, name): (Handler, &'static str)) -> Route {
    Route { verb: Verb::Delete, path, caller, handler, name }
}
