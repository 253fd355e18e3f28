//! What the operator has decided about accounts, and what belongs to them.

use crate::domain::account::quota::Quota;
use crate::domain::timestamp::{DAY_MS, Timestamp};
use crate::ports::accounts::{AccountLedger, Standing};
use crate::ports::sql::sql;
use crate::ports::{PortError, Row, Sql};
use async_trait::async_trait;
use std::rc::Rc;

/// [`AccountLedger`] over the database of accounts.
pub struct SqlAccountLedger(pub Rc<dyn Sql>);

#[async_trait(?Send)]
impl AccountLedger for SqlAccountLedger {
    async fn standing(&self, account: &str) -> Result<Option<Standing>, PortError> {
        let query = "SELECT trusted, suspended_at FROM users WHERE id = ?1";
        let read = |row: &mut Row| {
            Ok(Standing { is_trusted: row.integer()? != 0, is_suspended: row.optional_time()?.is_some() })
        };
        self.0.query(sql!(query, account)).await?.first_mut().map(read).transpose()
    }

    async fn owner_of(&self, project_id: &str) -> Result<Option<String>, PortError> {
        let query = "SELECT user_id FROM projects WHERE id = ?1";
        let mut rows = self.0.query(sql!(query, project_id)).await?;
        Ok(rows.first_mut().map(Row::optional_text).transpose()?.flatten())
    }
}

/// How much an account has of what is counted in the database.
pub async fn count(sql: &dyn Sql, user_id: &str, quota: Quota, now: Timestamp) -> Result<u64, PortError> {
    let query = match quota {
        Quota::Projects => "SELECT COUNT(*) FROM projects WHERE user_id = ?1",
        // Those that have ended within the last day count as well, so that nobody makes and revokes keys without end.
        Quota::Keys => {
            "SELECT COUNT(*) FROM api_keys JOIN projects ON projects.id = api_keys.project_id WHERE projects.user_id = ?1 \
             AND (revoked_at IS NULL OR revoked_at > ?2) AND (expires_at IS NULL OR expires_at > ?2)"
        }
        Quota::Rooms => {
            "SELECT COUNT(*) FROM rooms JOIN projects ON projects.id = rooms.project_id WHERE projects.user_id = ?1"
        }
        Quota::Sandboxes => {
            "SELECT COUNT(*) FROM sandboxes JOIN projects ON projects.id = sandboxes.project_id WHERE projects.user_id = ?1"
        }
        Quota::SandboxMegabytes => {
            "SELECT COALESCE(SUM(stored_bytes), 0) / 1000000 FROM sandboxes \
             JOIN projects ON projects.id = sandboxes.project_id WHERE projects.user_id = ?1"
        }
        _ => return Ok(0),
    };
    let statement = match quota {
        Quota::Keys => sql!(query, user_id, key_horizon(now)),
        _ => sql!(query, user_id),
    };
    let count = sql.query(statement).await?.first_mut().map(Row::integer).transpose()?;
    Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}

/// A key that has ended before this time is not counted any more.
pub fn key_horizon(now: Timestamp) -> Timestamp {
    now.plus_ms(-DAY_MS)
}
