//! How a command ended.

use crate::jail::launch::Exit;

/// How a command ended, as init says it.
#[derive(Debug, Clone, Copy)]
pub struct Exited {
    pub exit: Exit,
    pub cpu_micros: u64,
    pub peak_bytes: u64,
}
