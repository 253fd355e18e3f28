//! The rights of one execution, which travel as the properties of a stub.

use docle_protocol::isolate::{IsolateJob, RuntimeApi};
use serde::{Deserialize, Serialize};

/// What one execution may reach outside of its isolate. Only this Worker can make a stub with these properties, and a
/// script that holds the stub cannot change them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// The execution's id.
    pub run: String,
    pub project: String,
    pub apis: Vec<RuntimeApi>,
    pub allowed_domains: Vec<Vec<String>>,
    pub database: Option<String>,
    /// When the script's time is up, in milliseconds since 1970.
    pub deadline: f64,
}

impl Grant {
    /// The grant of a job that starts at `now`, in milliseconds since 1970.
    pub fn of(job: &IsolateJob, now: u64) -> Self {
        Self {
            run: job.id.clone(),
            project: job.project_id.clone(),
            apis: job.apis.clone(),
            allowed_domains: job.allowed_domains.clone(),
            database: job.database.clone(),
            deadline: (now + u64::from(job.timeout_ms)) as f64,
        }
    }
}
