//! Makes responses: JSON, pages, event streams, rate-limit headers.

pub mod device_pages;
pub mod embed;
pub mod event_stream;
pub mod json_result;
pub mod keep_alive;
pub mod late;
pub mod pages;
pub mod preview_page;
pub mod quota;
pub mod rate;
pub mod respond;
pub mod sign_in_pages;
pub mod sse;
pub mod sse_reader;
pub mod time;
pub mod whole;
