//! The edge: which path is which resource, and the order in which a request passes through.

pub mod accept;
pub mod auth;
pub mod body;
pub mod error;
pub mod middleware;
pub mod respond;
pub mod routes;
pub mod silence;
pub mod sse;

use crate::app::App;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::middleware::{cors, headers, log, request_id};
use crate::ports::exchange::{Body, Request, Response};
use ::http::Method;

/// What a path stands for.
enum Resource {
    Index,
    Health,
    Runs,
    Run(String),
}

impl Resource {
    fn at(path: &str) -> Option<Self> {
        match path.split('/').skip(1).collect::<Vec<_>>()[..] {
            [""] => Some(Self::Index),
            ["health"] => Some(Self::Health),
            ["api", "run"] => Some(Self::Runs),
            ["api", "run", id] => Some(Self::Run(id.to_owned())),
            _ => None,
        }
    }

    /// The path with its parameters named, for the log.
    const fn template(&self) -> &'static str {
        match self {
            Self::Index => "/",
            Self::Health => "/health",
            Self::Runs => "/api/run",
            Self::Run(_) => "/api/run/:id",
        }
    }

    /// What it can be asked to do, as in `Allow`.
    const fn methods(&self) -> &'static str {
        match self {
            Self::Index | Self::Health => "GET, HEAD",
            Self::Runs => "POST, OPTIONS",
            Self::Run(_) => "GET, HEAD, OPTIONS",
        }
    }

    /// Whether pages of any origin may call it: what takes an API key does, because the key decides.
    const fn is_for_any_origin(&self) -> bool {
        matches!(self, Self::Runs | Self::Run(_))
    }
}

/// Answers a request. Every answer has a request id and the security headers, and is logged when its body is through.
pub async fn handle(app: &App, request: Request) -> Response {
    let entry = log::Entry::begin(app, &request);
    let request_id = request_id::of(app, request.headers());
    let resource = Resource::at(request.uri().path());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let any_origin = resource.as_ref().is_some_and(Resource::is_for_any_origin);
    let template = resource.as_ref().map_or("none", Resource::template);

    let answer = dispatch(app, resource, request).await;
    let mut response = answer.unwrap_or_else(|error| error.into_response(app, &request_id, &path));
    headers::add(response.headers_mut());
    request_id::add(response.headers_mut(), &request_id);
    if any_origin {
        cors::add(response.headers_mut());
    }
    if method == Method::HEAD {
        *response.body_mut() = Body::Empty;
    }
    entry.end_with(response, &request_id, template)
}

async fn dispatch(app: &App, resource: Option<Resource>, request: Request) -> Result<Response, ApiError> {
    let Some(resource) = resource else {
        return Err(ApiError::new(ErrorCode::NotFound, "There is nothing at this path."));
    };
    let methods = resource.methods();
    match (resource, request.method()) {
        (Resource::Index, &Method::GET | &Method::HEAD) => routes::index::get_index(app),
        (Resource::Health, &Method::GET | &Method::HEAD) => routes::health::get_health(app).await,
        (Resource::Runs, &Method::POST) => routes::run::create_run(app, request).await,
        (Resource::Run(id), &Method::GET | &Method::HEAD) => routes::run::get_run(app, &id, request.headers()).await,
        (Resource::Runs | Resource::Run(_), &Method::OPTIONS) => Ok(cors::preflight(methods)),
        _ => Err(ApiError::method_not_allowed(methods)),
    }
}
