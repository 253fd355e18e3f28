//! Judge0, version 1.13 of its API: <https://ce.judge0.com>. Written from its documentation and from what its clients do.
//!
//! A submission is a detached run; its token is the id of the run. What it says beside the program is kept with the input of the
//! run, and its verdict is found when it is read.

mod languages;
mod submission;
mod verdict;

pub mod service;
pub mod submissions;
