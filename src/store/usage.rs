//! The copies of the logs of runs in the database: one row for each hour and kind of a project, and one with its latest runs.

use crate::domain::timestamp::{HOUR_MS, Timestamp};
use crate::ports::sql::sql;
use crate::ports::{LogCopy, PortError, Sql, Statement};
use serde::Serialize;

/// Rows that one statement deletes, so that none of them holds up the database for others.
const DELETED_AT_ONCE: i64 = 1_000;

/// The statements that write a copy. They may be repeated, and arrive in any order: a count only grows, and an older list of
/// runs replaces no newer one. What was deleted with its project stays deleted.
pub fn write(copy: &LogCopy) -> Vec<Statement> {
    let (log, shard) = (copy.log.log.to_string(), u32::from(copy.log.shard()));
    let hours = (!copy.hours.is_empty()).then(|| sql!(WRITE_HOURS, &log, shard, json(&copy.hours)));
    hours.into_iter().chain([sql!(WRITE_RECENT, &log, shard, json(&copy.recent), copy.at)]).collect()
}

const WRITE_HOURS: &str = "\
INSERT INTO usage_hours (project_id, shard, hour, tier, language, status, runs)
SELECT projects.id, ?2, value ->> 'hour', value ->> 'tier', value ->> 'language', value ->> 'status', value ->> 'runs'
FROM projects, json_each(?3) WHERE log_id = ?1
ON CONFLICT DO UPDATE SET runs = max(runs, excluded.runs)";

const WRITE_RECENT: &str = "\
INSERT INTO usage_recent (project_id, shard, runs, updated_at)
SELECT id, ?2, ?3, ?4 FROM projects WHERE log_id = ?1
ON CONFLICT DO UPDATE SET runs = excluded.runs, updated_at = excluded.updated_at
WHERE excluded.updated_at >= updated_at";

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("counts and runs are plain data with string keys, which always encode")
}

/// Deletes counts of hours before `before`: `true` where there may be more.
pub async fn delete_hours_before(sql: &dyn Sql, before: Timestamp) -> Result<bool, PortError> {
    let deleted = sql.query(sql!(DELETE_HOURS, before.0.div_euclid(HOUR_MS), DELETED_AT_ONCE)).await?;
    Ok(deleted.len() as i64 == DELETED_AT_ONCE)
}

const DELETE_HOURS: &str = "\
DELETE FROM usage_hours WHERE (project_id, shard, hour, tier, language, status) IN
  (SELECT project_id, shard, hour, tier, language, status FROM usage_hours WHERE hour < ?1 LIMIT ?2) RETURNING hour";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::usage_log::name::{LogId, LogName};
    use crate::domain::usage_log::query::{HourCount, UsageRun};
    use crate::tests::sqlite::Sqlite;
    use futures::executor::block_on;

    const LOG: &str = "0badcafe01";

    fn database() -> Sqlite {
        let sql = Sqlite::migrated();
        sql.run(&format!("INSERT INTO projects (id, log_id, name, created_at) VALUES ('proj_1', '{LOG}', 'One', 0)"));
        sql
    }

    fn copy(at: i64, runs: i64) -> LogCopy {
        let kind = |hour, status: &str| HourCount {
            hour,
            tier: "run".into(),
            language: "python".into(),
            status: status.into(),
            runs,
        };
        let run = UsageRun {
            run_id: format!("run_{at}"),
            key_id: "key_1".into(),
            created_at: Timestamp(at),
            language: "python".into(),
            snippet: "print(1)".into(),
            status: "success".into(),
            exit_code: 0,
            duration_ms: 1,
            user_context: None,
            ip: None,
        };
        LogCopy {
            log: LogName::of_project(LogId::parse(LOG).unwrap()),
            at: Timestamp(at),
            hours: vec![kind(7, "success"), kind(7, "error"), kind(8, "success")],
            recent: vec![run],
        }
    }

    fn written(sql: &Sqlite, copy: &LogCopy) {
        block_on(Sql::batch(sql, write(copy))).unwrap();
    }

    const COUNTS: &str = "SELECT hour || ' ' || status || ' ' || runs FROM usage_hours ORDER BY hour, status";
    const RUNS: &str = "SELECT json_extract(runs, '$[0].runId') FROM usage_recent";

    #[test]
    fn a_copy_that_is_repeated_or_late_changes_nothing() {
        let sql = database();
        for (at, runs) in [(1, 4), (2, 6), (2, 6), (1, 4)] {
            written(&sql, &copy(at, runs));
        }
        assert_eq!(sql.texts(COUNTS), ["7 error 6", "7 success 6", "8 success 6"]);
        assert_eq!(sql.texts(RUNS), ["run_2"]);
    }

    #[test]
    fn nothing_is_written_for_a_project_that_is_gone() {
        let sql = database();
        sql.run("DELETE FROM projects");
        written(&sql, &copy(1, 1));
        assert!(sql.dump("usage_hours").is_empty() && sql.dump("usage_recent").is_empty());
    }

    #[test]
    fn hours_are_kept_for_a_while() {
        let sql = database();
        written(&sql, &copy(1, 1));
        assert_eq!(block_on(delete_hours_before(&sql, Timestamp(8 * HOUR_MS))), Ok(false));
        assert_eq!(sql.texts(COUNTS), ["8 success 1"]);
    }

    #[test]
    fn no_statement_about_a_project_reads_rows_of_another() {
        let sql = database();
        for query in [WRITE_HOURS, WRITE_RECENT, DELETE_HOURS] {
            let plan = sql.plan(query);
            assert!(plan.iter().all(|step| !step.contains("SCAN") || step.contains("json_each")), "{plan:?}");
        }
    }
}
