//! Bytes that are kept outside of this program's memory, until they are sent on.
//!
//! The memory of a WebAssembly instance never shrinks, and all requests and objects of an isolate share it. What only passes
//! through, such as the files of a form, waits where the runtime keeps its own buffers.

use std::any::Any;

/// Some of these bytes. Only the platform looks inside.
pub struct Outside(pub Box<dyn Any>);

/// Keeps bytes outside, for as long as what it returns lives.
pub trait Spool {
    fn hold(&self, bytes: &[u8]) -> Outside;
}
