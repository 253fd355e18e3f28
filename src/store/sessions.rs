//! Login links, accounts and sessions in the database.

use crate::domain::account::audit::Origin;
use crate::domain::account::email::Email;
use crate::domain::account::session::{Allowance, ListedSession, Session};
use crate::domain::account::sign_up;
use crate::domain::account::token::Token;
use crate::domain::input::page::{Page, Position};
use crate::domain::timestamp::Timestamp;
use crate::ports::sql::sql;
use crate::ports::{PortError, Row, Sql};
use crate::store::audit;

/// A session that is to be made.
pub struct NewSession<'a> {
    pub id: &'a str,
    /// The id of the audit event of the sign-in.
    pub event_id: &'a str,
    pub token: &'a Token,
    /// The account's id, should the address have none yet.
    pub new_user_id: &'a str,
    pub now: Timestamp,
    pub expires_at: Timestamp,
    pub origin: &'a Origin,
    /// What a new account counts against; `None` if nothing limits it.
    pub limits: Option<&'a [(String, Allowance); 3]>,
}

/// Keeps a link until it is redeemed or expires.
pub async fn add_link(sql: &dyn Sql, token: &Token, email: &Email, expires_at: Timestamp) -> Result<(), PortError> {
    let query = "INSERT INTO login_links (token_hash, email, expires_at) VALUES (?1, ?2, ?3)";
    sql.query(sql!(query, token.hash(), email.as_str(), expires_at)).await.map(drop)
}

/// The address of a link that holds, if the link would make an account.
pub async fn new_account_of(sql: &dyn Sql, link: &Token, now: Timestamp) -> Result<Option<Email>, PortError> {
    let query = "SELECT email FROM login_links WHERE token_hash = ?1 AND expires_at > ?2 \
                 AND NOT EXISTS (SELECT 1 FROM users WHERE users.email = login_links.email)";
    let email = sql.query(sql!(query, link.hash(), now)).await?.first_mut().map(Row::text).transpose()?;
    let read = |email: String| Email::parse(&email).map_err(|_| PortError("The address of a link is none.".to_owned()));
    email.map(read).transpose()
}

/// Turns a link into a session, and into an account where the address has none; `false` where the link does not hold, or where
/// too many accounts were made, which leaves the link. A link that was redeemed is gone, and so are all others to its address. The sign-in is written down in the same
/// transaction, so that a failure leaves the link as it was.
///
/// Of any number of calls with one link, one gets the session: they are transactions, one after the other, and the
/// first deletes what the others look for.
pub async fn redeem(sql: &dyn Sql, link: &Token, new: &NewSession<'_>) -> Result<bool, PortError> {
    let hash = link.hash();
    let nothing = [0; 3].map(|_| (String::new(), Allowance { count: u32::MAX, window_ms: sign_up::WINDOW_MS }));
    let limits = new.limits.unwrap_or(&nothing);
    let [(one, of_one), (two, of_two), (three, of_three)] = limits;
    let subjects: Vec<&String> =
        new.limits.iter().flat_map(|limits| limits.iter()).map(|(subject, _)| subject).collect();
    let statements = vec![
        sql!(
            "INSERT INTO users (id, email, created_at) SELECT ?1, email, ?2 FROM login_links \
             WHERE token_hash = ?3 AND expires_at > ?2 \
             AND (SELECT COUNT(*) FROM attempts WHERE subject = ?5 AND at > ?4) < ?8 \
             AND (SELECT COUNT(*) FROM attempts WHERE subject = ?6 AND at > ?4) < ?9 \
             AND (SELECT COUNT(*) FROM attempts WHERE subject = ?7 AND at > ?4) < ?10 \
             ON CONFLICT (email) DO NOTHING",
            new.new_user_id,
            new.now,
            &hash,
            new.now.plus_ms(-sign_up::WINDOW_MS),
            one,
            two,
            three,
            of_one.count,
            of_two.count,
            of_three.count,
        ),
        sql!(
            "INSERT INTO attempts (subject, at) SELECT value, ?2 FROM json_each(?1) \
             WHERE EXISTS (SELECT 1 FROM users WHERE id = ?3)",
            serde_json::Value::from_iter(subjects.into_iter().cloned()).to_string(),
            new.now,
            new.new_user_id,
        ),
        sql!(
            "INSERT INTO sessions (id, token_hash, user_id, created_at, last_used_at, expires_at, ip, user_agent) \
             SELECT ?1, ?2, users.id, ?3, ?3, ?4, ?5, ?6 FROM login_links JOIN users USING (email) \
             WHERE login_links.token_hash = ?7 AND login_links.expires_at > ?3 RETURNING id",
            new.id,
            new.token.hash(),
            new.now,
            new.expires_at,
            new.origin.ip.as_ref(),
            new.origin.user_agent.as_ref(),
            &hash,
        ),
        sql!(
            "DELETE FROM login_links WHERE email = (SELECT email FROM login_links WHERE token_hash = ?1 AND expires_at > ?2) \
             AND EXISTS (SELECT 1 FROM sessions WHERE id = ?3)",
            &hash,
            new.now,
            new.id,
        ),
        audit::insert_sign_in(new.event_id, new.id),
    ];
    let results = sql.batch(statements).await?;
    Ok(!results[2].is_empty())
}

/// The session of a token, unless it has expired or was ended.
pub async fn find(sql: &dyn Sql, token: &Token, now: Timestamp) -> Result<Option<Session>, PortError> {
    let query = "SELECT sessions.id, user_id, email, users.created_at, trusted, suspended_at, last_used_at \
                 FROM sessions JOIN users \
                 ON users.id = user_id WHERE token_hash = ?1 AND expires_at > ?2";
    let mut rows = sql.query(sql!(query, token.hash(), now)).await?;
    let read = |row: &mut Row| {
        Ok(Session {
            id: row.text()?,
            user_id: row.text()?,
            email: row.text()?,
            user_created_at: row.time()?,
            is_trusted: row.integer()? != 0,
            is_suspended: row.optional_time()?.is_some(),
            last_used_at: row.time()?,
        })
    };
    rows.first_mut().map(read).transpose()
}

/// The account that owns a project, as if it were signed in by `id`; `None` if nobody owns it.
pub async fn of_owner(
    sql: &dyn Sql,
    project_id: &str,
    id: String,
    now: Timestamp,
) -> Result<Option<Session>, PortError> {
    let query = "SELECT users.id, email, users.created_at, trusted, suspended_at FROM projects JOIN users \
                 ON users.id = user_id WHERE projects.id = ?1";
    let read = |row: &mut Row| {
        Ok(Session {
            id,
            user_id: row.text()?,
            email: row.text()?,
            user_created_at: row.time()?,
            is_trusted: row.integer()? != 0,
            is_suspended: row.optional_time()?.is_some(),
            last_used_at: now,
        })
    };
    sql.query(sql!(query, project_id)).await?.first_mut().map(read).transpose()
}

/// Moves the end of a session.
pub async fn renew(sql: &dyn Sql, id: &str, now: Timestamp, expires_at: Timestamp) -> Result<(), PortError> {
    let query = "UPDATE sessions SET last_used_at = ?2, expires_at = ?3 WHERE id = ?1";
    sql.query(sql!(query, id, now, expires_at)).await.map(drop)
}

/// A user's sessions that hold, the newest first.
pub async fn list(sql: &dyn Sql, user_id: &str, now: Timestamp, page: &Page) -> Result<Vec<ListedSession>, PortError> {
    let query = "SELECT id, created_at, last_used_at, expires_at, ip, user_agent FROM sessions \
                 WHERE user_id = ?1 AND expires_at > ?2 AND (created_at, id) < (?3, ?4) \
                 ORDER BY created_at DESC, id DESC LIMIT ?5";
    let Position { at, id } = page.after();
    let rows = sql.query(sql!(query, user_id, now, at, id, page.rows())).await?;
    let read = |mut row: Row| {
        Ok(ListedSession {
            id: row.text()?,
            created_at: row.time()?,
            last_used_at: row.time()?,
            expires_at: row.time()?,
            origin: Origin { ip: row.optional_text()?, user_agent: row.optional_text()? },
        })
    };
    rows.into_iter().map(read).collect()
}

/// Ends a user's session; `false` where the user has none of this id.
pub async fn end(sql: &dyn Sql, user_id: &str, id: &str) -> Result<bool, PortError> {
    let query = "DELETE FROM sessions WHERE id = ?1 AND user_id = ?2 RETURNING id";
    Ok(!sql.query(sql!(query, id, user_id)).await?.is_empty())
}

/// Deletes a user who has no projects any more, with all that is known of them.
pub async fn delete_user(sql: &dyn Sql, user_id: &str, email: &str) -> Result<(), PortError> {
    let statements = vec![
        sql!("DELETE FROM audit_events WHERE user_id = ?1", user_id),
        sql!("DELETE FROM login_links WHERE email = ?1", email),
        sql!(
            "DELETE FROM attempts WHERE subject IN (?1, ?2)",
            format!("email:{email}"),
            format!("device code:{user_id}")
        ),
        sql!("DELETE FROM outbox WHERE recipient = ?1", email),
        sql!("DELETE FROM sessions WHERE user_id = ?1", user_id),
        sql!("DELETE FROM users WHERE id = ?1", user_id),
    ];
    sql.batch(statements).await.map(drop)
}

/// Deletes what has expired.
pub async fn purge(sql: &dyn Sql, now: Timestamp) -> Result<(), PortError> {
    let statements = vec![
        sql!("DELETE FROM login_links WHERE expires_at <= ?1", now),
        sql!("DELETE FROM sessions WHERE expires_at <= ?1", now),
    ];
    sql.batch(statements).await.map(drop)
}
