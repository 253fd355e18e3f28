//! Requests and answers as they cross the edge between the runtime and the application.

use bytes::Bytes;
use futures::stream::LocalBoxStream;
use std::any::Any;

/// A request as the application sees it.
pub type Request = http::Request<RequestBody>;
/// An answer on its way out.
pub type Response = http::Response<Body>;

/// What a client sends, in chunks; an error is a client that left in the middle.
pub type RequestBody = LocalBoxStream<'static, Result<Vec<u8>, BodyLost>>;

/// The body ended before it was complete.
#[derive(Debug)]
pub struct BodyLost;

/// One end of a WebSocket, on its way from an object to the client. Only the platform looks inside.
pub struct Upgrade(pub Box<dyn Any>);

/// What is answered.
pub enum Body {
    Empty,
    Whole(Bytes),
    /// A connection that goes on as a WebSocket.
    Socket(Upgrade),
    /// Chunks as they come; dropping the stream tells their source that the reader has stopped.
    Stream(LocalBoxStream<'static, Bytes>),
}
