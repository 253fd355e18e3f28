//! The URL of a file of a sandbox on its machine.

use std::fmt::Write;

/// The URL of a file of a sandbox.
pub fn at_path(mut place: String, path: &str) -> String {
    place.push_str("?path=");
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => place.push(char::from(byte)),
            _ => write!(place, "%{byte:02X}").expect("a String takes all that is written to it"),
        }
    }
    place
}
