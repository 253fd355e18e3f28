//! Scripts of the isolate tier.

pub mod request;
