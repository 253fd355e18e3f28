//! Counted attempts in the database: a rolling window for what happens rarely.

use crate::domain::account::session::Allowance;
use crate::domain::timestamp::Timestamp;
use crate::ports::sql::sql;
use crate::ports::{PortError, Sql};

/// Counts an attempt of `subject` where its allowance has room for it. Otherwise nothing is counted, and the answer is
/// when there will be room again.
///
/// It is exact however many call at once: to count and to insert are one statement, and statements that write run one
/// after the other.
pub async fn count(
    sql: &dyn Sql,
    subject: &str,
    allowance: Allowance,
    now: Timestamp,
) -> Result<Result<(), Timestamp>, PortError> {
    let since = now.plus_ms(-allowance.window_ms);
    let insert = "INSERT INTO attempts (subject, at) SELECT ?1, ?2 \
                  WHERE (SELECT count(*) FROM attempts WHERE subject = ?1 AND at > ?3) < ?4 RETURNING at";
    if !sql.query(sql!(insert, subject, now, since, allowance.count)).await?.is_empty() {
        return Ok(Ok(()));
    }
    Ok(Err(room_at(sql, subject, allowance, now).await?.unwrap_or(now)))
}

/// When an allowance that is used up has room again; `None` if it has room now.
pub async fn room_at(
    sql: &dyn Sql,
    subject: &str,
    allowance: Allowance,
    now: Timestamp,
) -> Result<Option<Timestamp>, PortError> {
    let since = now.plus_ms(-allowance.window_ms);
    let query = "SELECT at FROM attempts WHERE subject = ?1 AND at > ?2 ORDER BY at DESC LIMIT 1 OFFSET ?3";
    let last = sql.query(sql!(query, subject, since, allowance.count.saturating_sub(1))).await?;
    let at = last.into_iter().next().map(|mut row| row.time()).transpose()?;
    Ok(at.map(|at| at.plus_ms(allowance.window_ms)))
}

/// Deletes attempts that no window reaches any more.
pub async fn purge(sql: &dyn Sql, before: Timestamp) -> Result<(), PortError> {
    sql.query(sql!("DELETE FROM attempts WHERE at <= ?1", before)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::sqlite::Sqlite;
    use futures::executor::block_on;

    #[test]
    fn a_subject_has_its_allowance_in_every_window() {
        let sql = Sqlite::migrated();
        let allowance = Allowance { count: 2, window_ms: 100 };
        let count = |subject, at| block_on(count(&sql, subject, allowance, Timestamp(at))).unwrap();
        assert_eq!(count("a", 0), Ok(()));
        assert_eq!(count("a", 50), Ok(()));
        assert_eq!(count("a", 99), Err(Timestamp(100)));
        assert_eq!(count("b", 99), Ok(()));
        assert_eq!(count("a", 100), Ok(()), "refused attempts were not counted");
        assert_eq!(count("a", 149), Err(Timestamp(150)));
        block_on(purge(&sql, Timestamp(100))).unwrap();
        assert_eq!(count("b", 149), Ok(()));
    }
}
