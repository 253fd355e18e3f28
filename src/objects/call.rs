//! How Durable Objects are called: one typed protocol for all classes.
//!
//! A call is an enum that implements [`ObjectCall`]. It travels as JSON in one header, so that the body is free for a
//! job or a batch of runs. A small answer also travels in a header, because reading a body costs one more wait. Both
//! headers are ASCII: [`ascii_json`] escapes all other characters. A call carries the name of its object, because the
//! names of the further objects of a pool are derived from it. An object refuses a call without a name.

use crate::platform::fetch;
use docle_protocol::ascii_json;
use futures::Stream;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use worker::wasm_bindgen::JsValue;
use worker::worker_sys::web_sys::{self, AbortSignal};
use worker::{Headers, ObjectNamespace, Request, Response, WebSocket};

const CALL: &str = "docle-call";
const ANSWER: &str = "docle-answer";
/// A request needs a URL; nothing reads this one.
const URL: &str = "http://object/";

/// The calls of one class of objects.
pub trait ObjectCall: Serialize + DeserializeOwned {
    /// Why the object refuses a call.
    type Refusal: Serialize + DeserializeOwned;

    /// Whether the caller may send the call again if it got no answer and does not know what the call did. That
    /// happens: every deployment resets the objects.
    fn may_repeat(&self) -> bool;

    /// Whether the answer is a WebSocket.
    fn opens_socket(&self) -> bool {
        false
    }
}

/// A call that gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError<R> {
    /// The object refused the call.
    Refused(R),
    /// The object did not answer, or not in this protocol. It is unknown what the call did. The text is for the log.
    Lost(String),
}

#[derive(Serialize, Deserialize)]
struct Envelope<C> {
    object: String,
    call: C,
}

/// Calls the object named `object`; aborting `signal` ends the call.
///
/// # Errors
/// As in [`CallError`].
pub async fn call<C: ObjectCall>(
    namespace: &ObjectNamespace,
    object: &str,
    call: &C,
    body: Option<&JsValue>,
    signal: Option<&AbortSignal>,
) -> Result<Answer, CallError<C::Refusal>> {
    let header = ascii_json(&Envelope { object: object.to_owned(), call });
    let send = async || {
        let (method, headers) = match call.opens_socket() {
            true => ("GET", vec![(CALL, header.as_str()), ("upgrade", "websocket")]),
            false => ("POST", vec![(CALL, header.as_str())]),
        };
        let request = fetch::request(method, &headers, body)?;
        request.set_signal(signal);
        // A stub that has failed keeps failing, so each attempt has its own.
        fetch::at(&namespace.get_by_name(object)?.into_rpc(), URL, &request).await
    };
    let response = match send().await {
        Err(_) if call.may_repeat() && !signal.is_some_and(AbortSignal::aborted) => send().await,
        first => first,
    }
    .map_err(|error| CallError::Lost(error.to_string()))?;
    match response.status() {
        101 | 200 => Ok(Answer(response)),
        status => Err(match fetch::header(&response, ANSWER).map(|refusal| serde_json::from_str(&refusal)) {
            Some(Ok(refusal)) => CallError::Refused(refusal),
            _ => CallError::Lost(format!("{object} answered {status}.")),
        }),
    }
}

/// What an object answered.
pub struct Answer(pub web_sys::Response);

impl Answer {
    /// The value of [`answer`]; `None` when the answer has none.
    ///
    /// # Errors
    /// The value is of another type.
    pub fn value<T: DeserializeOwned>(&self) -> serde_json::Result<Option<T>> {
        fetch::header(&self.0, ANSWER).map(|value| serde_json::from_str(&value)).transpose()
    }
}

/// A call that has reached its object.
pub struct Incoming<C> {
    /// The name of this object.
    pub object: String,
    pub call: C,
}

/// The call that a request carries.
///
/// # Errors
/// The request carries none, or one without the name of the object.
pub fn receive<C: ObjectCall>(request: &Request) -> worker::Result<Incoming<C>> {
    let header = request.headers().get(CALL)?.unwrap_or_default();
    let Envelope { object, call } = serde_json::from_str(&header)?;
    if object.is_empty() {
        return Err(worker::Error::RustError("The call does not name its object.".to_owned()));
    }
    Ok(Incoming { object, call })
}

/// A response with a small value in a header. All headers of a response have 128 KB at most.
pub fn answer(value: &impl Serialize) -> worker::Result<Response> {
    with_value(value, 200)
}

/// A response with a small value in a header, and a body.
pub fn answer_with_body(value: &impl Serialize, body: Vec<u8>) -> worker::Result<Response> {
    let headers = Headers::new();
    headers.set(ANSWER, &ascii_json(value))?;
    Ok(Response::from_bytes(body)?.with_headers(headers))
}

/// A response with a small value in a header, and a body that is streamed.
pub fn answer_with_stream(
    value: &impl Serialize,
    body: impl Stream<Item = worker::Result<Vec<u8>>> + 'static,
) -> worker::Result<Response> {
    let headers = Headers::new();
    headers.set(ANSWER, &ascii_json(value))?;
    Ok(Response::from_stream(body)?.with_headers(headers))
}

/// A response with a small value in a header, that opens a WebSocket.
pub fn answer_with_socket(value: &impl Serialize, socket: WebSocket) -> worker::Result<Response> {
    let headers = Headers::new();
    headers.set(ANSWER, &ascii_json(value))?;
    Ok(Response::from_websocket(socket)?.with_headers(headers))
}

/// A response with the reason why the object refuses a call.
pub fn refuse(refusal: &impl Serialize) -> worker::Result<Response> {
    with_value(refusal, 500)
}

fn with_value(value: &impl Serialize, status: u16) -> worker::Result<Response> {
    let headers = Headers::new();
    headers.set(ANSWER, &ascii_json(value))?;
    Ok(Response::empty()?.with_status(status).with_headers(headers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelope_format_unchanged() {
        let envelope = Envelope { object: "key:ab".to_owned(), call: "refresh" };
        assert_eq!(ascii_json(&envelope), r#"{"object":"key:ab","call":"refresh"}"#);
    }

    #[test]
    fn a_call_without_its_objects_name_is_not_read() {
        assert!(serde_json::from_str::<Envelope<String>>(r#"{"call":"refresh"}"#).is_err());
    }
}
