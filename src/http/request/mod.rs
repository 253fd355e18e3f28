//! What a request says: headers, cookies, body, path.

pub mod accept;
pub mod body;
pub mod call;
pub mod cookie;
pub mod form;
pub mod idempotency;
pub mod keyed_path;
pub mod same_origin;
pub mod subprotocol;
