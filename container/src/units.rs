//! Times, sizes and signals as reports have them.

use nix::sys::signal::Signal;
use std::time::Duration;

/// `SIGSEGV` for 11. Real-time signals have numbers only.
pub fn signal_name(number: i32) -> String {
    Signal::try_from(number).map_or_else(|_| format!("SIG{number}"), |signal| signal.as_str().to_owned())
}

/// With two decimals, as the protocol has it.
pub fn mebibytes(bytes: u64) -> f64 {
    (bytes as f64 / f64::from(1 << 20) * 100.0).round() / 100.0
}

/// With two decimals, as the protocol has it.
pub fn milliseconds(duration: Duration) -> f64 {
    hundredths(duration.as_secs_f64() * 1_000.0)
}

/// The number with two decimals: a sum of such numbers has more.
pub fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
