//! What every request passes, whatever it asks for.

pub mod cors;
pub mod headers;
pub mod log;
pub mod request_id;
