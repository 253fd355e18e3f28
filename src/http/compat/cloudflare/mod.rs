//! The bridge of Cloudflare's Sandbox SDK, which the Agents SDK of OpenAI speaks: <https://github.com/cloudflare/sandbox-sdk>.
//!
//! Everything is below `/workspace`, as there. The home of a sandbox, its users and what it has installed are ours.

pub mod archive;
pub mod exec;
pub mod files;
mod refusal;
pub mod sandbox;
pub mod terminal;
