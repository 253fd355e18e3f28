//! What executes the jobs of an object: a container with a runner in it, or the runner at `SANDBOX_URL`.

pub mod instance;
pub mod lease;
pub mod permit;
pub mod runner;
pub mod storage;
pub mod target;
#[cfg(test)]
mod tests;
