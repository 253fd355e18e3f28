//! What a message is answered with, or why it is not.

use crate::http::error::ApiError;
use crate::http::mcp::message::RpcError;
use crate::ports::http_messages::Response;
use serde_json::Value;

/// What a message is answered with.
pub enum Answer {
    Result(Value),
    /// A response that is complete or goes on.
    Response(Response),
}

/// Why it is not.
pub enum Failure {
    /// The message is wrong.
    Rpc(RpcError),
    /// The caller may not call.
    Api(ApiError),
}

impl From<RpcError> for Failure {
    fn from(error: RpcError) -> Self {
        Self::Rpc(error)
    }
}
