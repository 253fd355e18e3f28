//! The secrets of webhooks in the database.

use crate::domain::account::audit::Event;
use crate::domain::account::email::Email;
use crate::domain::timestamp::Timestamp;
use crate::domain::webhook::secret::OVERLAP_MS;
use crate::ports::sql::sql;
use crate::ports::webhooks::{ProjectOwner, StoredSecrets, WebhookLedger};
use crate::ports::{PortError, Row, Sql, Statement};
use crate::store::audit;
use async_trait::async_trait;
use std::rc::Rc;

/// [`WebhookLedger`] over the database of accounts.
pub struct SqlWebhookLedger(pub Rc<dyn Sql>);

#[async_trait(?Send)]
impl WebhookLedger for SqlWebhookLedger {
    async fn secrets(&self, project_id: &str) -> Result<Option<StoredSecrets>, PortError> {
        find(&*self.0, project_id).await
    }

    async fn disable(&self, project_id: &str, at: Timestamp) -> Result<Option<ProjectOwner>, PortError> {
        let disable = "UPDATE webhook_secrets SET disabled_at = coalesce(disabled_at, ?2) \
                       WHERE project_id = ?1 AND created_at < ?2 RETURNING project_id";
        let owner = "SELECT users.email, projects.name FROM projects JOIN users ON users.id = projects.user_id \
                     WHERE projects.id = ?1";
        let mut results = self.0.batch(vec![sql!(disable, project_id, at), sql!(owner, project_id)]).await?;
        let owner = results.pop().and_then(|mut rows| rows.pop());
        if results.pop().is_none_or(|disabled| disabled.is_empty()) {
            return Ok(None);
        }
        let read = |mut row: Row| {
            let email = Email::parse(&row.text()?).map_err(PortError)?;
            Ok(ProjectOwner { email, project_name: row.text()? })
        };
        owner.map(read).transpose()
    }
}

/// The secrets of a project.
pub async fn find(sql: &dyn Sql, project_id: &str) -> Result<Option<StoredSecrets>, PortError> {
    Ok(find_with_owner(sql, project_id).await?.map(|(secrets, _)| secrets))
}

/// The secrets of a project, and the user to whom it belongs; `None` if it has no secret or no owner.
pub async fn find_with_owner(sql: &dyn Sql, project_id: &str) -> Result<Option<(StoredSecrets, String)>, PortError> {
    let query = "SELECT users.id, suspended_at, secret, webhook_secrets.created_at, disabled_at, previous_secret, previous_until \
                 FROM webhook_secrets JOIN projects ON projects.id = webhook_secrets.project_id \
                 JOIN users ON users.id = projects.user_id WHERE project_id = ?1";
    let Some(mut row) = sql.query(sql!(query, project_id)).await?.into_iter().next() else { return Ok(None) };
    let (owner, suspended_at) = (row.text()?, row.optional_time()?);
    Ok(Some((StoredSecrets { is_suspended: suspended_at.is_some(), ..read(row)? }, owner)))
}

/// Stores a new secret of a user's project, and keeps the one before it for a while. Gives what is stored; `None` if the user has
/// no such project.
pub async fn rotate(
    sql: &dyn Sql,
    user_id: &str,
    project_id: &str,
    (sealed, now): (&str, Timestamp),
    event: Event,
) -> Result<Option<StoredSecrets>, PortError> {
    let query = "INSERT INTO webhook_secrets (project_id, secret, created_at) \
                 SELECT id, ?3, ?4 FROM projects WHERE id = ?1 AND user_id = ?2 \
                 ON CONFLICT (project_id) DO UPDATE SET previous_secret = webhook_secrets.secret, previous_until = ?5, \
                 secret = excluded.secret, created_at = excluded.created_at, disabled_at = NULL \
                 RETURNING secret, created_at, disabled_at, previous_secret, previous_until";
    let rotate = sql!(query, project_id, user_id, sealed, now, now.plus_ms(OVERLAP_MS));
    let mut results = sql.batch(vec![rotate, audit::insert_if_project_exists(event)]).await?;
    results.swap_remove(0).into_iter().next().map(read).transpose()
}

/// Deletes the secrets of a user's project.
pub async fn delete(sql: &dyn Sql, user_id: &str, project_id: &str, event: Event) -> Result<(), PortError> {
    let query = "DELETE FROM webhook_secrets WHERE project_id = \
                 (SELECT id FROM projects WHERE id = ?1 AND user_id = ?2)";
    sql.batch(vec![sql!(query, project_id, user_id), audit::insert_if_project_exists(event)]).await.map(drop)
}

/// Deletes the secrets of a user's project, in the transaction that deletes the project.
pub fn leave_behind(user_id: &str, project_id: &str) -> Statement {
    let query = "DELETE FROM webhook_secrets WHERE project_id = \
                 (SELECT id FROM projects WHERE id = ?1 AND user_id = ?2)";
    sql!(query, project_id, user_id)
}

/// Secrets that do not lie in a range of encrypted texts, in the order of their projects, beginning after the project `after`.
pub async fn outside(
    sql: &dyn Sql,
    (first, end): &(String, String),
    after: &str,
    at_most: u32,
) -> Result<Vec<(String, StoredSecrets)>, PortError> {
    let query = "SELECT project_id, secret, created_at, disabled_at, previous_secret, previous_until FROM webhook_secrets \
                 WHERE (secret < ?1 OR secret >= ?2) AND project_id > ?3 ORDER BY project_id LIMIT ?4";
    let rows = sql.query(sql!(query, first, end, after, at_most)).await?;
    rows.into_iter().map(|mut row| Ok((row.text()?, read(row)?))).collect()
}

/// Replaces the encrypted texts of the secrets of a project, unless there is a new secret meanwhile.
pub async fn reseal(
    sql: &dyn Sql,
    project_id: &str,
    before: &str,
    (sealed, previous): (&str, Option<String>),
) -> Result<(), PortError> {
    let query = "UPDATE webhook_secrets SET secret = ?3, previous_secret = coalesce(?4, previous_secret) \
                 WHERE project_id = ?1 AND secret = ?2";
    sql.query(sql!(query, project_id, before, sealed, previous)).await.map(drop)
}

/// Deletes secrets that sign no more.
pub async fn purge_previous(sql: &dyn Sql, now: Timestamp) -> Result<(), PortError> {
    let query = "UPDATE webhook_secrets SET previous_secret = NULL, previous_until = NULL WHERE previous_until <= ?1";
    sql.query(sql!(query, now)).await.map(drop)
}

fn read(mut row: Row) -> Result<StoredSecrets, PortError> {
    let (sealed, created_at, disabled_at) = (row.text()?, row.time()?, row.optional_time()?);
    let previous = row.optional_text()?.zip(row.optional_time()?);
    Ok(StoredSecrets { sealed, created_at, previous, disabled_at, is_suspended: false })
}
