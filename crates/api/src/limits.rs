//! The numbers that requests are held to, and what stands for a field that a request leaves out.
//!
//! Sources: the REST reference of the product (timeouts, files) and the platforms underneath (sizes).

use std::ops::RangeInclusive;

/// Wall-clock limit of the program itself, in milliseconds; installing packages has a clock of its own.
pub const TIMEOUT_MS: RangeInclusive<u32> = 100..=300_000;
/// Used when a request names no `policy.timeoutMs`.
pub const DEFAULT_TIMEOUT_MS: u32 = 3_000;

/// Memory of the whole process tree together with the files it writes, in MiB.
pub const MEMORY_MB: RangeInclusive<u32> = 16..=2_048;
/// Used when a request names no `policy.memoryMB`.
pub const DEFAULT_MEMORY_MB: u32 = 256;

/// Bytes kept of each output stream; the run ends when one stream passes it.
pub const MAX_OUTPUT_BYTES: RangeInclusive<u32> = 1_024..=10_485_760;
/// Used when a request names no `policy.maxOutputBytes`.
pub const DEFAULT_MAX_OUTPUT_BYTES: u32 = 1_048_576;

/// Files in one request.
pub const MAX_FILES: usize = 1_000;
/// Bytes of one relative path. Linux stops at 4,096 for the absolute one; 1,024 leaves room for the prefix.
pub const MAX_PATH_BYTES: usize = 1_024;
/// Bytes of one path segment: `NAME_MAX` of every Linux file system in use.
pub const MAX_NAME_BYTES: usize = 255;
/// Bytes of a whole request body. A Worker isolate has 128 MB and holds the body about six times while it is
/// read, parsed and forwarded (received, decoded, parsed, encoded, as a JavaScript string, sent): 6 × 10 MiB
/// leaves half the isolate to its neighbours.
pub const MAX_BODY_BYTES: usize = 10 * 1_024 * 1_024;
/// Bytes of a body that describes an account, a project, a key or a room.
pub const MAX_SETTINGS_BYTES: usize = 64 * 1_024;

/// Command-line arguments of one run.
pub const MAX_ARGS: usize = 256;
/// Environment variables of one run.
pub const MAX_ENV: usize = 256;
/// Bytes of one argument, or of one variable's `NAME=value`. Linux allows 128 KiB for one string
/// (`MAX_ARG_STRLEN`, execve(2)).
pub const MAX_ARG_BYTES: usize = 65_536;
/// Bytes of all arguments and variables together; Linux allows a quarter of the 8 MiB stack (execve(2)).
pub const MAX_ARGS_AND_ENV_BYTES: usize = 1_048_576;

/// Columns and rows of a terminal. The kernel takes up to 65,535; programs that draw hold a cell for each character, and a
/// million cells are more than any screen has.
pub const TERMINAL_CELLS: RangeInclusive<u16> = 1..=1_000;

/// Processor time of a run, in milliseconds: up to four processors for the longest run.
pub const CPU_MS: RangeInclusive<u32> = 10..=1_200_000;
/// Size of one file of a program, in MiB: up to the largest memory, which files count for.
pub const MAX_FILE_MB: RangeInclusive<u32> = 1..=2_048;
/// Refused servers that a result names.
pub const MAX_REFUSED: usize = 20;

/// Wall-clock limit of a compilation, in milliseconds.
pub const COMPILE_TIMEOUT_MS: RangeInclusive<u32> = 1_000..=60_000;
/// Used when a request names no `compile.timeoutMs`.
pub const DEFAULT_COMPILE_TIMEOUT_MS: u32 = 30_000;
/// Memory of a compilation together with the files it writes, in MiB.
pub const COMPILE_MEMORY_MB: RangeInclusive<u32> = 64..=2_048;
/// Used when a request names no `compile.memoryMB`. The hungriest of the compilers needs 300 MiB for a small program.
pub const DEFAULT_COMPILE_MEMORY_MB: u32 = 768;
/// Options of a compilation.
pub const MAX_COMPILE_OPTIONS: usize = 64;
/// Bytes of one option of a compilation.
pub const MAX_COMPILE_OPTION_BYTES: usize = 256;
/// Bytes of what a compiler writes to one stream, as JSON, that a result contains.
pub const MAX_COMPILE_BYTES: usize = 8 * 1_024;

/// Patterns of `artifacts` in one request.
pub const MAX_ARTIFACT_PATTERNS: usize = 20;
/// Files that one run hands back.
pub const MAX_ARTIFACTS: usize = 20;
/// Bytes of one file that a run hands back.
pub const MAX_ARTIFACT_BYTES: u64 = 10 * 1_024 * 1_024;
/// Bytes of all files that a run hands back.
pub const MAX_ARTIFACTS_BYTES: u64 = 25 * 1_024 * 1_024;
/// Bytes of one file that a result may contain.
pub const MAX_INLINE_ARTIFACT_BYTES: u64 = 256 * 1_024;
/// Bytes of all files that a result may contain. The Worker holds them, in base64, until the run has ended: a hundredth of
/// an isolate's 128 MiB.
pub const MAX_INLINE_ARTIFACTS_BYTES: u64 = 1_024 * 1_024;

/// Runs of one batch, and tests of one judgement. Each is up to three calls to other parts of the service, and a Worker may
/// make 1,000 for one request.
pub const MAX_BATCH_RUNS: usize = 100;
/// Bytes of the name of a test.
pub const MAX_TEST_NAME_BYTES: usize = 200;
/// Points of one test.
pub const POINTS: RangeInclusive<u32> = 0..=1_000_000;
/// Used when a test names no `points`.
pub const DEFAULT_POINTS: u32 = 1;
/// Used when a test names no `epsilon`: what most judges of numeric problems allow.
pub const DEFAULT_EPSILON: f64 = 1e-6;
/// Bytes of a regular expression of a test.
pub const MAX_PATTERN_BYTES: usize = 1_024;
/// Bytes of each output stream that the result of a batch contains for one run. The Worker holds the results of up to 100 runs
/// until those before them have ended: 100 × 2 × 64 KiB are 13 MB of an isolate's 128 MB.
pub const MAX_BATCH_OUTPUT_BYTES: usize = 64 * 1_024;

/// Bytes of the URL of a repository.
pub const MAX_REPOSITORY_URL_BYTES: usize = 1_024;
/// Bytes of the name of a branch or tag: file systems of git servers take no more for one.
pub const MAX_REF_BYTES: usize = 255;
/// Bytes of a token that opens a repository. Those of the large services have about a hundred; some are signed claims.
pub const MAX_REPOSITORY_TOKEN_BYTES: usize = 1_024;
/// Files and directories of a repository that a run starts with. A run may have 32,768 in all.
pub const MAX_REPOSITORY_FILES: usize = 10_000;
/// Bytes of these files. They never pass through a Worker, so the limit of a body does not apply: they are in the memory of the
/// run, of which the default of 256 MiB leaves 192 MiB for files.
pub const MAX_REPOSITORY_BYTES: u64 = 64 * 1_024 * 1_024;
/// Bytes that a server may send for one commit, packed. A subdirectory may be a small part of it.
pub const MAX_REPOSITORY_PACK_BYTES: u64 = 256 * 1_024 * 1_024;

/// Packages in one request.
pub const MAX_PACKAGES: usize = 50;
/// Packages of one run: those of the request together with those that its files list. A lock of an application, as
/// `pip freeze` writes it, has one or two hundred lines.
pub const MAX_LISTED_PACKAGES: usize = 200;
/// Bytes of one package requirement. A name has at most 214 (npm), the rest is a version range.
pub const MAX_PACKAGE_BYTES: usize = 300;
/// Hosts in `policy.allowedHosts`.
pub const MAX_ALLOWED_HOSTS: usize = 100;
/// Bytes of a `userContext` as JSON: enough for an identity and some tags, which are stored with every run.
pub const MAX_USER_CONTEXT_BYTES: usize = 8 * 1_024;
/// Characters of an `Idempotency-Key`.
pub const IDEMPOTENCY_KEY_CHARS: RangeInclusive<usize> = 1..=255;

/// Detached runs of one project that have not ended.
pub const MAX_DETACHED_RUNS: u32 = 200;
/// How long a detached run waits for a slot at most, in milliseconds.
pub const DETACHED_QUEUE_MS: u32 = 600_000;
/// How long a detached run may ask to wait for a slot, in milliseconds.
pub const QUEUE_TIMEOUT_MS: RangeInclusive<u32> = 1_000..=DETACHED_QUEUE_MS;
/// Bytes of the URL of a webhook.
pub const MAX_WEBHOOK_URL_BYTES: usize = 2_048;
/// Events of one webhook: as many as there are.
pub const MAX_WEBHOOK_EVENTS: usize = 1;
/// Bytes of each output stream in the report of a webhook. The rest is in the result of the run.
pub const MAX_WEBHOOK_OUTPUT_BYTES: usize = 64 * 1_024;
/// Bytes of a script's code: 100 KB, the limit that the product names.
pub const MAX_CODE_BYTES: usize = 102_400;
/// Bytes of `context` as JSON. An isolate's environment holds 1 MiB at most; a quarter is room enough for arguments.
pub const MAX_CONTEXT_BYTES: usize = 262_144;
/// Wall-clock limit of a script, in milliseconds.
pub const SCRIPT_TIMEOUT_MS: RangeInclusive<u32> = 10..=60_000;
/// Used when a request names no `config.timeout`; the product's default.
pub const DEFAULT_SCRIPT_TIMEOUT_MS: u32 = 30_000;
/// Entries in each list of `allowedDomains` of scripts.
pub const MAX_SCRIPT_DOMAINS: usize = 100;
/// Characters of the name of a project's database.
pub const MAX_DATABASE_CHARS: usize = 32;
/// Executions that `offset` may leave out; a caller that goes further back follows cursors.
pub const OFFSET: RangeInclusive<u32> = 0..=10_000;

/// Items that a caller may ask for at once.
pub const PAGE_LIMIT: RangeInclusive<u32> = 1..=100;
/// Used when a request names no `limit`.
pub const DEFAULT_PAGE_LIMIT: u32 = 50;

/// Calls a minute that a key may let through.
pub const RATE_LIMIT: RangeInclusive<u32> = 1..=10_000;
/// Of a key that names none.
pub const DEFAULT_RATE_LIMIT: u32 = 60;
/// The same for a publishable key.
pub const DEFAULT_PUBLISHABLE_RATE_LIMIT: u32 = 30;
/// Calls a minute that a publishable key lets through from one network, unless its owner says otherwise.
pub const DEFAULT_NETWORK_RATE_LIMIT: u32 = 10;
/// How far away the end of a key may be that may stand in URLs, in days.
pub const MAX_URL_KEY_DAYS: i64 = 90;
/// How many days a management token lasts at most.
pub const MAX_MANAGEMENT_DAYS: i64 = 365;
/// How many days a management token lasts that names no end.
pub const DEFAULT_MANAGEMENT_DAYS: i64 = 90;
/// The most calls a minute of such a key.
pub const MAX_URL_KEY_RATE_LIMIT: u32 = 60;
/// The time limit of a run with a publishable key, unless its owner says otherwise, in milliseconds.
pub const DEFAULT_PUBLISHABLE_TIMEOUT_MS: u32 = 10_000;
/// The memory limit of a run with a publishable key, unless its owner says otherwise, in mebibytes.
pub const DEFAULT_PUBLISHABLE_MEMORY_MB: u32 = 256;
/// Characters of the name of a project or a key.
pub const MAX_NAME_CHARS: usize = 100;
/// Hosts that one key may list.
pub const MAX_KEY_DOMAINS: usize = 100;
/// How long an old key may go on working beside its successor: 30 days.
pub const OVERLAP_SECONDS: RangeInclusive<u32> = 0..=2_592_000;
/// A day, in which every place that uses the key can be told.
pub const DEFAULT_OVERLAP_SECONDS: u32 = 86_400;
/// What a judge is called that was given no name.
pub const DEFAULT_JUDGE_NAME: &str = "Judge";
/// Judges of a project: with their bytes below, 25 MiB of the database.
pub const MAX_JUDGES_PER_PROJECT: u32 = 100;
/// Bytes of the JSON of a judge. A row of D1 has at most 2 MB.
pub const MAX_JUDGE_BYTES: usize = 262_144;
/// Tests of a judge that a publishable key may use: each is a run, and everybody who opens a page has its key.
pub const MAX_PUBLISHABLE_TESTS: usize = 20;
/// Characters of what a program that signs in calls itself: it fits in a line of the page.
pub const MAX_CLIENT_ID_CHARS: usize = 64;
/// The longest address that can be written into an SMTP path (RFC 5321, section 4.5.3.1.3).
pub const MAX_EMAIL_BYTES: usize = 254;

/// The longest path of a page that follows after signing in.
pub const MAX_NEXT_PAGE_BYTES: usize = 1_000;

/// How long a token may be good for: long enough for an interview, a day at most.
pub const TOKEN_SECONDS: RangeInclusive<u32> = 60..=86_400;
/// Used for a room token when a request names no `ttlSeconds`.
pub const DEFAULT_TOKEN_SECONDS: u32 = 3_600;
/// The same for a run token, whose holder may ask for a new one at any time.
pub const DEFAULT_RUN_TOKEN_SECONDS: u32 = 600;
/// The longest origin: a host has at most 253 characters (RFC 1035, section 2.3.4), and a scheme and a port go with it.
pub const MAX_ORIGIN_BYTES: usize = 268;
/// Characters of a name in a room, as people see it beside a cursor.
pub const MAX_ROOM_NAME_CHARS: usize = 40;
/// Characters of a language, a path or a colour in a message to a room.
pub const MAX_ROOM_WORD_CHARS: usize = 255;
/// Rooms of one project. The deletion of a project deletes them all at once, and a Worker may make 1,000 calls for one
/// request.
pub const MAX_ROOMS_PER_PROJECT: u32 = 500;
/// Days after its last use when a project's room deletes itself.
pub const MAX_UNUSED_ROOM_DAYS: i64 = 90;
/// Packages in a message to a room.
pub const MAX_ROOM_PACKAGES: usize = 100;

/// Sandboxes of one project. The deletion of a project deletes them all at once, and a Worker may make 1,000 calls for one
/// request.
pub const MAX_SANDBOXES_PER_PROJECT: u32 = 500;
/// Snapshots of one sandbox. Each keeps a row with the names of its packs, and all rows are read for each save.
pub const MAX_SNAPSHOTS_PER_SANDBOX: u32 = 100;
/// Paths of a snapshot that one call restores.
pub const MAX_RESTORED_PATHS: usize = 1_000;
/// Characters of the description of a sandbox.
pub const MAX_DESCRIPTION_CHARS: usize = 1_000;
/// Characters of the key of a sandbox.
pub const MAX_SANDBOX_KEY_CHARS: usize = 128;
/// Bytes of a path in a sandbox: `PATH_MAX` of Linux without its NUL.
pub const MAX_SANDBOX_PATH_BYTES: usize = 4_095;
/// Memory of all programs of a sandbox, in mebibytes.
pub const SANDBOX_MEMORY_MB: RangeInclusive<u32> = 64..=2_048;
/// Used when a request names no `memoryMB`.
pub const DEFAULT_SANDBOX_MEMORY_MB: u32 = 512;
/// All files of a sandbox, in mebibytes. They are in memory, of which a container has 4 GiB.
pub const SANDBOX_DISK_MB: RangeInclusive<u32> = 16..=2_048;
/// Used when a request names no `diskMB`.
pub const DEFAULT_SANDBOX_DISK_MB: u32 = 1_024;
/// Seconds without a call after which a sandbox sleeps. The platform lets a container go on without its object for 6 hours.
pub const SLEEP_AFTER_SECONDS: RangeInclusive<u32> = 1..=21_600;
/// Used when a request names no `sleepAfter`.
pub const DEFAULT_SLEEP_AFTER_SECONDS: u32 = 600;
/// Seconds after the first unsaved change after which a sandbox is saved at the latest.
pub const SAVE_EVERY_SECONDS: RangeInclusive<u32> = 1..=600;
/// Used when a request names no `saveEverySeconds`.
pub const DEFAULT_SAVE_EVERY_SECONDS: u32 = 60;
/// Bytes of the code of a cell.
pub const MAX_CODE_CELL_BYTES: usize = 1_048_576;
/// Used when a command names no `timeoutMs`.
pub const DEFAULT_EXEC_TIMEOUT_MS: u32 = 30_000;
/// Characters of the id of a session of a sandbox.
pub const MAX_SESSION_ID_CHARS: usize = 64;
/// Characters of a token of a port that the caller chooses. The name of a host has at most 63 before its first dot.
pub const MAX_PORT_TOKEN_CHARS: usize = 16;
/// Characters of the name of a port.
pub const MAX_PORT_NAME_CHARS: usize = 128;
/// Ports that a sandbox exposes at once.
pub const MAX_PORTS_PER_SANDBOX: usize = 64;
/// Characters of the name of a process in the background.
pub const MAX_PROCESS_NAME_CHARS: usize = 128;
/// The time limit of a process in the background, which has none where a request names none: a day at most.
pub const PROCESS_TIMEOUT_MS: RangeInclusive<u32> = 100..=86_400_000;
/// Text that goes to the standard input of a process in one request.
pub const MAX_STDIN_BYTES: usize = 1_024 * 1_024;
/// How long a request may wait for what a process does.
pub const WAIT_TIMEOUT_MS: RangeInclusive<u32> = 1..=300_000;
/// Used when a request that waits names no `timeoutMs`.
pub const DEFAULT_WAIT_TIMEOUT_MS: u32 = 30_000;
/// Bytes of a text or regular expression that a line of output is compared with.
pub const MAX_LOG_PATTERN_BYTES: usize = 1_000;
/// The time limit of a file that is run, in seconds.
pub const EXECUTE_SECONDS: RangeInclusive<u32> = 1..=300;
/// Used when a file that is run has no `timeout`.
pub const DEFAULT_EXECUTE_SECONDS: u32 = 30;
/// Bytes of a file whose content stands in JSON. Larger ones are read as they are.
pub const MAX_JSON_FILE_BYTES: usize = 1_024 * 1_024;
/// Entries of a directory in one list.
pub const MAX_LISTED_FILES: u32 = 5_000;

/// Bytes of what is looked for in the files of a sandbox.
pub const MAX_SEARCH_BYTES: usize = 1_024;
/// Results of one search, and where nothing is said.
pub const SEARCH_LIMIT: RangeInclusive<u32> = 1..=1_000;
pub const DEFAULT_SEARCH_LIMIT: u32 = 100;

/// Commits of the history that a checkout brings along, and where nothing is said.
pub const CHECKOUT_DEPTH: RangeInclusive<u32> = 1..=1_000;
pub const DEFAULT_CHECKOUT_DEPTH: u32 = 1;
