//! Records of runs and counts of them in the database.

use crate::domain::input::page::{Page, Position};
use crate::domain::timestamp::Timestamp;
use crate::ports::sql::sql;
use crate::ports::{PortError, Row, Sql, Statement};

/// The hours that are asked about: from the first to before the last, counted since 1970.
#[derive(Debug, Clone, Copy)]
pub struct Hours {
    pub from: i64,
    pub to: i64,
}

/// How many runs there were of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    pub language: String,
    pub status: String,
    /// See [`crate::domain::usage::bucket_of`].
    pub bucket: u32,
    pub runs: i64,
}

/// How many runs began in a stretch of hours, and how many of them succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The first hour.
    pub hour: i64,
    pub runs: i64,
    pub successes: i64,
}

/// How many runs a key was used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCount {
    pub key_id: String,
    /// `None` where the key is gone.
    pub name: Option<String>,
    pub runs: i64,
}

/// How many runs were made for an end user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndUserCount {
    pub id: String,
    pub runs: i64,
    pub last_run_at: Timestamp,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRun {
    pub run_id: String,
    pub key_id: String,
    pub created_at: Timestamp,
    pub language: String,
    pub snippet: String,
    pub status: String,
    pub exit_code: i64,
    pub duration_ms: i64,
    /// JSON as the caller sent it.
    pub user_context: Option<String>,
    pub ip: Option<String>,
}

impl UsageRun {
    /// Where it stands in a list.
    pub fn position(&self) -> Position {
        Position { at: self.created_at, id: self.run_id.clone() }
    }
}

/// Keys and end users that are shown: more than anybody reads.
const MAX_SHOWN: u32 = 100;

/// The statements that flush records, each [encoded](crate::domain::usage::encode), in one transaction. A record that
/// is there already, or twice among these, is neither stored nor counted again, so a flush whose end is unknown may be repeated; and what
/// was deleted with its project stays deleted.
pub fn insert(records: &[String]) -> Vec<Statement> {
    if records.is_empty() {
        return Vec::new();
    }
    let all = format!("[{}]", records.join(","));
    // Counts come first: they tell new records from old ones by what is stored.
    let counts = [COUNT_HOURS, COUNT_TOTALS, COUNT_KEYS, COUNT_END_USERS];
    counts.into_iter().map(|count| sql!(count, &all)).chain([sql!(STORE_RUNS, &all)]).collect()
}

/// The records that are not stored yet, each once, of projects that are not deleted.
macro_rules! from_new_records {
    () => {
        "FROM (SELECT value FROM json_each(?1) GROUP BY value ->> 'runId')
WHERE NOT EXISTS (SELECT 1 FROM usage_runs WHERE run_id = value ->> 'runId')
  AND EXISTS (SELECT 1 FROM projects WHERE id = value ->> 'projectId')
"
    };
}

const COUNT_HOURS: &str = concat!(
    "INSERT INTO usage_hours (project_id, hour, status, runs)
SELECT value ->> 'projectId', value ->> 'hour', value ->> 'status', count(*)
",
    from_new_records!(),
    "GROUP BY 1, 2, 3 ON CONFLICT DO UPDATE SET runs = runs + excluded.runs"
);

const COUNT_TOTALS: &str = concat!(
    "INSERT INTO usage_totals (project_id, tier, language, status, bucket, runs)
SELECT value ->> 'projectId', value ->> 'tier', value ->> 'language', value ->> 'status', value ->> 'bucket', count(*)
",
    from_new_records!(),
    "GROUP BY 1, 2, 3, 4, 5 ON CONFLICT DO UPDATE SET runs = runs + excluded.runs"
);

const COUNT_KEYS: &str = concat!(
    "INSERT INTO usage_keys (project_id, key_id, runs)
SELECT value ->> 'projectId', value ->> 'keyId', count(*)
",
    from_new_records!(),
    "GROUP BY 1, 2 ON CONFLICT DO UPDATE SET runs = runs + excluded.runs"
);

const COUNT_END_USERS: &str = concat!(
    "INSERT INTO usage_end_users (project_id, end_user_id, runs, last_run_at)
SELECT value ->> 'projectId', value ->> 'endUserId', count(*), max(value ->> 'createdAt')
",
    from_new_records!(),
    "  AND value ->> 'endUserId' IS NOT NULL
GROUP BY 1, 2
ON CONFLICT DO UPDATE SET runs = runs + excluded.runs, last_run_at = max(last_run_at, excluded.last_run_at)"
);

const STORE_RUNS: &str = "\
INSERT INTO usage_runs (run_id, project_id, key_id, created_at, tier, language, snippet, status, exit_code,
                        duration_ms, end_user_id, user_context, ip)
SELECT value ->> 'runId', value ->> 'projectId', value ->> 'keyId', value ->> 'createdAt', value ->> 'tier',
       value ->> 'language', value ->> 'snippet', value ->> 'status', value ->> 'exitCode', value ->> 'durationMs',
       value ->> 'endUserId', value ->> 'userContext', value ->> 'ip'
FROM json_each(?1)
WHERE EXISTS (SELECT 1 FROM projects WHERE id = value ->> 'projectId')
ON CONFLICT DO NOTHING";

/// Runs since the beginning by language, status and duration.
pub async fn counts(sql: &dyn Sql, project_id: &str) -> Result<Vec<Count>, PortError> {
    let read = |mut row: Row| {
        Ok(Count {
            language: row.text()?,
            status: row.text()?,
            bucket: u32::try_from(row.integer()?).unwrap_or(u32::MAX),
            runs: row.integer()?,
        })
    };
    sql.query(sql!(COUNTS, project_id)).await?.into_iter().map(read).collect()
}

const COUNTS: &str = "SELECT language, status, bucket, sum(runs) AS runs FROM usage_totals WHERE project_id = ?1 \
                      GROUP BY language, status, bucket";

/// Runs over time, in stretches of `step` hours; stretches without any are left out.
pub async fn series(sql: &dyn Sql, project_id: &str, hours: Hours, step: i64) -> Result<Vec<Stretch>, PortError> {
    let read = |mut row: Row| Ok(Stretch { hour: row.integer()?, runs: row.integer()?, successes: row.integer()? });
    sql.query(sql!(SERIES, project_id, hours.from, hours.to, step)).await?.into_iter().map(read).collect()
}

const SERIES: &str = "SELECT hour / CAST(?4 AS INTEGER) * CAST(?4 AS INTEGER) AS stretch, sum(runs) AS runs, \
                      sum(iif(status = 'success', runs, 0)) AS successes FROM usage_hours \
                      WHERE project_id = ?1 AND hour >= ?2 AND hour < ?3 GROUP BY stretch ORDER BY stretch";

/// Runs since the beginning by key, the most used first.
pub async fn by_key(sql: &dyn Sql, project_id: &str) -> Result<Vec<KeyCount>, PortError> {
    let read = |mut row: Row| Ok(KeyCount { key_id: row.text()?, name: row.optional_text()?, runs: row.integer()? });
    sql.query(sql!(BY_KEY, project_id, MAX_SHOWN)).await?.into_iter().map(read).collect()
}

const BY_KEY: &str = "SELECT key_id, (SELECT name FROM api_keys WHERE id = key_id) AS name, runs FROM usage_keys \
                      WHERE project_id = ?1 ORDER BY runs DESC LIMIT ?2";

/// Runs by end user since the beginning, those with the most first.
pub async fn by_end_user(sql: &dyn Sql, project_id: &str) -> Result<Vec<EndUserCount>, PortError> {
    let read = |mut row: Row| Ok(EndUserCount { id: row.text()?, runs: row.integer()?, last_run_at: row.time()? });
    sql.query(sql!(BY_END_USER, project_id, MAX_SHOWN)).await?.into_iter().map(read).collect()
}

const BY_END_USER: &str = "SELECT end_user_id, runs, last_run_at FROM usage_end_users WHERE project_id = ?1 \
                           ORDER BY runs DESC LIMIT ?2";

/// The runs of a project, the newest first.
pub async fn history(sql: &dyn Sql, project_id: &str, page: &Page) -> Result<Vec<UsageRun>, PortError> {
    let Position { at, id } = page.after();
    sql.query(sql!(HISTORY, project_id, at, id, page.rows())).await?.into_iter().map(read_run).collect()
}

const HISTORY: &str = "SELECT run_id, key_id, created_at, language, snippet, status, exit_code, duration_ms, \
                       user_context, ip FROM usage_runs WHERE project_id = ?1 AND (created_at, run_id) < (?2, ?3) \
                       ORDER BY created_at DESC, run_id DESC LIMIT ?4";

/// The scripts of a project, the newest first, without the `offset` newest ones of the page.
pub async fn scripts(sql: &dyn Sql, project_id: &str, page: &Page, offset: u32) -> Result<Vec<UsageRun>, PortError> {
    let Position { at, id } = page.after();
    sql.query(sql!(SCRIPTS, project_id, at, id, page.rows(), offset)).await?.into_iter().map(read_run).collect()
}

const SCRIPTS: &str = "SELECT run_id, key_id, created_at, language, snippet, status, exit_code, duration_ms, \
                       user_context, ip FROM usage_runs WHERE project_id = ?1 AND (created_at, run_id) < (?2, ?3) \
                       AND tier = 'isolate' \
                       ORDER BY created_at DESC, run_id DESC LIMIT ?4 OFFSET ?5";

/// The runs for one end user, the newest first.
pub async fn history_of_end_user(
    sql: &dyn Sql,
    project_id: &str,
    end_user_id: &str,
    page: &Page,
) -> Result<Vec<UsageRun>, PortError> {
    let Position { at, id } = page.after();
    let statement = sql!(HISTORY_OF_END_USER, project_id, end_user_id, at, id, page.rows());
    sql.query(statement).await?.into_iter().map(read_run).collect()
}

const HISTORY_OF_END_USER: &str = "SELECT run_id, key_id, created_at, language, snippet, status, exit_code, duration_ms, \
                                   user_context, ip FROM usage_runs WHERE project_id = ?1 AND end_user_id = ?2 \
                                   AND (created_at, run_id) < (?3, ?4) ORDER BY created_at DESC, run_id DESC LIMIT ?5";

fn read_run(mut row: Row) -> Result<UsageRun, PortError> {
    Ok(UsageRun {
        run_id: row.text()?,
        key_id: row.text()?,
        created_at: row.time()?,
        language: row.text()?,
        snippet: row.text()?,
        status: row.text()?,
        exit_code: row.integer()?,
        duration_ms: row.integer()?,
        user_context: row.optional_text()?,
        ip: row.optional_text()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::sqlite::Sqlite;
    use futures::executor::block_on;
    use serde_json::json;

    fn record(project: &str, run: u32) -> String {
        json!({
            "runId": format!("run_{run}"), "projectId": project, "keyId": "key_1", "createdAt": run, "hour": run / 10,
            "tier": "run", "language": "python", "snippet": "print(1)", "status": if run.is_multiple_of(4) { "error" } else { "success" },
            "exitCode": 0, "durationMs": 12, "bucket": 12, "endUserId": run.is_multiple_of(2).then_some("u"),
            "userContext": null, "ip": null,
        })
        .to_string()
    }

    fn flushed(sql: &Sqlite, records: &[String]) {
        block_on(Sql::batch(sql, insert(records))).unwrap();
    }

    #[test]
    fn a_flush_that_is_repeated_counts_once() {
        let sql = Sqlite::migrated();
        sql.run("INSERT INTO projects (id, name, created_at) VALUES ('proj_1', 'One', 0)");
        let first: Vec<_> = (0..20).map(|run| record("proj_1", run)).collect();
        let more: Vec<_> = (10..30).chain(15..25).map(|run| record("proj_1", run)).collect();
        for records in [&first, &more, &first] {
            flushed(&sql, records);
        }
        flushed(&sql, &[record("proj_of_nobody", 1_000)]);
        let hours = Hours { from: 0, to: 10 };
        let counts = block_on(counts(&sql, "proj_1")).unwrap();
        assert_eq!(counts.iter().map(|count| count.runs).sum::<i64>(), 30);
        let stretch = |hour, runs, successes| Stretch { hour, runs, successes };
        let series = block_on(series(&sql, "proj_1", hours, 1)).unwrap();
        assert_eq!(series, [stretch(0, 10, 7), stretch(1, 10, 8), stretch(2, 10, 7)]);
        let keys = block_on(by_key(&sql, "proj_1")).unwrap();
        assert_eq!((keys.len(), keys[0].key_id.as_str(), keys[0].runs), (1, "key_1", 30));
        let users = block_on(by_end_user(&sql, "proj_1")).unwrap();
        assert_eq!((users[0].runs, users[0].last_run_at), (15, Timestamp(28)));
        let page = Page::parse(None, None).unwrap();
        assert_eq!(block_on(history(&sql, "proj_1", &page)).unwrap().len(), 30);
        assert_eq!(sql.texts("SELECT 'x' FROM usage_runs WHERE project_id = 'proj_of_nobody'").len(), 0);
    }

    #[test]
    fn no_question_about_a_project_reads_rows_of_another() {
        let sql = Sqlite::migrated();
        let indexes = [
            (COUNTS, "usage_totals USING PRIMARY KEY (project_id=?)"),
            (SERIES, "usage_hours USING PRIMARY KEY (project_id=? AND hour>? AND hour<?)"),
            (BY_KEY, "usage_keys USING COVERING INDEX usage_keys_by_runs (project_id=?)"),
            (BY_END_USER, "usage_end_users USING INDEX usage_end_users_by_runs (project_id=?)"),
            (HISTORY, "usage_runs USING INDEX usage_runs_by_project (project_id=? AND (created_at,run_id)<(?,?))"),
            (
                HISTORY_OF_END_USER,
                "usage_runs USING INDEX usage_runs_by_end_user (project_id=? AND end_user_id=? AND (created_at,run_id)<(?,?))",
            ),
        ];
        for (query, index) in indexes {
            let plan = sql.plan(query);
            assert!(plan.iter().any(|step| step.ends_with(index)), "{plan:?}");
            assert!(!plan.iter().any(|step| step.contains("SCAN")), "{plan:?}");
        }
    }

    #[test]
    fn totals_read_every_hour_since_the_beginning() {
        for query in [COUNTS, BY_KEY, BY_END_USER, HISTORY] {
            assert!(!query.contains("usage_hours"), "{query}");
        }
        // A year of runs in each hour makes no more rows of totals than a day.
        let sql = Sqlite::migrated();
        sql.run("INSERT INTO projects (id, name, created_at) VALUES ('proj_1', 'One', 0)");
        let rows = |sql: &Sqlite| ["usage_totals", "usage_keys"].map(|table| sql.dump(table).len());
        flushed(&sql, &(0..240).map(|run| record("proj_1", run)).collect::<Vec<_>>());
        let after_a_day = rows(&sql);
        flushed(&sql, &(240..4_000).map(|run| record("proj_1", run)).collect::<Vec<_>>());
        assert_eq!(rows(&sql), after_a_day);
        assert_eq!(block_on(counts(&sql, "proj_1")).unwrap().iter().map(|count| count.runs).sum::<i64>(), 4_000);
    }
}
