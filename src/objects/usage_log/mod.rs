//! The UsageLog object: the runs of one project.

mod batch;
pub mod call;
pub mod deliver;
mod erasure;
mod flush;
pub mod logic;
pub mod object;
pub mod storage;
pub mod stub;
#[cfg(test)]
mod tests;
mod unflushed;
