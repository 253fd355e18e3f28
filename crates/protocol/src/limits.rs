//! The numbers that both sides of the wire hold a run to. Those of requests are the API's own.

pub use docle_api::limits::{
    COMPILE_MEMORY_MB, COMPILE_TIMEOUT_MS, CPU_MS, DEFAULT_COMPILE_MEMORY_MB, DEFAULT_COMPILE_TIMEOUT_MS,
    DEFAULT_MAX_OUTPUT_BYTES, DEFAULT_MEMORY_MB, DEFAULT_TIMEOUT_MS, MAX_ALLOWED_HOSTS, MAX_ARG_BYTES, MAX_ARGS,
    MAX_ARGS_AND_ENV_BYTES, MAX_ARTIFACT_BYTES, MAX_ARTIFACT_PATTERNS, MAX_ARTIFACTS, MAX_ARTIFACTS_BYTES,
    MAX_BODY_BYTES, MAX_COMPILE_BYTES, MAX_COMPILE_OPTION_BYTES, MAX_COMPILE_OPTIONS, MAX_ENV, MAX_FILE_MB, MAX_FILES,
    MAX_INLINE_ARTIFACT_BYTES, MAX_INLINE_ARTIFACTS_BYTES, MAX_NAME_BYTES, MAX_OUTPUT_BYTES, MAX_PACKAGE_BYTES,
    MAX_PACKAGES, MAX_PATH_BYTES, MAX_REF_BYTES, MAX_REFUSED, MAX_REPOSITORY_BYTES, MAX_REPOSITORY_FILES,
    MAX_REPOSITORY_PACK_BYTES, MAX_REPOSITORY_TOKEN_BYTES, MAX_REPOSITORY_URL_BYTES, MEMORY_MB, TERMINAL_CELLS,
    TIMEOUT_MS,
};

/// Bytes of a job. Encoding a body again can only make it longer where it contains control characters, which escapes make
/// six times as long (`\u00XX`); four times the body is generous.
pub const MAX_JOB_BYTES: usize = 4 * MAX_BODY_BYTES;

/// Wall-clock limit of installing packages, in milliseconds.
pub const INSTALL_TIMEOUT_MS: u32 = 60_000;
/// Wall-clock limit of fetching a repository, in milliseconds.
pub const FETCH_TIMEOUT_MS: u32 = 60_000;
/// The runner responds at most this much after the limit of the program, in milliseconds.
pub const GRACE_MS: u32 = 500;
/// The longest time in the queue for a slot before the runner refuses a run as busy, in milliseconds.
pub const MAX_QUEUE_MS: u32 = 10_000;
