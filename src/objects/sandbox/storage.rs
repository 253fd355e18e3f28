//! What a sandbox stores in its own database: one row about itself, and its latest executions.

use crate::domain::input::page::{Page, Position};
use crate::domain::sandbox::id::SandboxId;
use crate::domain::timestamp::Timestamp;
use crate::objects::json_row;
use crate::objects::schema::has_table;
use crate::ports::sandboxes::{ExecutionRecord, SandboxConfig, SandboxOf};
use crate::ports::{LocalSql, PortError, SqlValue};
use docle_api::sandboxes::SandboxStatus;
use serde::{Deserialize, Serialize};

const TABLE: &str = "sandbox";
/// Executions that are kept.
const KEPT_EXECUTIONS: u32 = 1_000;

/// A tree that holds all files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    pub tree: u64,
    /// When its saving began.
    pub saved_at: Timestamp,
}

/// The latest state that a branch and the sandbox that it is a branch of had in common: its manifest stays, and its packs need not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Base {
    pub of: SandboxId,
    pub tree: u64,
}

/// A sandbox as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stored {
    pub sandbox: SandboxOf,
    pub config: SandboxConfig,
    /// The account that pays for it; the project itself if nobody owns that. `None` until it is first started.
    pub account: Option<String>,
    pub status: SandboxStatus,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    /// The tree that the next start restores; `None` if nothing was ever saved.
    pub head: Option<Head>,
    /// What a branch had in common with the sandbox that it is a branch of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// The number of the next tree. No number is used twice.
    pub next_tree: u64,
    /// When the first change after the last save was made.
    pub unsaved_since: Option<Timestamp>,
    pub save_failing: Option<Timestamp>,
    /// The time of the files that were restored after the machine was lost.
    pub restored_from: Option<Timestamp>,
    /// Whether the next answer tells so.
    pub tells_restored: bool,
    /// Whether a runner may still have a machine that is to end.
    pub must_end: bool,
}

impl Stored {
    /// A new sandbox.
    pub fn new(sandbox: SandboxOf, config: SandboxConfig, now: Timestamp) -> Self {
        Self {
            sandbox,
            config,
            account: None,
            status: SandboxStatus::Creating,
            created_at: now,
            last_used_at: None,
            head: None,
            base: None,
            next_tree: 1,
            unsaved_since: None,
            save_failing: None,
            restored_from: None,
            tells_restored: false,
            must_end: false,
        }
    }

    /// The time of the files that the next start restores.
    pub fn time_of_files(&self) -> Timestamp {
        self.head.map_or(self.created_at, |head| head.saved_at)
    }
}

/// The sandbox; `None` if there is none.
pub fn load(sql: &dyn LocalSql) -> Result<Option<Stored>, PortError> {
    json_row::load(sql, TABLE)
}

/// Stores the sandbox.
pub fn save(sql: &dyn LocalSql, stored: &Stored) -> Result<(), PortError> {
    json_row::save(sql, TABLE, stored)
}

/// Adds an execution that has ended, and deletes the oldest one if there are too many.
pub fn add_execution(sql: &dyn LocalSql, record: &ExecutionRecord) -> Result<(), PortError> {
    sql.exec(
        "CREATE TABLE IF NOT EXISTS executions (number INTEGER PRIMARY KEY, started_at INTEGER NOT NULL, id TEXT NOT NULL, \
         json TEXT NOT NULL)",
        &[],
    )?;
    sql.exec("CREATE INDEX IF NOT EXISTS executions_by_time ON executions (started_at, id)", &[])?;
    let json = serde_json::to_string(record).map_err(|error| PortError(error.to_string()))?;
    let args = [record.started_at.into(), record.id.as_str().into(), SqlValue::Text(json)];
    sql.exec("INSERT INTO executions (started_at, id, json) VALUES (?, ?, ?)", &args)?;
    let delete = "DELETE FROM executions WHERE number <= (SELECT MAX(number) FROM executions) - ?";
    sql.exec(delete, &[KEPT_EXECUTIONS.into()]).map(drop)
}

/// Executions, the newest first.
pub fn executions(sql: &dyn LocalSql, page: &Page) -> Result<Vec<ExecutionRecord>, PortError> {
    if !has_table(sql, "executions")? {
        return Ok(Vec::new());
    }
    let query = "SELECT json FROM executions WHERE (started_at, id) < (?, ?) ORDER BY started_at DESC, id DESC LIMIT ?";
    let Position { at, id } = page.after();
    let rows = sql.exec(query, &[at.into(), id.into(), page.rows().into()])?;
    json_row::read_all(&rows, "An execution")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sandbox::settings::Runtime;
    use crate::tests::sqlite::Sqlite;
    use docle_api::sandbox_commands::ExecStatus;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn execution(number: i64) -> ExecutionRecord {
        ExecutionRecord {
            id: format!("exec_{number}"),
            command: "ls".into(),
            file_path: None,
            status: ExecStatus::Success,
            exit_code: 0,
            output: String::new(),
            error: String::new(),
            duration_ms: 1.5,
            started_at: Timestamp(number),
        }
    }

    #[test]
    fn stored_sandbox_format_unchanged() {
        let id = SandboxId::parse(&format!("sbx_{}", "a".repeat(26))).unwrap();
        let sandbox = SandboxOf { project_id: "proj_1".into(), id };
        let config = SandboxConfig { env: BTreeMap::new(), runtime: Runtime::default() };
        let mut stored = Stored::new(sandbox, config, Timestamp(1));
        stored.head = Some(Head { tree: 1, saved_at: Timestamp(2) });
        let runtime = json!({
            "memoryMB": 512, "diskMB": 1024, "network": "registries", "allowedHosts": [], "sleepAfter": 600,
            "saveEverySeconds": 60,
        });
        let expected = json!({
            "sandbox": { "projectId": "proj_1", "id": "sbx_aaaaaaaaaaaaaaaaaaaaaaaaaa" },
            "config": { "env": {}, "runtime": runtime }, "account": null, "status": "creating", "createdAt": 1,
            "lastUsedAt": null, "head": { "tree": 1, "savedAt": 2 }, "nextTree": 1, "unsavedSince": null,
            "saveFailing": null, "restoredFrom": null, "tellsRestored": false, "mustEnd": false,
        });
        assert_eq!(serde_json::to_value(&stored).unwrap(), expected);
        let sql = Sqlite::empty();
        save(&sql, &stored).unwrap();
        assert_eq!(load(&sql), Ok(Some(stored.clone())));
        stored.base = Some(Base { of: stored.sandbox.id.clone(), tree: 3 });
        let expected = json!({ "of": "sbx_aaaaaaaaaaaaaaaaaaaaaaaaaa", "tree": 3 });
        assert_eq!(serde_json::to_value(&stored).unwrap()["base"], expected);
    }

    #[test]
    fn the_latest_executions_are_kept() {
        let sql = Sqlite::empty();
        assert_eq!(executions(&sql, &Page::first()), Ok(Vec::new()));
        for number in 0..1_010 {
            add_execution(&sql, &execution(number)).unwrap();
        }
        let page = executions(&sql, &Page::of(1, None)).unwrap();
        assert_eq!(page, [execution(1_009), execution(1_008)]);
        let count = sql.exec("SELECT COUNT(*) FROM executions", &[]).unwrap();
        assert_eq!(count[0][0], SqlValue::Integer(1_000));
    }
}
