//! Scripts of the isolate tier.

pub mod docs;
pub mod execute;
pub mod runtime_apis;
