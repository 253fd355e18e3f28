//! Mail of a development machine: kept in the database and shown in the log, never sent.

use crate::domain::account::mail::Mail;
use crate::domain::timestamp::Timestamp;
use crate::ports::sql::sql;
use crate::ports::{Clock, Level, Log, Mailer, PortError, Row, Sql};
use async_trait::async_trait;
use serde::Serialize;
use serde_json::json;
use std::rc::Rc;

/// As many as one looks through.
const SHOWN: u32 = 20;

/// A mail that was not sent.
#[derive(Debug, Serialize)]
pub struct KeptMail {
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub created_at: String,
}

/// [`Mailer`] of a development machine.
pub struct Outbox {
    pub sql: Rc<dyn Sql>,
    pub clock: Rc<dyn Clock>,
    pub log: Rc<dyn Log>,
}

#[async_trait(?Send)]
impl Mailer for Outbox {
    async fn send(&self, mail: Mail) -> Result<(), PortError> {
        self.log.write(Level::Info, json!({ "message": "A mail was kept in the outbox.", "mail.text": mail.text }));
        let query = "INSERT INTO outbox (recipient, subject, text, html, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
        let now = self.clock.now();
        self.sql.query(sql!(query, mail.to.as_str(), mail.subject, mail.text, mail.html, now)).await.map(drop)
    }
}

/// The latest mails, the newest first.
pub async fn list(sql: &dyn Sql) -> Result<Vec<KeptMail>, PortError> {
    let query = "SELECT recipient, subject, text, html, created_at FROM outbox ORDER BY id DESC LIMIT ?1";
    let read = |mut row: Row| {
        Ok(KeptMail {
            to: row.text()?,
            subject: row.text()?,
            text: row.text()?,
            html: row.text()?,
            created_at: row.time()?.to_string(),
        })
    };
    sql.query(sql!(query, SHOWN)).await?.into_iter().map(read).collect()
}

/// Deletes mails from before `before`.
pub async fn purge(sql: &dyn Sql, before: Timestamp) -> Result<(), PortError> {
    sql.query(sql!("DELETE FROM outbox WHERE created_at <= ?1", before)).await.map(drop)
}
