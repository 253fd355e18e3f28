//! The Fleet object: one per class of containers.

pub mod call;
pub mod logic;
pub mod object;
#[cfg(test)]
mod tests;
