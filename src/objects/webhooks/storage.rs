//! What a Webhooks object stores: reports for seven days, and the projects whose attempts fail.

use crate::domain::input::page::{Page, Position};
use crate::domain::timestamp::{DAY_MS, Timestamp};
use crate::domain::webhook::delivery::{AT_ONCE, Delivery};
use crate::domain::webhook::retry::Failures;
use crate::objects::schema::has_table;
use crate::ports::webhooks::ReportsOf;
use crate::ports::{LocalSql, PortError, SqlValue};

/// How long a report is kept, in milliseconds: as long as the result that it is about.
pub const KEPT_MS: i64 = 7 * DAY_MS;
/// The most reports of a project, some 10 MB of the 10 GB of an object. The oldest go first, whatever their state.
pub const MAX_REPORTS: i64 = 10_000;

/// Creates the tables that do not exist yet.
pub fn create_tables(sql: &dyn LocalSql) -> Result<(), PortError> {
    for query in [
        // place: its number in its project. next_at: null if nothing is to come. tried: how many attempts have begun.
        "CREATE TABLE IF NOT EXISTS deliveries (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, \
         project_id TEXT NOT NULL, place INTEGER NOT NULL, host TEXT NOT NULL, end_user_id TEXT, created_at INTEGER NOT NULL, \
         next_at INTEGER, tried INTEGER NOT NULL, delivery TEXT NOT NULL)",
        // New reports come before those that have failed, so that a receiver that is away holds up no other.
        "CREATE INDEX IF NOT EXISTS deliveries_by_turn ON deliveries (tried, next_at) WHERE next_at IS NOT NULL",
        "CREATE INDEX IF NOT EXISTS deliveries_by_next ON deliveries (next_at) WHERE next_at IS NOT NULL",
        "CREATE INDEX IF NOT EXISTS deliveries_by_project ON deliveries (project_id, created_at, id)",
        "CREATE INDEX IF NOT EXISTS deliveries_by_place ON deliveries (project_id, place)",
        "CREATE INDEX IF NOT EXISTS deliveries_by_time ON deliveries (created_at)",
        // off_at: when the object switched the webhooks of the project off, until the owner was told. try_at: when to go on.
        "CREATE TABLE IF NOT EXISTS failures (project_id TEXT PRIMARY KEY, failures TEXT NOT NULL, off_at INTEGER, \
         try_at INTEGER) WITHOUT ROWID",
    ] {
        sql.exec(query, &[])?;
    }
    Ok(())
}

/// Whether anything was ever stored.
pub fn has_tables(sql: &dyn LocalSql) -> Result<bool, PortError> {
    has_table(sql, "failures")
}

/// Adds a report unless it is known, and deletes the oldest ones of its project above [`MAX_REPORTS`]: a project that reports much
/// takes no place from the others of its account.
pub fn add(sql: &dyn LocalSql, delivery: &Delivery) -> Result<(), PortError> {
    let notice = &delivery.notice;
    let args = [
        SqlValue::Text(notice.id()),
        SqlValue::from(&notice.project_id),
        SqlValue::from(&notice.project_id),
        SqlValue::from(&notice.to.host),
        SqlValue::from(notice.end_user_id.as_ref()),
        SqlValue::from(notice.at),
        SqlValue::from(delivery.next_at),
        SqlValue::Text(encode(delivery)?),
    ];
    let insert = "INSERT OR IGNORE INTO deliveries \
                  (id, project_id, place, host, end_user_id, created_at, next_at, tried, delivery) VALUES \
                  (?, ?, (SELECT coalesce(max(place), 0) + 1 FROM deliveries WHERE project_id = ?), ?, ?, ?, ?, 0, ?)";
    sql.exec(insert, &args)?;
    let project_id = || SqlValue::from(&notice.project_id);
    let trim = "DELETE FROM deliveries WHERE project_id = ? AND place <= \
                (SELECT max(place) FROM deliveries WHERE project_id = ?) - ?";
    sql.exec(trim, &[project_id(), project_id(), SqlValue::Integer(MAX_REPORTS)]).map(drop)
}

/// Stores what has become of a report.
pub fn save(sql: &dyn LocalSql, delivery: &Delivery) -> Result<(), PortError> {
    let tried = u32::try_from(delivery.attempts.len()).unwrap_or(u32::MAX);
    let args = [
        SqlValue::from(delivery.next_at),
        SqlValue::from(tried),
        SqlValue::Text(encode(delivery)?),
        SqlValue::Text(delivery.notice.id()),
    ];
    sql.exec("UPDATE deliveries SET next_at = ?, tried = ?, delivery = ? WHERE id = ?", &args).map(drop)
}

/// A report; `None` if it was deleted.
pub fn find(sql: &dyn LocalSql, id: &str) -> Result<Option<Delivery>, PortError> {
    if !has_tables(sql)? {
        return Ok(None);
    }
    Ok(read(sql.exec("SELECT delivery, next_at FROM deliveries WHERE id = ?", &[SqlValue::from(id)])?)?.pop())
}

/// The first reports that are due, for other hosts than these: as many as may be on their way, so that one of them is not.
pub fn due(sql: &dyn LocalSql, now: Timestamp, busy_hosts: &[String]) -> Result<Vec<Delivery>, PortError> {
    if !has_tables(sql)? {
        return Ok(Vec::new());
    }
    let others = busy_hosts.iter().map(|_| " AND host <> ?").collect::<String>();
    let query = format!(
        "SELECT delivery, next_at FROM deliveries WHERE next_at IS NOT NULL AND next_at <= ?{others} \
         ORDER BY tried, next_at LIMIT {AT_ONCE}"
    );
    let args: Vec<_> = [SqlValue::from(now)].into_iter().chain(busy_hosts.iter().map(SqlValue::from)).collect();
    read(sql.exec(&query, &args)?)
}

/// A part of the reports of a project, the newest first.
pub fn list(sql: &dyn LocalSql, project_id: &str, page: &Page) -> Result<Vec<Delivery>, PortError> {
    if !has_tables(sql)? {
        return Ok(Vec::new());
    }
    let query = "SELECT delivery, next_at FROM deliveries WHERE project_id = ? AND (created_at, id) < (?, ?) \
                 ORDER BY created_at DESC, id DESC LIMIT ?";
    let Position { at, id } = page.after();
    read(sql.exec(query, &[SqlValue::from(project_id), SqlValue::from(at), SqlValue::from(id), page.rows().into()])?)
}

/// Deletes reports; those of a whole project with what is known of its failures.
pub fn erase(sql: &dyn LocalSql, reports: &ReportsOf) -> Result<(), PortError> {
    if !has_tables(sql)? {
        return Ok(());
    }
    match reports {
        ReportsOf::Project(id) => {
            sql.exec("DELETE FROM deliveries WHERE project_id = ?", &[SqlValue::from(id)])?;
            forget_failures(sql, id)
        }
        ReportsOf::EndUser { project_id, end_user_id } => {
            let query = "DELETE FROM deliveries WHERE project_id = ? AND end_user_id = ?";
            sql.exec(query, &[SqlValue::from(project_id), SqlValue::from(end_user_id)]).map(drop)
        }
    }
}

/// Deletes reports that are kept no longer.
pub fn purge(sql: &dyn LocalSql, now: Timestamp) -> Result<(), PortError> {
    sql.exec("DELETE FROM deliveries WHERE created_at <= ?", &[SqlValue::from(now.plus_ms(-KEPT_MS))]).map(drop)
}

/// The attempts of a project that have failed since the last one that succeeded.
pub fn failures(sql: &dyn LocalSql, project_id: &str) -> Result<Option<Failures>, PortError> {
    let rows = sql.exec("SELECT failures FROM failures WHERE project_id = ?", &[SqlValue::from(project_id)])?;
    match rows.first().map(Vec::as_slice) {
        None => Ok(None),
        Some([SqlValue::Text(json)]) => serde_json::from_str(json).map(Some).map_err(|_| unreadable()),
        Some(_) => Err(unreadable()),
    }
}

/// Stores the failures of a project, and since when its webhooks are switched off.
pub fn save_failures(
    sql: &dyn LocalSql,
    project_id: &str,
    failures: Failures,
    off_at: Option<Timestamp>,
) -> Result<(), PortError> {
    let json = serde_json::to_string(&failures).map_err(|error| PortError(error.to_string()))?;
    let args = [SqlValue::from(project_id), SqlValue::Text(json), SqlValue::from(off_at), SqlValue::from(off_at)];
    let query = "INSERT INTO failures (project_id, failures, off_at, try_at) VALUES (?, ?, ?, ?) ON CONFLICT (project_id) DO \
                 UPDATE SET failures = excluded.failures, off_at = coalesce(off_at, excluded.off_at), \
                 try_at = coalesce(try_at, excluded.try_at)";
    sql.exec(query, &args).map(drop)
}

/// Forgets the failures of a project.
pub fn forget_failures(sql: &dyn LocalSql, project_id: &str) -> Result<(), PortError> {
    if !has_tables(sql)? {
        return Ok(());
    }
    sql.exec("DELETE FROM failures WHERE project_id = ?", &[SqlValue::from(project_id)]).map(drop)
}

/// The projects whose webhooks are being switched off, with the time since when.
pub fn switching_off(sql: &dyn LocalSql, now: Timestamp) -> Result<Vec<(String, Timestamp)>, PortError> {
    if !has_tables(sql)? {
        return Ok(Vec::new());
    }
    let query = "SELECT project_id, off_at FROM failures WHERE off_at IS NOT NULL AND try_at <= ?";
    let read = |row: Vec<SqlValue>| match &row[..] {
        [SqlValue::Text(project_id), SqlValue::Integer(off_at)] => Some((project_id.clone(), Timestamp(*off_at))),
        _ => None,
    };
    let rows: Option<Vec<_>> = sql.exec(query, &[SqlValue::from(now)])?.into_iter().map(read).collect();
    rows.ok_or_else(unreadable)
}

/// Notes when the switching off of a project goes on.
pub fn try_again(sql: &dyn LocalSql, project_id: &str, at: Timestamp) -> Result<(), PortError> {
    let args = [SqlValue::from(at), SqlValue::from(project_id)];
    sql.exec("UPDATE failures SET try_at = ? WHERE project_id = ?", &args).map(drop)
}

/// When the object has something to do; `None` if it stores nothing that it needs.
pub fn next_alarm(sql: &dyn LocalSql) -> Result<Option<Timestamp>, PortError> {
    if !has_tables(sql)? {
        return Ok(None);
    }
    let earliest = |query: &str| match sql.exec(query, &[])?.first().map(Vec::as_slice) {
        Some([SqlValue::Integer(at)]) => Ok(Some(Timestamp(*at))),
        Some([SqlValue::Null]) | None => Ok(None),
        Some(_) => Err(unreadable()),
    };
    let next = earliest("SELECT min(next_at) FROM deliveries WHERE next_at IS NOT NULL")?;
    let purge = earliest("SELECT min(created_at) FROM deliveries")?.map(|oldest| oldest.plus_ms(KEPT_MS));
    let off = earliest("SELECT min(try_at) FROM failures WHERE off_at IS NOT NULL")?;
    Ok([next, purge, off].into_iter().flatten().min())
}

fn encode(delivery: &Delivery) -> Result<String, PortError> {
    serde_json::to_string(delivery).map_err(|error| PortError(error.to_string()))
}

fn read(rows: Vec<Vec<SqlValue>>) -> Result<Vec<Delivery>, PortError> {
    let read = |row: Vec<SqlValue>| match &row[..] {
        [SqlValue::Text(json), next_at] => {
            let next_at = if let SqlValue::Integer(at) = next_at { Some(Timestamp(*at)) } else { None };
            serde_json::from_str::<Delivery>(json).ok().map(|delivery| Delivery { next_at, ..delivery })
        }
        _ => None,
    };
    let deliveries: Option<Vec<_>> = rows.into_iter().map(read).collect();
    deliveries.ok_or_else(unreadable)
}

fn unreadable() -> PortError {
    PortError("What the webhooks of an account have stored is unreadable.".to_owned())
}
