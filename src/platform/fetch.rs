//! Requests to objects and to other hosts, with the runtime's own types. The types of workers-rs read every property of a
//! request and of a response from the runtime; most of these are not needed, and reading them costs as much as the rest.

use crate::ports::sandboxes::ByteStream;
use futures::{Stream, StreamExt};
use wasm_streams::ReadableStream;
use worker::js_sys::{Object, Promise, Reflect, Uint8Array};
use worker::wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::wasm_bindgen_futures::JsFuture;
use worker::worker_sys::web_sys::{RequestInit, Response};
use worker::{Error, Result, wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    /// What takes requests: an object's stub, another Worker, a port of a container.
    pub type Target;
    #[wasm_bindgen(method, catch, js_name = fetch)]
    fn fetch_at(this: &Target, url: &str, init: &RequestInit) -> std::result::Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = fetch)]
    fn fetch_outside(url: &str, init: &RequestInit) -> std::result::Result<Promise, JsValue>;
}

/// A request.
pub fn request(method: &str, headers: &[(&str, &str)], body: Option<&JsValue>) -> Result<RequestInit> {
    let all = Object::new();
    for (name, value) in headers {
        Reflect::set(&all, &(*name).into(), &(*value).into())?;
    }
    let init = RequestInit::new();
    init.set_method(method);
    init.set_headers(&all);
    if let Some(body) = body {
        init.set_body(body);
    }
    Ok(init)
}

/// The answer of `target`, as soon as it begins.
pub async fn at(target: &Target, url: &str, request: &RequestInit) -> Result<Response> {
    Ok(JsFuture::from(target.fetch_at(url, request)?).await?.unchecked_into())
}

/// The answer of another host, as soon as it begins.
pub async fn outside(url: &str, request: &RequestInit) -> Result<Response> {
    Ok(JsFuture::from(fetch_outside(url, request)?).await?.unchecked_into())
}

/// All of an answer's body.
pub async fn bytes(response: &Response) -> Result<Vec<u8>> {
    Ok(Uint8Array::new(&JsFuture::from(response.array_buffer()?).await?).to_vec())
}

/// An answer's header.
pub fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).ok().flatten()
}

/// An answer's body as it comes. Dropping the stream cancels the body.
///
/// # Errors
/// The answer has no body.
pub fn chunks(response: &Response) -> Result<impl Stream<Item = Result<Vec<u8>>> + use<>> {
    let body = response.body().ok_or_else(|| Error::RustError("The answer has no body.".to_owned()))?;
    let chunks = ReadableStream::from_raw(body.unchecked_into()).into_stream();
    Ok(chunks.map(|chunk| Ok(Uint8Array::new(&chunk?).to_vec())))
}

/// A body that comes piece by piece. After an error the request is aborted.
pub fn stream_body(chunks: ByteStream) -> JsValue {
    let chunks = chunks.map(|chunk| match chunk {
        Ok(bytes) => Ok(Uint8Array::from(bytes.as_slice()).into()),
        Err(error) => Err(JsValue::from(error.0)),
    });
    ReadableStream::from_stream(chunks).into_raw().into()
}

/// An error without its stack.
pub fn first_line(error: &Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
