//! The log of a project's runs: the names of its objects, the questions it answers, and how long it keeps what.

#[cfg(test)]
mod load;
pub mod name;
pub mod query;
pub mod retention;
