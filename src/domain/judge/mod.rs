//! Judging: what is asked for, how outputs are compared, and what the verdicts are.

pub mod checker;
pub mod compare;
pub mod difference;
pub mod id;
pub mod number;
pub mod request;
pub mod stored;
pub mod verdict;
