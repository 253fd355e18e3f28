//! What the logs of runs ask of the database, and the copies that they write into it.

use crate::domain::project::guard::Guard;
use crate::domain::usage_log::name::LogId;
use crate::ports::{LogCopy, LogLedger, PortError, Sql};
use crate::store::{projects, usage};
use async_trait::async_trait;
use std::rc::Rc;

/// [`LogLedger`] over the database of accounts.
pub struct SqlLogLedger {
    pub sql: Rc<dyn Sql>,
}

#[async_trait(?Send)]
impl LogLedger for SqlLogLedger {
    async fn project(&self, log: LogId) -> Result<Option<Guard>, PortError> {
        let rows = self.sql.query(projects::select_guard(log)).await?;
        projects::read_guard(rows)
    }

    async fn write(&self, copy: &LogCopy) -> Result<Option<Guard>, PortError> {
        let mut statements = vec![projects::select_guard(copy.log.log)];
        statements.extend(usage::write(copy));
        let mut results = self.sql.batch(statements).await?;
        projects::read_guard(results.swap_remove(0))
    }
}
