//! Makes responses: JSON, pages, event streams, rate-limit headers.

pub mod embed;
pub mod json_result;
pub mod keep_alive;
pub mod pages;
pub mod quota;
pub mod rate;
pub mod respond;
pub mod sse;
pub mod sse_reader;
