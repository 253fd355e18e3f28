//! How the queries of a log are carried out: none of them reads all runs.

use crate::domain::usage_log::name::{LogId, LogName};
use crate::objects::usage_log::storage::create_tables;
use crate::objects::usage_log::storage::results;
use crate::tests::sqlite::Sqlite;

#[test]
fn no_query_about_some_runs_reads_all_of_them() {
    let sql = Sqlite::empty();
    create_tables(&sql, LogName::of_project(LogId::default())).unwrap();
    results::create_table(&sql, 1).unwrap();
    let list = |condition: &str| {
        format!(
            "SELECT run_id FROM runs WHERE {condition} (created_at, run_id) < (1, 'r') \
             ORDER BY created_at DESC, run_id DESC LIMIT 10 OFFSET 0"
        )
    };
    for (query, index) in [
        (list(""), "runs USING PRIMARY KEY ((created_at,run_id)<(?,?))"),
        (list("tier = 'isolate' AND"), "runs USING COVERING INDEX runs_of_scripts ((created_at,run_id)<(?,?))"),
        (
            list("end_user_id = 'u' AND"),
            "USING COVERING INDEX runs_by_end_user (end_user_id=? AND (created_at,run_id)<(?,?))",
        ),
        (
            "SELECT created_at, run_id FROM runs WHERE end_user_id = 'u' LIMIT 5".into(),
            "runs_by_end_user (end_user_id=?)",
        ),
        ("DELETE FROM runs WHERE created_at = 1 AND run_id = 'r'".into(), "PRIMARY KEY (created_at=? AND run_id=?)"),
        ("SELECT record FROM results_1 WHERE run_id = 'r'".into(), "results_1 USING PRIMARY KEY (run_id=?)"),
        ("SELECT run_id, in_kv FROM results_1 WHERE in_kv IS NOT NULL LIMIT 1".into(), "results_1_in_kv"),
        ("SELECT runs FROM hours WHERE hour = 1".into(), "hours USING PRIMARY KEY (hour=?)"),
    ] {
        let plan = sql.plan(&query);
        assert!(plan.iter().any(|step| step.contains(index)), "{query}: {plan:?}");
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{query}: {plan:?}");
    }
    let oldest = sql.plan("SELECT created_at FROM runs ORDER BY created_at LIMIT 1");
    assert!(!oldest.join(";").contains("TEMP B-TREE"), "{oldest:?}");
}
