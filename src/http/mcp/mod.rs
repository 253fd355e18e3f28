//! `/mcp`: the Model Context Protocol over Streamable HTTP, for agents. Its tools are operations of the API in another envelope.
//!
//! Two revisions of the protocol are in use, and a message says which one it is written in ([`message::Era`]). Neither has
//! sessions here: each call stands for itself.

mod answer;
mod call;
mod content;
pub mod endpoint;
mod message;
mod progress;
mod tools;
