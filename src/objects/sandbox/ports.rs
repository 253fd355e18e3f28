//! Ports that a sandbox exposes. Its database knows them, so that they outlive sleep.

use crate::objects::json_row::read_all;
use crate::objects::sandbox::logic::SandboxLogic;
use crate::objects::schema::has_table;
use crate::ports::previews::{PortRecord, PortRefusal, PortsAnswer, PortsRequest};
use crate::ports::sandboxes::SandboxRefusal;
use crate::ports::{LocalSql, PortError, SqlValue};
use docle_api::limits::MAX_PORTS_PER_SANDBOX;

const TABLE: &str = "ports";

impl SandboxLogic {
    /// Lists, exposes, rotates or unexposes ports: the ports as they are after that. It wakes nothing.
    ///
    /// # Errors
    /// As in [`SandboxRefusal`].
    pub fn ports(&self, project_id: &str, request: &PortsRequest) -> Result<PortsAnswer, SandboxRefusal> {
        self.own(project_id)?;
        let sql = &*self.runtime.storage;
        let mut is_new = false;
        match request {
            PortsRequest::List => {}
            PortsRequest::Expose { record, is_chosen } => {
                let all = all(sql)?;
                let other = all.iter().find(|known| known.port != record.port && known.token == record.token);
                if let (true, Some(other)) = (*is_chosen, other) {
                    return Err(SandboxRefusal::Port(PortRefusal::TokenOf(other.port)));
                }
                let known = all.iter().find(|known| known.port == record.port);
                is_new = known.is_none();
                if is_new && all.len() >= MAX_PORTS_PER_SANDBOX {
                    return Err(SandboxRefusal::Port(PortRefusal::TooMany));
                }
                save(sql, &exposed(known, record.clone(), *is_chosen))?;
            }
            PortsRequest::Rotate { port, token } => {
                let known = find(sql, *port)?.ok_or(SandboxRefusal::Port(PortRefusal::NotExposed))?;
                save(sql, &PortRecord { token: Some(token.clone()), ..known })?;
            }
            PortsRequest::Unexpose { port } => {
                if has_table(sql, TABLE)? {
                    sql.exec(&format!("DELETE FROM {TABLE} WHERE port = ?"), &[i64::from(*port).into()])?;
                }
            }
        }
        Ok(PortsAnswer { ports: all(sql)?, is_new })
    }
}

/// What a port is after it was exposed again: what was not said stays.
fn exposed(known: Option<&PortRecord>, record: PortRecord, is_chosen: bool) -> PortRecord {
    let Some(known) = known else { return record };
    let keeps_token = !is_chosen && record.token.is_some() && known.token.is_some();
    PortRecord {
        token: if keeps_token { known.token.clone() } else { record.token },
        name: record.name.or_else(|| known.name.clone()),
        created_at: known.created_at,
        ..record
    }
}

fn save(sql: &dyn LocalSql, record: &PortRecord) -> Result<(), PortError> {
    sql.exec(&format!("CREATE TABLE IF NOT EXISTS {TABLE} (port INTEGER PRIMARY KEY, json TEXT NOT NULL)"), &[])?;
    let json = serde_json::to_string(record).map_err(|error| PortError(error.to_string()))?;
    let args = [i64::from(record.port).into(), SqlValue::Text(json)];
    sql.exec(&format!("INSERT OR REPLACE INTO {TABLE} (port, json) VALUES (?, ?)"), &args).map(drop)
}

/// The port if it is exposed.
pub(super) fn find(sql: &dyn LocalSql, port: u16) -> Result<Option<PortRecord>, PortError> {
    if !has_table(sql, TABLE)? {
        return Ok(None);
    }
    let rows = sql.exec(&format!("SELECT json FROM {TABLE} WHERE port = ?"), &[i64::from(port).into()])?;
    Ok(read_all(&rows, "A port")?.pop())
}

/// At most [`MAX_PORTS_PER_SANDBOX`], in their order.
fn all(sql: &dyn LocalSql) -> Result<Vec<PortRecord>, PortError> {
    if !has_table(sql, TABLE)? {
        return Ok(Vec::new());
    }
    let rows = sql.exec(&format!("SELECT json FROM {TABLE} ORDER BY port"), &[])?;
    read_all(&rows, "A port")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::Timestamp;
    use crate::tests::sqlite::Sqlite;
    use docle_api::sandbox_ports::HostHeader;
    use serde_json::json;

    #[test]
    fn stored_port_format_unchanged() {
        let record = PortRecord {
            port: 80,
            name: Some("web".into()),
            token: Some("a".into()),
            host_header: HostHeader::Localhost,
            created_at: Timestamp(5),
        };
        let wire = json!({ "port": 80, "name": "web", "token": "a", "hostHeader": "localhost", "createdAt": 5 });
        assert_eq!(serde_json::to_value(&record).unwrap(), wire);
        let sql = Sqlite::empty();
        assert_eq!((find(&sql, 80), all(&sql)), (Ok(None), Ok(Vec::new())));
        save(&sql, &record).unwrap();
        assert_eq!((find(&sql, 80), find(&sql, 81)), (Ok(Some(record)), Ok(None)));
    }
}
