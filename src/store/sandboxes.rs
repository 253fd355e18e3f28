//! Sandboxes of projects in the database.

use crate::domain::input::page::{Page, Position};
use crate::domain::sandbox::id::SandboxId;
use crate::domain::timestamp::Timestamp;
use crate::ports::sandboxes::{SandboxDirectory, SandboxOf};
use crate::ports::sql::sql;
use crate::ports::{PortError, Row, Sql, Statement};
use async_trait::async_trait;
use docle_api::sandboxes::SandboxStatus;
use docle_languages::RunLanguage;
use std::rc::Rc;

/// A sandbox in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSandbox {
    pub id: SandboxId,
    pub project_id: String,
    pub key: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub language: RunLanguage,
    pub status: SandboxStatus,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

impl ListedSandbox {
    /// Where it stands in a list.
    pub fn position(&self) -> Position {
        Position { at: self.created_at, id: self.id.to_string() }
    }
}

/// How many sandboxes there may be.
#[derive(Debug, Clone, Copy)]
pub struct SandboxLimits {
    /// In a project.
    pub of_project: u32,
    /// In all projects of an account that the operator does not trust.
    pub of_account: i64,
}

/// Makes a sandbox a project's; `false` where the project or its account has as many as it may, where the project has one with
/// this key, or where the project is gone.
pub async fn add(sql: &dyn Sql, sandbox: &ListedSandbox, limits: SandboxLimits) -> Result<bool, PortError> {
    let query = "INSERT INTO sandboxes (id, project_id, key, name, description, language, status, created_at, updated_at) \
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8 WHERE EXISTS (SELECT 1 FROM projects WHERE id = ?2) \
                 AND (SELECT COUNT(*) FROM sandboxes WHERE project_id = ?2) < ?9 \
                 AND ((SELECT COUNT(*) FROM projects AS own JOIN projects ON projects.user_id = own.user_id \
                 JOIN sandboxes ON sandboxes.project_id = projects.id WHERE own.id = ?2) < ?10 \
                 OR EXISTS (SELECT 1 FROM projects JOIN users ON users.id = user_id WHERE projects.id = ?2 AND trusted = 1)) \
                 ON CONFLICT DO NOTHING RETURNING id";
    let ListedSandbox { id, project_id, key, name, description, language, status, created_at, .. } = sandbox;
    let (language, status, SandboxLimits { of_project, of_account }) = (language.name(), status.name(), limits);
    let statement = sql!(
        query,
        id.as_str(),
        project_id,
        key.as_deref(),
        name.as_deref(),
        description.as_deref(),
        language,
        status,
        *created_at,
        of_project,
        of_account
    );
    Ok(!sql.query(statement).await?.is_empty())
}

/// How many sandboxes a project has.
pub async fn count(sql: &dyn Sql, project_id: &str) -> Result<u32, PortError> {
    let query = "SELECT COUNT(*) FROM sandboxes WHERE project_id = ?1";
    let count = sql.query(sql!(query, project_id)).await?.first_mut().map(Row::integer).transpose()?;
    Ok(count.and_then(|count| u32::try_from(count).ok()).unwrap_or(0))
}

/// What the sandboxes of an account store together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoredBytes {
    pub bytes: u64,
    /// Whether the operator trusts the account.
    pub is_trusted: bool,
}

/// What the sandboxes of the account that owns a project store; nothing if nobody owns it.
pub async fn stored_bytes(sql: &dyn Sql, project_id: &str) -> Result<StoredBytes, PortError> {
    let query = "SELECT SUM(stored_bytes), MAX(trusted) FROM projects AS own JOIN users ON users.id = own.user_id \
                 JOIN projects ON projects.user_id = own.user_id JOIN sandboxes ON sandboxes.project_id = projects.id \
                 WHERE own.id = ?1";
    let Some(mut row) = sql.query(sql!(query, project_id)).await?.into_iter().next() else {
        return Ok(StoredBytes::default());
    };
    let bytes = row.optional_integer()?.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
    Ok(StoredBytes { bytes, is_trusted: row.optional_integer()? == Some(1) })
}

/// A sandbox of a project that exists.
pub async fn find(sql: &dyn Sql, project_id: &str, id: &SandboxId) -> Result<Option<ListedSandbox>, PortError> {
    let query = "SELECT id, project_id, key, name, description, language, status, created_at, updated_at, last_used_at \
                 FROM sandboxes WHERE id = ?2 AND project_id = ?1";
    sql.query(sql!(query, project_id, id.as_str())).await?.into_iter().next().map(read).transpose()
}

/// The id of the sandbox with this key.
pub async fn id_of_key(sql: &dyn Sql, project_id: &str, key: &str) -> Result<Option<SandboxId>, PortError> {
    let query = "SELECT id FROM sandboxes WHERE project_id = ?1 AND key = ?2";
    sql.query(sql!(query, project_id, key)).await?.into_iter().next().map(|mut row| read_id(&mut row)).transpose()
}

/// The project of a sandbox, if this user owns it.
pub async fn project_of_user(sql: &dyn Sql, user_id: &str, id: &SandboxId) -> Result<Option<String>, PortError> {
    let query = "SELECT project_id FROM sandboxes JOIN projects ON projects.id = project_id \
                 WHERE sandboxes.id = ?2 AND user_id = ?1";
    sql.query(sql!(query, user_id, id.as_str())).await?.into_iter().next().map(|mut row| row.text()).transpose()
}

/// A project's sandboxes, the newest first.
pub async fn list(sql: &dyn Sql, project_id: &str, page: &Page) -> Result<Vec<ListedSandbox>, PortError> {
    let query = "SELECT id, project_id, key, name, description, language, status, created_at, updated_at, last_used_at \
                 FROM sandboxes WHERE project_id = ?1 AND (created_at, id) < (?2, ?3) \
                 ORDER BY created_at DESC, id DESC LIMIT ?4";
    let Position { at, id } = page.after();
    sql.query(sql!(query, project_id, at, id, page.rows())).await?.into_iter().map(read).collect()
}

/// What changes of what lists show; `None` leaves it.
pub struct ListedChange {
    pub name: Option<String>,
    pub description: Option<String>,
    pub language: Option<RunLanguage>,
}

/// Changes what lists show.
pub async fn change(
    sql: &dyn Sql,
    sandbox: &SandboxOf,
    change: &ListedChange,
    now: Timestamp,
) -> Result<(), PortError> {
    let query = "UPDATE sandboxes SET name = COALESCE(?3, name), description = COALESCE(?4, description), \
                 language = COALESCE(?5, language), updated_at = ?6 WHERE id = ?2 AND project_id = ?1";
    let SandboxOf { project_id, id } = sandbox;
    let (name, description) = (change.name.as_deref(), change.description.as_deref());
    let language = change.language.map(RunLanguage::name);
    let statement = sql!(query, project_id, id.as_str(), name, description, language, now);
    sql.query(statement).await.map(drop)
}

/// Removes a sandbox.
pub async fn remove(sql: &dyn Sql, id: &SandboxId) -> Result<(), PortError> {
    sql.query(sql!("DELETE FROM sandboxes WHERE id = ?1", id.as_str())).await.map(drop)
}

/// Notes that a project is gone, in the transaction that deletes it.
pub fn leave_behind(project_id: &str) -> Statement {
    sql!("INSERT INTO sandbox_orphans (project_id) VALUES (?1) ON CONFLICT DO NOTHING", project_id)
}

/// Projects that are gone and may have sandboxes left, in the order of their ids, beginning after `after`.
pub async fn orphans(sql: &dyn Sql, after: &str, at_most: u32) -> Result<Vec<String>, PortError> {
    let query = "SELECT project_id FROM sandbox_orphans WHERE project_id > ?1 ORDER BY project_id LIMIT ?2";
    sql.query(sql!(query, after, at_most)).await?.into_iter().map(|mut row| row.text()).collect()
}

/// Forgets a project that is gone and has no sandboxes left.
pub async fn forget_orphan(sql: &dyn Sql, project_id: &str) -> Result<(), PortError> {
    let query = "DELETE FROM sandbox_orphans WHERE project_id = ?1 \
                 AND NOT EXISTS (SELECT 1 FROM sandboxes WHERE project_id = ?1)";
    sql.query(sql!(query, project_id)).await.map(drop)
}

/// [`SandboxDirectory`] in the database.
pub struct SqlSandboxDirectory(pub Rc<dyn Sql>);

#[async_trait(?Send)]
impl SandboxDirectory for SqlSandboxDirectory {
    async fn owner_of(&self, project_id: &str) -> Result<Option<String>, PortError> {
        let query = "SELECT user_id FROM projects WHERE id = ?1";
        let row = self.0.query(sql!(query, project_id)).await?.into_iter().next();
        Ok(row.map(|mut row| row.optional_text()).transpose()?.flatten())
    }

    async fn is_suspended(&self, project_id: &str) -> Result<bool, PortError> {
        let query = "SELECT suspended_at FROM projects LEFT JOIN users ON users.id = user_id WHERE projects.id = ?1";
        let row = self.0.query(sql!(query, project_id)).await?.into_iter().next();
        row.map_or(Ok(true), |mut row| Ok(row.optional_time()?.is_some()))
    }

    async fn note(
        &self,
        id: &SandboxId,
        status: SandboxStatus,
        last_used_at: Option<Timestamp>,
        stored_bytes: u64,
    ) -> Result<(), PortError> {
        let query = "UPDATE sandboxes SET status = ?2, last_used_at = ?3, stored_bytes = ?4 WHERE id = ?1";
        let stored_bytes = i64::try_from(stored_bytes).unwrap_or(i64::MAX);
        self.0.query(sql!(query, id.as_str(), status.name(), last_used_at, stored_bytes)).await.map(drop)
    }

    async fn remove(&self, id: &SandboxId) -> Result<(), PortError> {
        remove(&*self.0, id).await
    }
}

fn read(mut row: Row) -> Result<ListedSandbox, PortError> {
    let unreadable = |what: &str| PortError(format!("The {what} of a sandbox is unreadable."));
    Ok(ListedSandbox {
        id: read_id(&mut row)?,
        project_id: row.text()?,
        key: row.optional_text()?,
        name: row.optional_text()?,
        description: row.optional_text()?,
        language: RunLanguage::parse(&row.text()?).ok_or_else(|| unreadable("language"))?,
        status: read_status(&row.text()?).ok_or_else(|| unreadable("status"))?,
        created_at: row.time()?,
        updated_at: row.time()?,
        last_used_at: row.optional_time()?,
    })
}

fn read_id(row: &mut Row) -> Result<SandboxId, PortError> {
    SandboxId::parse(&row.text()?).ok_or_else(|| PortError("The id of a sandbox is none.".to_owned()))
}

fn read_status(name: &str) -> Option<SandboxStatus> {
    SandboxStatus::ALL.into_iter().find(|status| status.name() == name)
}

#[cfg(test)]
mod tests {
    use crate::tests::sqlite::Sqlite;

    #[test]
    fn sandboxes_are_found_without_a_scan() {
        for query in [
            "SELECT project_id FROM sandbox_orphans WHERE project_id > 'a' ORDER BY project_id LIMIT 1",
            "SELECT id FROM sandboxes WHERE project_id = 'a' AND key = 'b'",
            "SELECT id FROM sandboxes WHERE project_id = 'a' AND (created_at, id) < (1, 'b') \
             ORDER BY created_at DESC, id DESC LIMIT 1",
            "SELECT COUNT(*) FROM sandboxes WHERE project_id = 'a'",
        ] {
            let plan = Sqlite::migrated().plan(query).join("; ");
            assert!(plan.contains("SEARCH") && !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
