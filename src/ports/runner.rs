//! HTTP to one runner: in a container, or at a URL.

use crate::ports::client_signal::ClientSignal;
use crate::ports::error::PortError;
use crate::ports::sandboxes::ByteStream;

/// HTTP to one runner.
pub trait RunnerHttp: 'static {
    /// An encoded job, as the runtime holds it; it can be sent more than once.
    type Body;
    type Response: RunnerResponse;

    /// An encoded body as the runtime holds it.
    fn body(bytes: &[u8]) -> Self::Body;

    /// Sends a request and waits until the response begins. When `end` is raised, the request or the body of the
    /// response is aborted.
    async fn send(
        &self,
        request: RunnerRequest<'_, Self::Body>,
        end: Option<&ClientSignal>,
    ) -> Result<Self::Response, SendError>;

    /// The same with a body that comes piece by piece, and once.
    async fn send_stream(
        &self,
        request: RunnerRequest<'_, Self::Body>,
        body: ByteStream,
        end: Option<&ClientSignal>,
    ) -> Result<Self::Response, SendError>;
}

/// A request to a runner.
pub struct RunnerRequest<'a, B> {
    pub method: &'a str,
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: Option<&'a B>,
}

/// The response of a runner, whose body may still be on its way.
pub trait RunnerResponse: 'static {
    fn status(&self) -> u16;
    fn header(&self, name: &str) -> Option<String>;
    /// Reads the whole body. It is called once.
    async fn bytes(&self) -> Result<Vec<u8>, PortError>;
}

/// A request that got no response. The text is for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendError {
    /// Nothing accepted the connection: no byte of the request has arrived.
    NotDelivered(String),
    /// The connection broke. Whether the request has arrived is unknown.
    Lost(String),
}
