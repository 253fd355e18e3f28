//! What the Worker and the runner say to each other: the types, the limits and the version of the wire.
//!
//! Reading order: [`job`] is the question, [`report`] the answer, [`event`] the same answer in pieces,
//! [`refusal`] what comes back when the runner will not run, [`limits`] the numbers both sides agree on and
//! [`headers`] how a request is addressed. [`isolate`] is question and answer of the isolate Worker, [`hosts`] what a
//! list of hosts means. Everything is JSON, camelCase, and pinned by `…_format_unchanged` tests: whoever changes a layout
//! raises [`VERSION`], unless the other side does as well without the addition.

pub mod event;
pub mod headers;
pub mod health;
pub mod hosts;
pub mod isolate;
pub mod job;
pub mod limits;
pub mod refusal;
pub mod report;

pub use event::RunEvent;
pub use health::RunnerHealth;
pub use job::{Limits, Network, RunJob, RunLanguage, SourceFile};
pub use refusal::{Refusal, RefusalCode};
pub use report::{RunReport, RunStatus, RunUsage, Truncated};

/// The version of this protocol. Worker and runner refuse each other when theirs differ, because a container
/// image and a Worker are deployed separately and may meet in any combination for a while.
pub const VERSION: u32 = 1;
