//! `/api/artifacts/:run/:name`: the files that runs have handed back.
//!
//! Their bytes are those of strangers, so no browser shows them as a document of this origin: it downloads them, and gives a
//! document that is made of them all the same no scripts and an origin of its own.

use crate::app::App;
use crate::app::artifacts::{Given, Wanted, read_artifact};
use crate::domain::run::artifact_link;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::middleware::log::About;
use crate::http::request::call::Call;
use crate::ports::artifacts::StoredFile;
use crate::ports::http_messages::{Body, Response};
use crate::ports::sandboxes::ByteStream;
use ::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use ::http::{HeaderMap, Method, StatusCode};
use futures::StreamExt;

const SERVICE_WORKER: HeaderName = HeaderName::from_static("service-worker");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// `GET …?sig=`: streams a file, or the part that `Range` names. Anyone with the link may read the file, so a link that was
/// never made, one that has expired and one whose file was deleted get one answer.
pub async fn get_artifact(app: &App, call: Call) -> Result<Response, ApiError> {
    let not_found = || {
        let message = "There is no such file. A link is valid for 7 days, and ends with the result of its run.";
        ApiError::new(ErrorCode::ArtifactNotFound, message)
    };
    // No file of a run is the service worker of a page.
    let is_worker = call.headers().contains_key(SERVICE_WORKER);
    let signature = call.query("sig").unwrap_or_default();
    let parts = (call.param(0), call.param(1), signature.as_str());
    let link = artifact_link::read(&app.secret, parts, app.clock.now()).filter(|_| !is_worker).ok_or_else(not_found)?;

    let has = call.header(IF_NONE_MATCH).map(unquoted);
    let wanted = Wanted {
        has,
        range: call.header(RANGE),
        range_of: call.header(IF_RANGE).map(unquoted),
        content: call.parts.method != Method::HEAD,
    };
    let (file, given) = read_artifact(app, link, wanted).await?.ok_or_else(not_found)?;

    let mut response = Response::new(Body::Empty);
    add_headers(response.headers_mut(), &file, link.valid_s);
    let (status, length) = match given {
        Given::Nothing if has.is_some_and(|has| has == "*" || has == file.sha256) => (StatusCode::NOT_MODIFIED, None),
        Given::Nothing => (StatusCode::OK, Some(file.size)),
        Given::Unsatisfiable => {
            response.headers_mut().insert(CONTENT_RANGE, text(format!("bytes */{}", file.size)));
            (StatusCode::RANGE_NOT_SATISFIABLE, None)
        }
        Given::Whole(bytes) => {
            *response.body_mut() = stream(bytes);
            (StatusCode::OK, Some(file.size))
        }
        Given::Part { offset, length, bytes } => {
            let range = format!("bytes {offset}-{}/{}", offset + length - 1, file.size);
            response.headers_mut().insert(CONTENT_RANGE, text(range));
            *response.body_mut() = stream(bytes);
            (StatusCode::PARTIAL_CONTENT, Some(length))
        }
    };
    if let Some(length) = length {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    *response.status_mut() = status;
    response.extensions_mut().insert(About { run_id: Some(link.id), project_id: None });
    Ok(response)
}

fn add_headers(headers: &mut HeaderMap, file: &StoredFile, valid_s: i64) {
    let mime_type = HeaderValue::try_from(&file.mime_type);
    headers.insert(CONTENT_TYPE, mime_type.unwrap_or(HeaderValue::from_static("application/octet-stream")));
    headers.insert(CONTENT_DISPOSITION, text(format!("attachment; filename*=UTF-8''{}", percent_encoded(&file.name))));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    // Pages of other origins may show it, since they could fetch it as well.
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    headers.insert(CACHE_CONTROL, text(format!("private, max-age={valid_s}, immutable")));
    headers.insert(ETAG, text(format!("\"{}\"", file.sha256)));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
}

fn stream(bytes: ByteStream) -> Body {
    // A body that breaks ends early; a client sees that it is shorter than Content-Length.
    Body::Stream(bytes.scan((), |(), chunk| std::future::ready(chunk.ok().map(Into::into))).boxed_local())
}

/// An entity tag without its quotes. A weak one compares as a strong one where no range is asked for.
fn unquoted(tag: &str) -> &str {
    tag.trim().trim_start_matches("W/").trim_matches('"')
}

/// A name as RFC 8187 has it.
fn percent_encoded(name: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    name.bytes().map(encode).collect()
}

fn text(value: String) -> HeaderValue {
    HeaderValue::try_from(value).expect("digits, names of units and percent-encoded text are visible ASCII")
}
