//! Requests and responses between the runtime and the application.

use crate::ports::error::PortError;
use bytes::Bytes;
use futures::stream::LocalBoxStream;
use std::any::Any;

/// A request as the application sees it.
pub type Request = http::Request<RequestBody>;
/// A response of the application.
pub type Response = http::Response<Body>;

/// The body of a request, in chunks. An error means that the client disconnected before the end.
pub type RequestBody = LocalBoxStream<'static, Result<Vec<u8>, BodyLost>>;

/// The body ended before it was complete.
#[derive(Debug)]
pub struct BodyLost;

/// One end of a WebSocket, on its way from an object to the client. Only the platform looks inside.
pub struct Upgrade(pub Box<dyn Any>);

/// The body of a response.
pub enum Body {
    Empty,
    Whole(Bytes),
    /// A connection that goes on as a WebSocket.
    Socket(Upgrade),
    /// Chunks as they arrive. When the client disconnects, the stream is dropped, which stops its source.
    Stream(LocalBoxStream<'static, Bytes>),
    /// The same of another server, encoded as its headers say. An error breaks the connection, so that no client takes a part for the
    /// whole.
    Proxied(LocalBoxStream<'static, Result<Bytes, PortError>>),
}
