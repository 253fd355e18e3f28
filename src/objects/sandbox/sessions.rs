//! Sessions of a sandbox. Its database knows them; the runner has the shells of those in which commands were executed since it
//! started, so that a session outlives sleep and its shell does not.

use crate::domain::sandbox::session::is_id;
use crate::objects::json_row::read_all;
use crate::objects::sandbox::logic::{SandboxLogic, refusal};
use crate::objects::schema::has_table;
use crate::ports::sandboxes::{HostError, SandboxRefusal, SessionRecord, SessionRequest};
use crate::ports::{LocalSql, PortError, SqlValue};
use docle_protocol::sandbox::ExecJob;
use docle_protocol::sandbox::process::{ProcessError, ProcessErrorCode};
use docle_protocol::sandbox::session::{ExecSession, MAX_SESSIONS};
use std::rc::Rc;

const TABLE: &str = "sessions";

impl SandboxLogic {
    /// Makes, lists or deletes sessions: the sessions as they are after that. It wakes nothing.
    ///
    /// # Errors
    /// As in [`SandboxRefusal`].
    pub async fn sessions(
        self: &Rc<Self>,
        project_id: &str,
        request: &SessionRequest,
    ) -> Result<Vec<SessionRecord>, SandboxRefusal> {
        self.own(project_id)?;
        let sql = &*self.runtime.storage;
        match request {
            SessionRequest::List => {}
            SessionRequest::Create { session } => {
                if find(sql, &session.id)?.is_some() {
                    return Err(refused(ProcessErrorCode::DuplicateSession, "A session with this id is there."));
                }
                self.add_session(session)?;
            }
            SessionRequest::Delete { id } => {
                let is_known = find(sql, id)?.is_some();
                let mut had_shell = false;
                if is_id(id)
                    && let Some(entered) = self.enter_awake(project_id)?
                {
                    had_shell = match self.ports.host.end_session(id).await {
                        Ok(()) => true,
                        Err(HostError::Process(_)) => false,
                        Err(HostError::Unknown) => {
                            self.lost(entered.start)?;
                            false
                        }
                        Err(error) => return Err(refusal(error)),
                    };
                }
                // A terminal may have the name of a session that was never made.
                if !is_known && !had_shell {
                    return Err(refused(ProcessErrorCode::UnknownSession, "There is no such session in this sandbox."));
                }
                if !is_known {
                    return Ok(all(sql)?);
                }
                sql.exec(&format!("DELETE FROM {TABLE} WHERE id = ?"), &[id.as_str().into()])?;
            }
        }
        Ok(all(sql)?)
    }

    /// Completes the session of a command by what is stored of it. One that is not there is made.
    pub(super) fn use_session(&self, job: ExecJob) -> Result<ExecJob, SandboxRefusal> {
        let Some(ExecSession { id, .. }) = job.session.clone() else { return Ok(job) };
        let sql = &*self.runtime.storage;
        let known = find(sql, &id)?;
        let record = match known {
            Some(record) => record,
            None => {
                let created_at = self.now();
                let record =
                    SessionRecord { id, cwd: String::new(), env: Default::default(), is_used: false, created_at };
                self.add_session(&record)?;
                record
            }
        };
        if !record.is_used {
            save(sql, &SessionRecord { is_used: true, ..record.clone() })?;
        }
        let SessionRecord { id, cwd, env, is_used, .. } = record;
        Ok(ExecJob { session: Some(ExecSession { id, cwd, env, is_used }), ..job })
    }

    fn add_session(&self, session: &SessionRecord) -> Result<(), SandboxRefusal> {
        let sql = &*self.runtime.storage;
        if all(sql)?.len() >= MAX_SESSIONS {
            let message = format!("The sandbox has {MAX_SESSIONS} sessions, the most that it may have. Delete one.");
            return Err(refused(ProcessErrorCode::TooManySessions, message));
        }
        Ok(save(sql, session)?)
    }
}

fn refused(code: ProcessErrorCode, message: impl Into<String>) -> SandboxRefusal {
    SandboxRefusal::Process(ProcessError { code, message: message.into() })
}

fn save(sql: &dyn LocalSql, session: &SessionRecord) -> Result<(), PortError> {
    sql.exec(&format!("CREATE TABLE IF NOT EXISTS {TABLE} (id TEXT PRIMARY KEY, json TEXT NOT NULL)"), &[])?;
    let json = serde_json::to_string(session).map_err(|error| PortError(error.to_string()))?;
    let args = [session.id.as_str().into(), SqlValue::Text(json)];
    sql.exec(&format!("INSERT OR REPLACE INTO {TABLE} (id, json) VALUES (?, ?)"), &args).map(drop)
}

pub(super) fn find(sql: &dyn LocalSql, id: &str) -> Result<Option<SessionRecord>, PortError> {
    if !has_table(sql, TABLE)? {
        return Ok(None);
    }
    let rows = sql.exec(&format!("SELECT json FROM {TABLE} WHERE id = ?"), &[id.into()])?;
    Ok(read_all(&rows, "A session")?.pop())
}

/// At most [`MAX_SESSIONS`], in the order of their ids.
fn all(sql: &dyn LocalSql) -> Result<Vec<SessionRecord>, PortError> {
    if !has_table(sql, TABLE)? {
        return Ok(Vec::new());
    }
    let rows = sql.exec(&format!("SELECT json FROM {TABLE} ORDER BY id"), &[])?;
    read_all(&rows, "A session")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::Timestamp;
    use crate::tests::sqlite::Sqlite;
    use serde_json::json;

    #[test]
    fn stored_session_format_unchanged() {
        let env = [("A".to_owned(), "1".to_owned())].into();
        let session =
            SessionRecord { id: "s".into(), cwd: "/tmp".into(), env, is_used: true, created_at: Timestamp(5) };
        let wire = json!({ "id": "s", "cwd": "/tmp", "env": { "A": "1" }, "isUsed": true, "createdAt": 5 });
        assert_eq!(serde_json::to_value(&session).unwrap(), wire);
        let sql = Sqlite::empty();
        assert_eq!(all(&sql), Ok(Vec::new()));
        save(&sql, &session).unwrap();
        assert_eq!(find(&sql, "s"), Ok(Some(session)));
    }
}
