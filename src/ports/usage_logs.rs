//! The logs of the projects' runs, and the database behind them.

use crate::domain::project::guard::Guard;
use crate::domain::run::finished::FinishedRun;
use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::domain::usage_log::name::{LogId, LogName};
use crate::domain::usage_log::query::{Erased, HistoryQuery, HourCount, Hours, UsageCounts, UsageRun};
use crate::ports::error::PortError;
use async_trait::async_trait;

/// The logs of the projects' runs. [`Self::history`], [`Self::counts`] and [`Self::erase_end_user`] see all runs that this
/// isolate has submitted before.
#[async_trait(?Send)]
pub trait UsageLogs {
    /// Submits a finished run together with others of the same log that end soon. If the log fails, the pool of the project
    /// keeps the runs and submits them later.
    async fn submit(&self, run: FinishedRun) -> Result<(), PortError>;
    /// Stores finished runs of one log: they can be read at once. Runs of a project that is gone, or of an end user who was
    /// deleted after they had begun, are dropped. It may be repeated, and counts each run once.
    async fn submit_all(&self, log: LogName, runs: &[FinishedRun]) -> Result<(), PortError>;
    /// The record of a run; `None` if it is not kept.
    async fn record(&self, id: RunId) -> Result<Option<FoundRecord>, PortError>;
    /// A part of the project's runs.
    async fn history(&self, log: LogName, query: &HistoryQuery) -> Result<Vec<UsageRun>, PortError>;
    /// The counts of the project's runs.
    async fn counts(&self, log: LogName, hours: Hours) -> Result<UsageCounts, PortError>;
    /// Deletes runs for an end user with their results, wherever these are, as many as one call can; the database's copy names
    /// none of them after it. It may be repeated, and is to be repeated after an error and until it is complete.
    async fn erase_end_user(&self, log: LogName, end_user_id: &str) -> Result<Erased, PortError>;
    /// Makes the log read the project's settings again: no read after this one is decided by older settings.
    async fn refresh(&self, log: LogName) -> Result<(), PortError>;
    /// Deletes the log of a project that is gone. From now on it answers nothing and keeps nothing. `false` means that values
    /// in KV are left: the log goes on deleting by itself. It may be repeated.
    async fn delete(&self, log: LogName) -> Result<bool, PortError>;
}

/// A record that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRecord {
    pub guard: Guard,
    /// See [`crate::domain::run::record::encode`]; `None` when KV has it.
    pub record: Option<Vec<u8>>,
}

/// The database, as a log uses it. It has a copy of the log's counts by hour and of its latest runs, which may be some
/// seconds old. The log itself is exact.
#[async_trait(?Send)]
pub trait LogLedger {
    /// The project whose log it is; `None` if it is gone.
    async fn project(&self, log: LogId) -> Result<Option<Guard>, PortError>;
    /// Writes a copy, and reads the project again. It may be repeated, and arrive late: counts only grow, an older list of runs
    /// replaces no newer one, and nothing is written for a project that is gone.
    async fn write(&self, copy: &LogCopy) -> Result<Option<Guard>, PortError>;
}

/// What the database gets of a log. All values are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogCopy {
    pub log: LogName,
    /// When it was made.
    pub at: Timestamp,
    /// The counts that have changed.
    pub hours: Vec<HourCount>,
    /// The latest runs, the newest first, without user context and address.
    pub recent: Vec<UsageRun>,
}
