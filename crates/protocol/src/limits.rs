//! The limits of a run, which the Worker and the runner both enforce. Timeouts and numbers of files come from the API
//! reference of the product, sizes from the memory of the platforms.

use std::ops::RangeInclusive;

/// Wall-clock limit of the program, in milliseconds. The installation of packages has its own limit.
pub const TIMEOUT_MS: RangeInclusive<u32> = 100..=300_000;
/// Used when a request names no `policy.timeoutMs`.
pub const DEFAULT_TIMEOUT_MS: u32 = 3_000;

/// Memory of the process tree and of the files that it writes, in MiB.
pub const MEMORY_MB: RangeInclusive<u32> = 16..=2_048;
/// Used when a request names no `policy.memoryMB`.
pub const DEFAULT_MEMORY_MB: u32 = 256;

/// Bytes of each output stream. The runner ends a run when a stream exceeds its limit.
pub const MAX_OUTPUT_BYTES: RangeInclusive<u32> = 1_024..=10_485_760;
/// Used when a request names no `policy.maxOutputBytes`.
pub const DEFAULT_MAX_OUTPUT_BYTES: u32 = 1_048_576;

/// Files in one request.
pub const MAX_FILES: usize = 1_000;
/// Bytes of one relative path. Linux allows 4,096 for the absolute path; 1,024 leaves room for the prefix.
pub const MAX_PATH_BYTES: usize = 1_024;
/// Bytes of one path segment: `NAME_MAX` of every Linux file system in use.
pub const MAX_NAME_BYTES: usize = 255;
/// Bytes of a request body. A Worker isolate has 128 MB of memory and holds about six copies of the body (received, decoded,
/// parsed, encoded, as a JavaScript string, sent): 6 × 10 MiB leaves half of the memory to other requests.
pub const MAX_BODY_BYTES: usize = 10 * 1_024 * 1_024;
/// Bytes of a job. Encoding a body again can only make it longer where it contains control characters, which escapes make
/// six times as long (`\u00XX`); four times the body is generous.
pub const MAX_JOB_BYTES: usize = 4 * MAX_BODY_BYTES;

/// Command-line arguments of one run.
pub const MAX_ARGS: usize = 256;
/// Environment variables of one run.
pub const MAX_ENV: usize = 256;
/// Bytes of one argument, or of one variable's `NAME=value`. Linux allows 128 KiB for one string
/// (`MAX_ARG_STRLEN`, execve(2)).
pub const MAX_ARG_BYTES: usize = 65_536;
/// Bytes of all arguments and variables together; Linux allows a quarter of the 8 MiB stack (execve(2)).
pub const MAX_ARGS_AND_ENV_BYTES: usize = 1_048_576;

/// Packages in one request.
pub const MAX_PACKAGES: usize = 50;
/// Bytes of one package requirement. A name has at most 214 (npm), the rest is a version range.
pub const MAX_PACKAGE_BYTES: usize = 300;
/// Hosts in `policy.allowedHosts`.
pub const MAX_ALLOWED_HOSTS: usize = 100;

/// Wall-clock limit of installing packages, in milliseconds.
pub const INSTALL_TIMEOUT_MS: u32 = 60_000;
/// The runner responds at most this much after the limit of the program, in milliseconds.
pub const GRACE_MS: u32 = 500;
/// The longest time in the queue for a slot before the runner refuses a run as busy, in milliseconds.
pub const MAX_QUEUE_MS: u32 = 10_000;
