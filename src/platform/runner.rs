//! HTTP to a runner, through the runtime's `fetch`.

use crate::platform::client_signal::abort_on_leave;
use crate::platform::container::ContainerHandle;
use crate::platform::fetch;
use crate::ports::http_messages::Upgrade;
use crate::ports::sandboxes::ByteStream;
use crate::ports::{ClientSignal, EventStream, PortError, RunnerHttp, RunnerRequest, RunnerResponse, SendError};
use futures::StreamExt;
use futures::future::LocalBoxFuture;
use futures::stream::LocalBoxStream;
use std::rc::Rc;
use worker::js_sys::{ArrayBuffer, Uint8Array};
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen_futures::JsFuture;
use worker::worker_sys::web_sys::{AbortController, ReadableStream, RequestInit, Response, WritableStream};
use worker::{Error, ResponseBuilder, wasm_bindgen};

/// The runtime's message when nothing has accepted the connection: no byte of the request has arrived.
const NOT_LISTENING: &str = "not listening";

/// [`RunnerHttp`] to the runner at one place.
pub enum RunnerFetch {
    /// A runner outside, at `SANDBOX_URL`, without a slash at the end.
    Url(String),
    /// The runner in the container of this object.
    Container(Rc<ContainerHandle>),
}

impl RunnerFetch {
    async fn fetch(&self, path: &str, request: &RequestInit) -> worker::Result<Response> {
        match self {
            Self::Url(origin) => fetch::outside(&format!("{origin}{path}"), request).await,
            Self::Container(container) => {
                fetch::at(&container.runner()?, &format!("http://runner{path}"), request).await
            }
        }
    }
}

impl RunnerHttp for RunnerFetch {
    type Body = ArrayBuffer;
    type Response = FetchResponse;

    fn body(bytes: &[u8]) -> ArrayBuffer {
        Uint8Array::from(bytes).buffer()
    }

    async fn send_stream(
        &self,
        request: RunnerRequest<'_, ArrayBuffer>,
        body: ByteStream,
        end: Option<&ClientSignal>,
    ) -> Result<FetchResponse, SendError> {
        let not_sent = |error: Error| SendError::NotDelivered(fetch::first_line(&error));
        let body = fetch::stream_body(body);
        let init = fetch::request(request.method, request.headers, Some(&body)).map_err(not_sent)?;
        end_with(end, &init).map_err(not_sent)?;
        self.fetch(request.path, &init).await.map(FetchResponse).map_err(failed)
    }

    async fn send(
        &self,
        request: RunnerRequest<'_, ArrayBuffer>,
        end: Option<&ClientSignal>,
    ) -> Result<FetchResponse, SendError> {
        let not_sent = |error: Error| SendError::NotDelivered(fetch::first_line(&error));
        let body: Option<&JsValue> = request.body.map(AsRef::as_ref);
        let init = fetch::request(request.method, request.headers, body).map_err(not_sent)?;
        end_with(end, &init).map_err(not_sent)?;
        self.fetch(request.path, &init).await.map(FetchResponse).map_err(failed)
    }
}

/// Lets a client that leaves abort a request.
fn end_with(client: Option<&ClientSignal>, request: &RequestInit) -> Result<(), Error> {
    if let Some(client) = client {
        let controller = AbortController::new()?;
        request.set_signal(Some(&controller.signal()));
        abort_on_leave(client, controller);
    }
    Ok(())
}

fn failed(error: Error) -> SendError {
    let why = fetch::first_line(&error);
    match error.to_string().contains(NOT_LISTENING) {
        true => SendError::NotDelivered(why),
        false => SendError::Lost(why),
    }
}

/// The response of a runner, or of an object that passes it on.
pub struct FetchResponse(pub Response);

impl RunnerResponse for FetchResponse {
    fn status(&self) -> u16 {
        self.0.status()
    }

    fn header(&self, name: &str) -> Option<String> {
        fetch::header(&self.0, name)
    }

    async fn bytes(&self) -> Result<Vec<u8>, PortError> {
        fetch::bytes(&self.0).await.map_err(|error| PortError(fetch::first_line(&error)))
    }
}

#[wasm_bindgen::prelude::wasm_bindgen]
extern "C" {
    /// The runtime's own pipe, which carries bytes without running any script; workers-rs lacks it.
    type IdentityTransformStream;
    #[wasm_bindgen(constructor)]
    fn new() -> IdentityTransformStream;
    #[wasm_bindgen(method, getter)]
    fn readable(this: &IdentityTransformStream) -> ReadableStream;
    #[wasm_bindgen(method, getter)]
    fn writable(this: &IdentityTransformStream) -> WritableStream;
}

impl EventStream for FetchResponse {
    type Piped = worker::Response;

    fn pipe(self) -> Result<(worker::Response, LocalBoxFuture<'static, bool>), PortError> {
        let body = self.0.body().ok_or_else(|| PortError("The response has no body.".to_owned()))?;
        let pipe = IdentityTransformStream::new();
        let piped = JsFuture::from(body.pipe_to(&pipe.writable()));
        let response = ResponseBuilder::new().stream(pipe.readable());
        Ok((response, Box::pin(async move { piped.await.is_ok() })))
    }

    fn into_socket(self) -> Option<Upgrade> {
        let socket = worker::Response::from(self.0).websocket()?;
        Some(Upgrade(Box::new(socket)))
    }

    fn chunks(self) -> Result<LocalBoxStream<'static, Result<Vec<u8>, PortError>>, PortError> {
        let failed = |error: Error| PortError(fetch::first_line(&error));
        let chunks = fetch::chunks(&self.0).map_err(failed)?;
        Ok(chunks.map(move |chunk| chunk.map_err(failed)).boxed_local())
    }
}
