//! The tier of a run, by which statistics tell programs and scripts apart.

pub use docle_languages::Tier;
