//! The website: which requests are answered by its pages, and what these may load.
//!
//! Browsers get the site at its own paths and at paths that do not exist; API clients get the API there. A deployment with
//! PUBLIC_APP_URL shows the site at that address only, because the session cookie belongs to one host.

use crate::app::App;
use crate::http::preview;
use crate::http::request::accept;
use crate::http::request::call::Call;
use crate::http::request::same_origin;
use crate::http::response::respond;
use crate::http::table::{Resource, match_path};
use crate::ports::http_messages::{Body, Response};
use crate::ports::site_files::SiteFile;
use ::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, REFERRER_POLICY, VARY,
    X_FRAME_OPTIONS,
};
use ::http::{Method, StatusCode};
use bytes::Bytes;

/// The paths of the site, as web/src/router.ts has them.
const PAGES: &[&str] = &[
    "/",
    "/account",
    "/dashboard",
    "/login",
    "/playground",
    "/playground/advanced",
    "/playground/collab",
    "/projects/:id",
    "/sandbox/:id",
    "/sandboxes",
    "/snippets",
];
/// Files whose names change with their content.
const FILES: &str = "/assets/";
/// The documentation: a file for each page as HTML, for browsers, and one as Markdown.
const DOCS: &str = "/docs";
/// The list of all pages of the documentation, for programs.
const LIST: &str = "/llms.txt";
/// What the build leaves where the nonce of a page stands.
const NONCE: &str = "__NONCE__";

/// The answer of the site to a call; `None` if the API answers it.
pub async fn answer(app: &App, resource: Option<&Resource>, call: &Call) -> Option<Response> {
    let path = call.parts.uri.path();
    if !matches!(call.parts.method, Method::GET | Method::HEAD) {
        return None;
    }
    if path.starts_with(FILES) {
        return read(app, path).await.map(file);
    }
    if path == LIST || path.strip_suffix(".md").is_some_and(is_documentation) {
        return read(app, path).await.map(text);
    }
    if !is_negotiated(resource, call) {
        return None;
    }
    if !accept::wants_page(call.headers()) {
        let is_text = resource.is_none() && is_documentation(path);
        return if is_text { read(app, &format!("{path}.md")).await.map(text) } else { None };
    }
    let is_page = is_documentation(path) || PAGES.iter().any(|page| match_path(page, path).is_some());
    if let Some(site) = app.config.app_url.as_deref()
        && !same_origin::is_at(call, site)
    {
        return is_page.then(|| elsewhere(site, call));
    }
    if is_documentation(path) {
        match read(app, &format!("{path}.html")).await {
            Some(document) => return Some(page(app, call, StatusCode::OK, &document)),
            // The API has pages of its own at these paths.
            None if resource.is_some() => return None,
            None => {}
        }
    }
    let index = read(app, "/index.html").await?;
    let is_found = is_page && !is_documentation(path);
    Some(page(app, call, if is_found { StatusCode::OK } else { StatusCode::NOT_FOUND }, &index))
}

/// Whether the answer to a call depends on its `Accept`.
pub fn is_negotiated(resource: Option<&Resource>, call: &Call) -> bool {
    resource.is_none_or(|resource| PAGES.contains(&resource.path) || is_documentation(resource.path))
        && !call.parts.uri.path().starts_with(FILES)
}

/// Whether a path is below that of the documentation.
fn is_documentation(path: &str) -> bool {
    path.strip_prefix(DOCS).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Tells caches that the answer depends on `Accept`.
pub fn vary(headers: &mut HeaderMap) {
    headers.append(VARY, HeaderValue::from_static("accept"));
}

/// A file of the site. Without it the API answers alone.
async fn read(app: &App, path: &str) -> Option<SiteFile> {
    match app.site.as_ref()?.read(path).await {
        Ok(found) => found,
        Err(error) => {
            app.log_error("A file of the website could not be read.", &error);
            None
        }
    }
}

fn file(SiteFile { media_type, bytes }: SiteFile) -> Response {
    let mut response = Response::new(Body::Whole(bytes));
    let headers = response.headers_mut();
    if let Ok(media_type) = HeaderValue::try_from(media_type) {
        headers.insert(CONTENT_TYPE, media_type);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    response
}

fn text(SiteFile { media_type, bytes }: SiteFile) -> Response {
    let mut response = file(SiteFile { media_type, bytes });
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn page(app: &App, call: &Call, status: StatusCode, file: &SiteFile) -> Response {
    let nonce = hex::encode(app.random::<16>());
    let html = String::from_utf8_lossy(&file.bytes).replace(NONCE, &nonce);
    // What listens on a port of a sandbox is shown in a frame, and has a host of its own.
    let previews =
        preview::origin_for(app, call).map(|(scheme, host)| format!(" {scheme}://*.{host}")).unwrap_or_default();
    // Scripts and styles are files of our own; the nonce is for the styles that the editor writes.
    let policy = format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; font-src 'self'; \
         img-src 'self' data:; connect-src 'self'; frame-src 'self'{previews}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types vue docle"
    );
    let mut response = Response::new(Body::Whole(Bytes::from(html)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Leads a browser to the same page at the address of the site.
fn elsewhere(site: &str, call: &Call) -> Response {
    let path = call.parts.uri.path_and_query().map_or("/", ::http::uri::PathAndQuery::as_str);
    let mut response = respond::empty();
    *response.status_mut() = StatusCode::FOUND;
    if let Ok(location) = HeaderValue::try_from(format!("{}{path}", same_origin::origin_of(site))) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
