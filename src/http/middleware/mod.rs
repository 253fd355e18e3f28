//! The steps that every request passes.

pub mod address_limit;
pub mod cors;
pub mod headers;
pub mod log;
pub mod request_id;
