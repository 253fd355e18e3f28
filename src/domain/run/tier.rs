//! The tiers: what executes a program.

use serde::Serialize;

/// What executes a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// A jail in a container: any language, files, packages.
    Run,
    /// A dynamic Worker: JavaScript and TypeScript, without files.
    Isolate,
}
