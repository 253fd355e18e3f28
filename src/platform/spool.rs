//! Bytes in buffers of the runtime.

use crate::ports::spool::{Outside, Spool};
use worker::js_sys::Uint8Array;

/// [`Spool`] in JavaScript's memory.
pub struct RuntimeSpool;

impl Spool for RuntimeSpool {
    fn hold(&self, bytes: &[u8]) -> Outside {
        Outside(Box::new(Uint8Array::from(bytes)))
    }
}

/// The bytes of `first`, and then what is held, as one buffer.
pub fn joined(first: &[u8], held: &[Outside]) -> Uint8Array {
    let held: Vec<&Uint8Array> = held.iter().filter_map(|held| held.0.downcast_ref()).collect();
    if held.is_empty() {
        return Uint8Array::from(first);
    }
    let mut offset = first.len() as u32;
    let all = Uint8Array::new_with_length(offset + held.iter().map(|part| part.length()).sum::<u32>());
    all.subarray(0, offset).copy_from(first);
    for part in held {
        all.set(part, offset);
        offset += part.length();
    }
    all
}
