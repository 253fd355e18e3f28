//! Requests and responses of the runtime as the application's own, and back.

use crate::platform::headers;
use crate::ports::exchange::{Body, BodyLost, Request, Response, Upgrade};
use ::http::header::CONTENT_LENGTH;
use ::http::{HeaderName, HeaderValue, Uri};
use bytes::Bytes;
use docle_protocol::limits::MAX_BODY_BYTES;
use futures::{StreamExt, stream};
use worker::Result;

/// The request as the application reads it.
pub fn request(mut raw: worker::Request) -> Result<Request> {
    let mut request = ::http::Request::builder().method(raw.method().as_ref());
    if let Some(headers) = request.headers_mut() {
        for (name, value) in headers::read(&raw.inner().headers())? {
            // What is no header by the book, such as raw UTF-8, is nothing that the application reads.
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.append(name, value);
            }
        }
    }
    // With scheme and host, because cookies and links depend on them.
    let uri = Uri::try_from(raw.inner().url()).or_else(|_| Uri::try_from(raw.path())).unwrap_or_default();
    let declared = request.headers_ref().and_then(|headers| headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok());
    let body = match declared {
        _ if raw.inner().body().is_none() => stream::empty().boxed_local(),
        // The runtime holds a body to its declared length, so this one fits and is quicker read at once.
        Some(0..=MAX_BODY_BYTES) => stream::once(async move { raw.bytes().await.map_err(|_| BodyLost) }).boxed_local(),
        _ => raw.stream()?.map(|chunk| chunk.map_err(|_| BodyLost)).boxed_local(),
    };
    request.uri(uri).body(body).map_err(|error| worker::Error::RustError(error.to_string()))
}

/// The answer as the runtime sends it.
pub fn response(response: Response) -> Result<worker::Response> {
    let (parts, body) = response.into_parts();
    let pairs = parts.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()));
    let headers = worker::Headers(headers::make(&pairs.collect::<Vec<_>>())?);
    let builder = worker::ResponseBuilder::new().with_status(parts.status.as_u16()).with_headers(headers);
    match body {
        Body::Empty => Ok(builder.empty()),
        Body::Socket(Upgrade(socket)) => match socket.downcast::<worker::WebSocket>() {
            Ok(socket) => Ok(builder.with_websocket(*socket).empty()),
            Err(_) => Err(worker::Error::RustError("What should be a WebSocket is none.".to_owned())),
        },
        Body::Whole(bytes) => Ok(builder.fixed(bytes.to_vec())),
        Body::Stream(chunks) => {
            builder.from_stream(chunks.map(|chunk: Bytes| Ok::<_, worker::Error>(Vec::from(chunk))))
        }
    }
}
