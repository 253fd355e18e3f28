//! The OpenAPI document: made of the types, the error codes and the table of operations.
//!
//! [`operation`] says what an operation is, [`table`] lists all of them, [`schema`] makes JSON Schema of the types, and
//! [`openapi`] puts the document together. `UPDATE_OPENAPI=1 cargo test -p docle-api` writes crates/api/openapi.json.

pub mod example;
mod examples;
pub mod headers;
pub mod openapi;
pub mod operation;
pub mod parameters;
pub mod schema;
pub mod table;

pub use openapi::document;
pub use operation::{Caller, Method, Operation};
pub use table::operations;
