//! A project's share of containers: which run goes where, and when a container starts and sleeps.

pub mod fleet;
pub mod lifecycle;
pub mod name;
pub mod scheduler;
