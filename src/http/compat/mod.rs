//! `/compat`: the protocols of other code runners, so that a client of theirs runs here after a change of its address.
//!
//! Each protocol is one file. It reads a request in its own words, makes the body of `POST /api/run` of it, and tells the result
//! in its own words again. What is allowed, and for whom, is decided there and nowhere here.

pub mod codapi;
pub mod credential;
pub mod dify;
mod foreign_call;
mod outcome;
pub mod piston;
pub mod sandbox_fusion;
