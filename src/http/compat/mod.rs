//! `/compat`: the protocols of other code runners, so that a client of theirs runs here after a change of its address.
//!
//! Each protocol is one file or folder. It reads a request in its own words, makes the body of `POST /api/run` or of a call about a
//! sandbox of it, and tells the result in its own words again. What is allowed, and for whom, is decided there and nowhere here.

pub mod cloudflare;
pub mod codapi;
pub mod credential;
pub mod dify;
mod foreign_call;
mod installed;
pub mod judge0;
mod outcome;
pub mod piston;
pub mod sandbox_fusion;
