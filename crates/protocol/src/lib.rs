//! The protocol between the Worker and the runner, and between the Worker and the isolate Worker.
//!
//! Reading order: [`job`] is the request to the runner, [`event`] its response, which is a stream, [`report`] the end of that
//! stream, [`refusal`] its error response, [`input`] what goes to an interactive run beside its input. [`headers`] defines paths and headers, [`health`] the health check, [`limits`] the limits
//! that both sides enforce. [`sandbox`] defines the requests about persistent sandboxes, [`tree`] how their files are saved,
//! and [`context`] those about interpreters in them. [`isolate`] defines the requests and responses of the isolate Worker, [`hosts`] the matching of
//! allow-lists, [`byte_range`] the header `Range` of those who serve files. All messages are JSON in camelCase, and `…_format_unchanged` tests pin them. A change of a layout raises
//! [`version::VERSION`], unless it adds a field that the other side may ignore.

mod ascii_json;
pub mod byte_range;
pub mod context;
pub mod event;
pub mod file;
pub mod headers;
pub mod health;
pub mod hosts;
pub mod input;
pub mod isolate;
pub mod job;
pub mod limits;
pub mod refusal;
pub mod report;
pub mod sandbox;
pub mod tree;
pub mod version;

pub use ascii_json::ascii_json;
pub use event::{Piece, RunEvent, Stage, Stream};
pub use health::RunnerHealth;
pub use input::InputControl;
pub use job::{
    Artifacts, AttachedFile, Compile, Limits, Network, Repository, RunCell, RunJob, RunLanguage, SourceFile,
    TerminalSize,
};
pub use refusal::{Refusal, RefusalCode};
pub use report::{RunDetails, RunReport, RunStatus, RunUsage, Truncated};
pub use version::VERSION;
