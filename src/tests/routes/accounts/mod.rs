//! Signing in, and what people may do with their data.

mod privacy;
mod sign_in;
