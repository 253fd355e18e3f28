//! What the application needs from outside, named for its use.
//!
//! [`crate::platform`] and [`crate::objects`] implement every port over the Workers runtime; tests implement them with
//! SQLite, with the objects' own logic, and with fakes that wait and fail. An error of a port is for the log; the code
//! that handles it decides what the client reads.

pub mod accounts;
pub mod address_limiter;
pub mod artifacts;
pub mod client_signal;
pub mod container;
pub mod contexts;
pub mod error;
pub mod event_reader;
pub mod fleet;
pub mod http_messages;
pub mod isolates;
pub mod key_gates;
pub mod kv;
pub mod mail;
pub mod object;
pub mod pool_members;
pub mod previews;
pub mod room_sockets;
pub mod rooms;
pub mod run_pools;
pub mod runner;
pub mod runtime;
pub mod sandbox_names;
pub mod sandboxes;
pub mod site_files;
pub mod snapshots;
pub mod socket;
pub mod spool;
pub mod sql;
pub mod usage_logs;
pub mod webhooks;

pub use client_signal::ClientSignal;
pub use container::Container;
pub use error::PortError;
pub use key_gates::{KeyGates, KeyLedger};
pub use kv::Kv;
pub use mail::Mailer;
pub use object::ObjectStorage;
pub use pool_members::{EventStream, Lease, PoolMembers, RunLease, SentJob};
pub use run_pools::{
    EncodedJob, FirstCall, FollowedRun, IdempotentCall, ListedRun, PendingRun, PoolFailure, PoolFailureCode, RunAnswer,
    RunCall, RunMode, RunPools,
};
pub use runner::{RunnerHttp, RunnerRequest, RunnerResponse, SendError};
pub use runtime::{Background, Clock, Entropy, Level, Log};
pub use socket::Socket;
pub use sql::{LocalSql, Row, Sql, SqlValue, Statement};
pub use usage_logs::{FoundRecord, LogCopy, LogLedger, UsageLogs};
