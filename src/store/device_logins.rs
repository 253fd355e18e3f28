//! Queries of logins of programs that wait for their user.

use crate::domain::account::audit::Origin;
use crate::domain::account::device_login::{DeviceCode, LoginState, UserCode, WaitingLogin, latest_poll};
use crate::domain::timestamp::Timestamp;
use crate::ports::sql::sql;
use crate::ports::{PortError, Row, Sql};

/// Stores a login; `false` if another one has the same user code.
pub async fn add(
    sql: &dyn Sql,
    device: &DeviceCode,
    user: &UserCode,
    login: &WaitingLogin,
    expires_at: Timestamp,
) -> Result<bool, PortError> {
    let query = "INSERT INTO device_logins (code_hash, user_code, client, created_at, expires_at, ip, user_agent) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING RETURNING user_code";
    let WaitingLogin { client, origin, created_at } = login;
    let statement = sql!(
        query,
        device.hash(),
        user.letters(),
        client,
        *created_at,
        expires_at,
        origin.ip.as_ref(),
        origin.user_agent.as_ref()
    );
    Ok(!sql.query(statement).await?.is_empty())
}

/// The login that waits with this user code.
pub async fn find(sql: &dyn Sql, user: &UserCode, now: Timestamp) -> Result<Option<WaitingLogin>, PortError> {
    let query = "SELECT client, created_at, ip, user_agent FROM device_logins \
                 WHERE user_code = ?1 AND state = 'pending' AND expires_at > ?2";
    let read = |row: &mut Row| {
        Ok(WaitingLogin {
            client: row.text()?,
            created_at: row.time()?,
            origin: Origin { ip: row.optional_text()?, user_agent: row.optional_text()? },
        })
    };
    sql.query(sql!(query, user.letters(), now)).await?.first_mut().map(read).transpose()
}

/// Notes what the user has decided: a project, or `None` to refuse. `false` if no login waits with this code. Of several calls one
/// decides.
pub async fn decide(
    sql: &dyn Sql,
    user: &UserCode,
    project_id: Option<&str>,
    now: Timestamp,
) -> Result<bool, PortError> {
    let query = "UPDATE device_logins SET state = ?3, project_id = ?4 \
                 WHERE user_code = ?1 AND state = 'pending' AND expires_at > ?2 RETURNING user_code";
    let state = if project_id.is_some() { "approved" } else { "denied" };
    let project_id = project_id.map(str::to_owned);
    Ok(!sql.query(sql!(query, user.letters(), now, state, project_id.as_ref())).await?.is_empty())
}

/// What was decided about a login, and when its program last polled; `None` if there is none. Unless the poll is too early, it is the last
/// one from here on.
pub async fn poll(
    sql: &dyn Sql,
    device: &DeviceCode,
    now: Timestamp,
) -> Result<Option<(LoginState, Timestamp)>, PortError> {
    let hash = device.hash();
    let query = "SELECT state, project_id, polled_at FROM device_logins WHERE code_hash = ?1 AND expires_at > ?2";
    // A poll that is too early writes nothing.
    let note = "UPDATE device_logins SET polled_at = ?2 WHERE code_hash = ?1 AND expires_at > ?2 AND polled_at <= ?3";
    let mut results = sql.batch(vec![sql!(query, &hash, now), sql!(note, &hash, now, latest_poll(now))]).await?;
    let read = |row: &mut Row| {
        let (state, project_id) = (row.text()?, row.optional_text()?);
        let state = match (state.as_str(), project_id) {
            ("denied", _) => LoginState::Denied,
            ("approved", Some(project_id)) => LoginState::Approved { project_id },
            // Another question is being answered with the token.
            _ => LoginState::Pending,
        };
        Ok((state, row.time()?))
    };
    results.swap_remove(0).first_mut().map(read).transpose()
}

/// Claims an approved login for the one call that makes its token.
pub async fn claim(sql: &dyn Sql, device: &DeviceCode) -> Result<bool, PortError> {
    let query =
        "UPDATE device_logins SET state = 'redeemed' WHERE code_hash = ?1 AND state = 'approved' RETURNING code_hash";
    Ok(!sql.query(sql!(query, device.hash())).await?.is_empty())
}

/// Gives a claimed login back, because its token could not be made.
pub async fn give_back(sql: &dyn Sql, device: &DeviceCode) -> Result<(), PortError> {
    let query = "UPDATE device_logins SET state = 'approved' WHERE code_hash = ?1 AND state = 'redeemed'";
    sql.query(sql!(query, device.hash())).await.map(drop)
}

/// Deletes a login whose program has its token.
pub async fn delete(sql: &dyn Sql, device: &DeviceCode) -> Result<(), PortError> {
    sql.query(sql!("DELETE FROM device_logins WHERE code_hash = ?1", device.hash())).await.map(drop)
}

/// Deletes what has expired.
pub async fn purge(sql: &dyn Sql, now: Timestamp) -> Result<(), PortError> {
    sql.query(sql!("DELETE FROM device_logins WHERE expires_at <= ?1", now)).await.map(drop)
}
