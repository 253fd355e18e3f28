//! Reading what clients send: JSON, fields with their problems, pages of lists.

pub mod json;
pub mod multipart;
pub mod page;
pub mod problem;
pub mod reader;
