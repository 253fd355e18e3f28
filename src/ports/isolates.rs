//! Where scripts run.

use crate::ports::error::PortError;
use async_trait::async_trait;
use docle_protocol::isolate::{Diagnostics, IsolateJob, IsolateLanguages, Script};
use serde_json::value::RawValue;

/// The isolate tier.
#[async_trait(?Send)]
pub trait Isolates {
    /// Runs a script, and returns its [`docle_protocol::isolate::IsolateReport`] as undecoded JSON. After an error the
    /// script may have run.
    async fn execute(&self, job: &IsolateJob) -> Result<Box<RawValue>, PortError>;
    /// What is wrong with a script.
    async fn validate(&self, script: &Script) -> Result<Diagnostics, PortError>;
    /// The languages of scripts.
    async fn languages(&self) -> Result<IsolateLanguages, PortError>;
}
