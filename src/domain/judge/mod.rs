//! Judging: what is asked for, how outputs are compared, and what the verdicts are.

pub mod checker;
pub mod compare;
pub mod difference;
pub mod number;
pub mod request;
pub mod verdict;
