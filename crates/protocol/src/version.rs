//! The version of the protocol.

/// Worker and runner refuse each other when their versions differ. A container image and a Worker are deployed separately, so
/// every combination of versions can occur for a while.
pub const VERSION: u32 = 8;
