//! Batches: several runs that one call asks for.

pub mod request;
