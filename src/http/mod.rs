//! The edge: finds the handler of a request, and adds what every response has.

pub mod auth;
pub mod compat;
pub mod error;
pub mod mcp;
pub mod middleware;
mod not_started;
pub mod paths;
mod preview;
pub mod request;
pub mod response;
pub mod routes;
mod site;
pub mod table;

use crate::app::App;
use crate::domain::sandbox::preview::Meaning;
use crate::http::error::ApiError;
use crate::http::middleware::{address_limit, cors, headers, log, request_id};
use crate::http::request::call::{Call, Renewal};
use crate::http::request::keyed_path::KeyedPath;
use crate::http::table::Resource;
use crate::ports::http_messages::{Body, Request, Response};
use crate::ports::{Entropy, Log};
use ::http::Method;

/// Responds to a request. Every response has a request id and the security headers, and is logged when its body ends.
pub async fn handle(app: &App, request: Request) -> Response {
    let entry = log::Entry::begin(app, &request);
    let request_id = request_id::of(&*app.entropy, request.headers());
    match preview::meaning(app, &request) {
        Meaning::Elsewhere => {}
        meaning => {
            let response = preview::answer(app, meaning, request, &request_id).await;
            return entry.end_with(response, &request_id, "preview");
        }
    }
    let method = request.method().clone();
    let KeyedPath { key: key_in_path, path } = KeyedPath::of(request.uri().path());
    let resource = Resource::at(&path);
    let template = resource.as_ref().map_or("none", |resource| resource.path);
    let (parts, body) = request.into_parts();
    let renewal = Renewal::default();
    let call = Call { parts, body, params: Vec::new(), key_in_path, renewal: renewal.clone() };
    let is_negotiated = app.site.is_some() && site::is_negotiated(resource.as_ref(), &call);
    let pages = cors::pages(app, resource.as_ref().map(|resource| resource.caller), &call);

    let answer = dispatch(app, resource, call).await;
    let mut response = answer.unwrap_or_else(|error| error.into_response(&*app.log, &request_id, &path));
    renewal.add_to(response.headers_mut());
    headers::add(response.headers_mut());
    request_id::add(response.headers_mut(), &request_id);
    cors::add(response.headers_mut(), pages);
    if is_negotiated {
        site::vary(response.headers_mut());
    }
    if method == Method::HEAD {
        *response.body_mut() = Body::Empty;
    }
    entry.end_with(response, &request_id, template)
}

/// The response to every request where no application can be made, because of `cause`.
pub fn misconfigured(request: &Request, cause: &str, log: &dyn Log, entropy: &dyn Entropy) -> Response {
    let request_id = request_id::of(entropy, request.headers());
    let mut response = ApiError::misconfigured(cause).into_response(log, &request_id, request.uri().path());
    headers::add(response.headers_mut());
    request_id::add(response.headers_mut(), &request_id);
    response
}

async fn dispatch(app: &App, resource: Option<Resource>, mut call: Call) -> Result<Response, ApiError> {
    address_limit::check(app, &call).await?;
    if let Some(page) = site::answer(app, resource.as_ref(), &call).await {
        return Ok(page);
    }
    let Some(resource) = resource else { return Err(paths::not_found(&KeyedPath::of(call.parts.uri.path()).path)) };
    match resource.handler(&call.parts.method) {
        Some(handler) => {
            call.params = resource.params;
            handler(app, call).await
        }
        None if call.parts.method == Method::OPTIONS => Ok(cors::preflight(&resource.methods())),
        None => Err(ApiError::method_not_allowed(&resource.methods())),
    }
}
