//! Requests and responses of the runtime as the application's own, and back. The runtime's objects are used as they are
//! where that is the common case: what workers-rs wraps around them asks for more of them than is needed.

use crate::domain::input::multipart::boundary;
use crate::domain::sandbox::preview::{self, Meaning};
use crate::platform::headers;
use crate::ports::http_messages::{Body, BodyLost, Request, Response, Upgrade};
use ::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use ::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use bytes::Bytes;
use docle_protocol::limits::MAX_BODY_BYTES;
use futures::{Stream, StreamExt, stream};
use wasm_streams::ReadableStream;
use worker::js_sys::{Reflect, Uint8Array};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::worker_sys::{FixedLengthStream as FixedLengthStreamSys, web_sys};
use worker::{FixedLengthStream, Result};

/// The request as the application reads it. Below `preview_host` programs read it, whatever its length.
pub fn request(raw: web_sys::Request, preview_host: Option<&str>) -> Result<Request> {
    let mut request = ::http::Request::builder().method(raw.method().as_str());
    if let Some(headers) = request.headers_mut() {
        for (name, value) in headers::read(&raw.headers())? {
            // What is no header by the book, such as raw UTF-8, is nothing that the application reads.
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.append(name, value);
            }
        }
    }
    // With scheme and host, because cookies and links depend on them.
    // What is too long to be an address of anything here is that of the start page.
    let uri = Uri::try_from(raw.url()).unwrap_or_default();
    let is_for_program = uri
        .authority()
        .zip(preview_host)
        .is_some_and(|(host, preview_host)| preview::read(host.as_str(), preview_host) != Meaning::Elsewhere);
    let declared = request.headers_ref().and_then(|headers| headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok());
    let content_type = request.headers_ref().and_then(|headers| headers.get(CONTENT_TYPE)?.to_str().ok());
    let is_form = content_type.and_then(boundary).is_some();
    let body = match declared {
        _ if raw.body().is_none() => stream::empty().boxed_local(),
        // The runtime holds a body to its declared length, so this one fits and is quicker read at once. The files of a form
        // need not be in memory.
        Some(0..=MAX_BODY_BYTES) if !is_form && !is_for_program => {
            stream::once(async move { whole(&raw).await.map_err(|_| BodyLost) }).boxed_local()
        }
        _ => worker::Request::from(raw).stream()?.map(|chunk| chunk.map_err(|_| BodyLost)).boxed_local(),
    };
    request.uri(uri).body(body).map_err(|error| worker::Error::RustError(error.to_string()))
}

async fn whole(raw: &web_sys::Request) -> std::result::Result<Vec<u8>, JsValue> {
    let buffer = JsFuture::from(raw.array_buffer()?).await?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// What a response says of the length of its body.
fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok())
}

/// A stream of the runtime. It sends the length of one that has a fixed length, and of no other.
fn readable(chunks: impl Stream<Item = Result<Vec<u8>>> + 'static, length: Option<u64>) -> web_sys::ReadableStream {
    if let Some(length) = length {
        return FixedLengthStreamSys::from(FixedLengthStream::wrap(chunks, length)).readable();
    }
    let chunks = chunks.map(|chunk| match chunk {
        Ok(bytes) => Ok(Uint8Array::from(bytes.as_slice()).into()),
        Err(error) => Err(JsValue::from(error.to_string())),
    });
    ReadableStream::from_stream(chunks).into_raw().unchecked_into()
}

/// The answer as the runtime sends it.
pub fn response(response: Response) -> Result<web_sys::Response> {
    let (parts, body) = response.into_parts();
    let pairs = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), std::str::from_utf8(value.as_bytes()).unwrap_or_default()));
    let headers = headers::make(&pairs.collect::<Vec<_>>())?;
    let status = parts.status.as_u16();
    let init = web_sys::ResponseInit::new();
    init.set_status(status);
    init.set_headers(headers.as_ref());
    if matches!(body, Body::Proxied(_)) {
        // What the other server has compressed is not compressed again.
        Reflect::set(&init, &"encodeBody".into(), &"manual".into())?;
    }
    let wrapped = || worker::ResponseBuilder::new().with_status(status).with_headers(worker::Headers(headers));
    match body {
        Body::Empty => Ok(web_sys::Response::new_with_opt_str_and_init(None, &init)?),
        Body::Whole(bytes) => {
            let bytes = Uint8Array::from(&bytes[..]);
            Ok(web_sys::Response::new_with_opt_buffer_source_and_init(Some(&bytes), &init)?)
        }
        Body::Socket(Upgrade(socket)) => match socket.downcast::<worker::WebSocket>() {
            Ok(socket) => Ok(wrapped().with_websocket(*socket).empty().into()),
            Err(_) => Err(worker::Error::RustError("What should be a WebSocket is none.".to_owned())),
        },
        Body::Proxied(chunks) => {
            let chunks = chunks.map(|chunk| chunk.map(Vec::from).map_err(|error| worker::Error::RustError(error.0)));
            let stream = readable(chunks, length(&parts.headers));
            Ok(web_sys::Response::new_with_opt_readable_stream_and_init(Some(&stream), &init)?)
        }
        Body::Stream(chunks) => {
            let chunks = chunks.map(|chunk: Bytes| Ok::<_, worker::Error>(Vec::from(chunk)));
            Ok(match length(&parts.headers) {
                // The runtime sends the length of no other stream.
                Some(length) => {
                    let stream = FixedLengthStreamSys::from(FixedLengthStream::wrap(chunks, length));
                    wrapped().stream(stream.readable()).into()
                }
                None => wrapped().from_stream(chunks)?.into(),
            })
        }
    }
}
