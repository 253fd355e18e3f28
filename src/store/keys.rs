//! API keys in the database. Every query of a user names the user: a key of another user is not found.

use crate::domain::account::audit::Event;
use crate::domain::input::page::{Page, Position};
use crate::domain::key::api_key::{ApiKey, Kind};
use crate::domain::key::gate::KeyConfig;
use crate::domain::key::publishable::PageLimits;
use crate::domain::key::settings::KeySettings;
use crate::domain::run::record::Owner;
use crate::domain::timestamp::Timestamp;
use crate::ports::sql::sql;
use crate::ports::{PortError, Row, Sql, Statement};
use crate::store::accounts::key_horizon;
use crate::store::{audit, projects};
use std::collections::BTreeMap;

/// A key as its owner sees it: all but the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    pub id: String,
    pub project_id: String,
    pub hash: String,
    pub prefix: String,
    pub settings: KeySettings,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    /// The key that replaces this one since its rotation.
    pub successor_id: Option<String>,
    /// The key itself, if it is publishable.
    pub publishable_key: Option<String>,
}

impl StoredKey {
    /// Where it stands in a list.
    pub fn position(&self) -> Position {
        Position { at: self.created_at, id: self.id.clone() }
    }
}

/// A key that is to be stored.
pub struct NewKey<'a> {
    pub id: &'a str,
    pub project_id: &'a str,
    pub key: &'a ApiKey,
    pub settings: &'a KeySettings,
    pub created_at: Timestamp,
}

/// What a key's gate needs to know; `None` where there is no such key.
pub async fn config(sql: &dyn Sql, hash: &str) -> Result<Option<KeyConfig>, PortError> {
    let query = "SELECT api_keys.id, project_id, expires_at, revoked_at, allowed_domains, rate_limit_per_minute, \
                 store_ip, isolates, log_id, user_id, suspended_at, page_limits, allow_in_url FROM api_keys \
                 JOIN projects ON projects.id = project_id LEFT JOIN users ON users.id = user_id WHERE key_hash = ?1";
    let read = |row: &mut Row| {
        let (key_id, project_id) = (row.text()?, row.text()?);
        let (expires_at, revoked_at) = (row.optional_time()?, row.optional_time()?);
        let (allowed_domains, limit, store_ip) = (read_domains(row)?, read_limit(row)?, row.integer()? != 0);
        let (isolates, log_id) = (projects::read_isolates(row)?, projects::read_log_id(row)?);
        Ok(KeyConfig {
            owner: Owner { project_id, log_id, key_id },
            is_revoked: revoked_at.is_some(),
            expires_at,
            allowed_domains,
            limit,
            store_ip,
            isolates,
            account: row.optional_text()?,
            is_suspended: row.optional_time()?.is_some(),
            page: read_page_limits(row)?,
            allow_in_url: row.integer()? != 0,
        })
    };
    sql.query(sql!(query, hash)).await?.first_mut().map(read).transpose()
}

/// Stores a key of one of the user's projects; `false` where the user has `at_most` keys already.
pub async fn add(
    sql: &dyn Sql,
    user_id: &str,
    new: &NewKey<'_>,
    at_most: i64,
    event: Event,
) -> Result<bool, PortError> {
    let mut insert = insert(INSERT, new);
    insert.args.extend([user_id.into(), key_horizon(new.created_at).into(), at_most.into()]);
    let results = sql.batch(vec![insert, audit::insert_if_key_exists(event)]).await?;
    Ok(!results[0].is_empty())
}

/// The keys of a project, the newest first.
pub async fn list(sql: &dyn Sql, project_id: &str, page: &Page) -> Result<Vec<StoredKey>, PortError> {
    let query = "SELECT id, project_id, key_hash, key_prefix, name, allowed_domains, rate_limit_per_minute, \
                 expires_at, created_at, last_used_at, revoked_at, successor_id, page_limits, allow_in_url, is_management, publishable_key \
                 FROM api_keys WHERE project_id = ?1 \
                 AND (created_at, id) < (?2, ?3) ORDER BY created_at DESC, id DESC LIMIT ?4";
    let Position { at, id } = page.after();
    sql.query(sql!(query, project_id, at, id, page.rows())).await?.into_iter().map(read).collect()
}

/// A key of one of the user's projects.
pub async fn find(sql: &dyn Sql, user_id: &str, id: &str) -> Result<Option<StoredKey>, PortError> {
    let query = "SELECT api_keys.id, project_id, key_hash, key_prefix, api_keys.name, allowed_domains, \
                 rate_limit_per_minute, expires_at, api_keys.created_at, last_used_at, revoked_at, successor_id, \
                 page_limits, allow_in_url, is_management, publishable_key FROM api_keys \
                 JOIN projects ON projects.id = project_id WHERE api_keys.id = ?1 AND user_id = ?2";
    sql.query(sql!(query, id, user_id)).await?.into_iter().next().map(read).transpose()
}

/// The hashes of a project's keys that may still be in use.
pub async fn hashes(sql: &dyn Sql, project_id: &str) -> Result<Vec<String>, PortError> {
    let query = "SELECT key_hash FROM api_keys WHERE project_id = ?1 AND revoked_at IS NULL";
    sql.query(sql!(query, project_id)).await?.into_iter().map(|mut row| row.text()).collect()
}

/// Changes the settings of a key.
pub async fn change(sql: &dyn Sql, id: &str, settings: &KeySettings, event: Event) -> Result<(), PortError> {
    let query = "UPDATE api_keys SET name = ?2, allowed_domains = ?3, rate_limit_per_minute = ?4, expires_at = ?5, \
                 page_limits = ?6 WHERE id = ?1";
    // What a key is for, and whether it may stand in URLs, stays what it is.
    let KeySettings {
        name,
        allowed_domains,
        rate_limit_per_minute,
        expires_at,
        page,
        allow_in_url: _,
        is_management: _,
    } = settings;
    let domains = write_domains(allowed_domains);
    let update = sql!(query, id, name, domains, *rate_limit_per_minute, *expires_at, write_page_limits(*page));
    sql.batch(vec![update, audit::insert(event)]).await.map(drop)
}

/// The names of some keys of a project, by their ids; keys that are gone have none.
pub async fn names(sql: &dyn Sql, project_id: &str, ids: &[&str]) -> Result<BTreeMap<String, String>, PortError> {
    let query = "SELECT id, name FROM api_keys WHERE id IN (SELECT value FROM json_each(?2)) AND project_id = ?1";
    let ids = serde_json::to_string(ids).expect("texts always encode");
    let rows = sql.query(sql!(query, project_id, ids)).await?;
    rows.into_iter().map(|mut row| Ok((row.text()?, row.text()?))).collect()
}

/// Stores the successor of a key, which itself ends at `old_ends_at` unless it ends earlier. `false` where the key has a
/// successor already, was revoked, or has expired at `new.created_at`; nothing is stored then.
///
/// Of any number of calls for one key, one makes the successor: they are transactions, one after the other.
pub async fn replace(
    sql: &dyn Sql,
    old_id: &str,
    old_ends_at: Timestamp,
    new: &NewKey<'_>,
    event: Event,
) -> Result<bool, PortError> {
    let mark = "UPDATE api_keys SET successor_id = ?2, expires_at = min(coalesce(expires_at, ?3), ?3) WHERE id = ?1 \
                AND successor_id IS NULL AND revoked_at IS NULL AND coalesce(expires_at > ?4, 1) RETURNING id";
    let statements = vec![
        sql!(mark, old_id, new.id, old_ends_at, new.created_at),
        insert(INSERT_SUCCESSOR, new),
        audit::insert_if_key_has_successor(event, new.id),
    ];
    let results = sql.batch(statements).await?;
    Ok(!results[0].is_empty())
}

/// Ends a key for good. A key that was revoked before stays so since then, and no second event is written.
pub async fn revoke(sql: &dyn Sql, id: &str, now: Timestamp, event: Event) -> Result<(), PortError> {
    let query = "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1";
    sql.batch(vec![audit::insert_if_key_is_unrevoked(event), sql!(query, id, now)]).await.map(drop)
}

const INSERT: &str = "INSERT INTO api_keys (id, project_id, name, key_hash, key_prefix, created_at, allowed_domains, \
                      rate_limit_per_minute, expires_at, page_limits, allow_in_url, is_management, publishable_key) \
                      SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13 WHERE \
                      (SELECT COUNT(*) FROM api_keys JOIN projects ON projects.id = api_keys.project_id \
                      WHERE projects.user_id = ?14 AND (revoked_at IS NULL OR revoked_at > ?15) \
                      AND (expires_at IS NULL OR expires_at > ?15)) < ?16 RETURNING id";

/// The same for a key that another one names as its successor, and for no other key.
const INSERT_SUCCESSOR: &str = "INSERT INTO api_keys (id, project_id, name, key_hash, key_prefix, created_at, \
                                allowed_domains, rate_limit_per_minute, expires_at, page_limits, allow_in_url, is_management, publishable_key) \
                                SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13 FROM api_keys WHERE successor_id = ?1";

fn insert(query: &'static str, new: &NewKey<'_>) -> Statement {
    let KeySettings { name, allowed_domains, rate_limit_per_minute, expires_at, page, allow_in_url, is_management } =
        new.settings;
    let publishable_key = (new.key.kind() == Kind::Publishable).then(|| new.key.reveal());
    sql!(
        query,
        new.id,
        new.project_id,
        name,
        new.key.hash(),
        new.key.prefix(),
        new.created_at,
        write_domains(allowed_domains),
        *rate_limit_per_minute,
        *expires_at,
        write_page_limits(*page),
        i64::from(*allow_in_url),
        i64::from(*is_management),
        publishable_key,
    )
}

fn read(mut row: Row) -> Result<StoredKey, PortError> {
    let mut key = StoredKey {
        id: row.text()?,
        project_id: row.text()?,
        hash: row.text()?,
        prefix: row.text()?,
        settings: KeySettings {
            name: row.text()?,
            allowed_domains: read_domains(&mut row)?,
            rate_limit_per_minute: read_limit(&mut row)?,
            expires_at: row.optional_time()?,
            page: None,
            allow_in_url: false,
            is_management: false,
        },
        created_at: row.time()?,
        last_used_at: row.optional_time()?,
        revoked_at: row.optional_time()?,
        successor_id: row.optional_text()?,
        publishable_key: None,
    };
    key.settings.page = read_page_limits(&mut row)?;
    key.settings.allow_in_url = row.integer()? != 0;
    key.settings.is_management = row.integer()? != 0;
    key.publishable_key = row.optional_text()?;
    Ok(key)
}

fn write_page_limits(limits: Option<PageLimits>) -> Option<String> {
    limits.map(|limits| serde_json::to_string(&limits).expect("limits are plain data, which always encodes"))
}

fn read_page_limits(row: &mut Row) -> Result<Option<PageLimits>, PortError> {
    let read = |text: String| {
        serde_json::from_str(&text).map_err(|error| PortError(format!("The limits of a key are unreadable: {error}")))
    };
    row.optional_text()?.map(read).transpose()
}

fn write_domains(domains: &[String]) -> String {
    serde_json::Value::from(domains).to_string()
}

fn read_domains(row: &mut Row) -> Result<Vec<String>, PortError> {
    serde_json::from_str(&row.text()?)
        .map_err(|error| PortError(format!("The domains of a key are unreadable: {error}")))
}

fn read_limit(row: &mut Row) -> Result<u32, PortError> {
    u32::try_from(row.integer()?).map_err(|_| PortError("The limit of a key is no limit.".to_owned()))
}
