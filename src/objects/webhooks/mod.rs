//! The Webhooks object: one per account. It delivers reports of runs to their receivers.

mod attempt;
pub mod call;
pub mod logic;
pub mod object;
pub mod storage;
mod switch_off;
#[cfg(test)]
mod tests;
